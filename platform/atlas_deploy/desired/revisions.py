"""A path as it was in an earlier git revision."""

from __future__ import annotations

import io
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.git import git

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def earlier(path: Path, other: str) -> Iterator[Path]:
    """Give another version of a path: what stands at another one, or what a git revision had here.

    Args:
        path: what is to be compared.
        other: a path or, where nothing is, a revision of the repository that the path is in; what
            this had is written to a folder that is gone again afterwards.

    Raises:
        AtlasError: it is neither, or the revision didn't have the path.
    """
    if Path(other).exists():
        yield Path(other)
        return
    here = path if path.is_dir() else path.parent
    root = Path(_git(here, "rev-parse", "--show-toplevel", what=other).decode().strip())
    inside = path.resolve().relative_to(root)
    with tempfile.TemporaryDirectory(prefix="atlas-") as folder:
        content = _git(root, "archive", "--format=tar", f"{_commit(root, other)}", what=other)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")
        place = Path(folder).resolve() / inside
        if not place.exists():
            raise AtlasError(f"--diff {other}: that revision has no {inside}")
        yield place


def _commit(root: Path, revision: str) -> str:
    """Return a revision's commit, which no option of git can be mistaken for."""
    verify = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return _git(root, *verify, what=revision).decode().strip()


def _git(folder: Path, *arguments: str, what: str) -> bytes:
    """Return what git prints, or explain that the other version can't be found."""
    output = git(folder, *arguments)
    if output is None:
        raise AtlasError(
            f"--diff {what}: there is nothing at that path, and no such git revision; "
            "give a path, a branch, a tag or a commit"
        )
    return output
