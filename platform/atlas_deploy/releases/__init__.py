"""Releases: a Config's pipelines, images and model versions, pinned in git.

A release is an annotated tag ``release/<config>-<n>`` of a commit that holds ``release.lock.json``
and whose only parent is the released commit. The branch ``releases/<config>-<n>`` points at the
same commit. `lock` is the lock's format, `tags` reads releases, `writing` makes them, `extraction`
takes the released files out of git, `signing` makes and checks signatures.
"""

from __future__ import annotations

from atlas_deploy.releases.lock import LockedImage, LockedModel, ReleaseLock
from atlas_deploy.releases.tags import Release, read, releases_of

__all__ = ["LockedImage", "LockedModel", "Release", "ReleaseLock", "read", "releases_of"]
