"""Where Airflow takes DAG files from: one small interface over a folder, a bucket and a repository.

A file is there as a whole or not at all. Of a repository, all files of one change are.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from atlas.errors import PlatformError
from atlas.kinds.content import digest_of
from atlas.uris import is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_PLAN = re.compile(rb'^    "ATLAS_(?:PLAN|MONITORS)": "([0-9a-f]{64})",$', re.MULTILINE)
PROBE = ".atlas-probe"
"""Name of the file that `probe` writes, of which Airflow takes no notice."""
_BUCKET, _REPOSITORY = "s3://", "git+"
SCHEMES = "file:///…, s3://… or git+https://…#branch"
"""What the URL of a place of DAG files begins with, for messages."""


class DagBundle(ABC):
    """Files of DAGs, by DAG id."""

    __slots__ = ()

    lag = 300.0
    """Seconds after which Airflow looks for new files, by its own default (`refresh_interval`)."""

    @property
    @abstractmethod
    def where(self) -> str:
        """Where it is, for messages."""

    @abstractmethod
    def read(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the content of the files that are there.

        Raises:
            AtlasError: the place can't be read.
        """

    @abstractmethod
    def change(self, contents: Mapping[str, bytes | None]) -> None:
        """Write files, and remove those whose content is None; one that is gone is fine.

        It may be repeated after a kill at any point, and while others change other files.

        Raises:
            AtlasError: the place can't be written.
        """

    @abstractmethod
    def probe(self) -> None:
        """Try to write, in a way that Airflow sees nothing of.

        Raises:
            AtlasError: the place can't be written.
        """

    def digests(self, names: Collection[str]) -> dict[str, str]:
        """Return the digests of the files that are there."""
        return {name: digest_of(content) for name, content in self.read(names).items()}

    def plans(self, names: Collection[str]) -> dict[str, str]:
        """Return the digest of what each file was compiled from, a Plan; empty for none."""
        found = self.read(names)
        return {name: plan_in(found.get(name, b"")) for name in names}


def plan_in(content: bytes) -> str:
    """Return the digest of the Plan that a DAG's file was compiled from; empty for none."""
    match = _PLAN.search(content)
    return match[1].decode() if match else ""


def open_bundle(url: str, secrets: str = "", credentials: str = "") -> DagBundle:
    """Return the place of DAG files at a URL.

    Args:
        url: a folder of this machine, ``file:///…``; a prefix of a bucket, ``s3://…``; or a
            branch of a git repository, ``git+https://…#branch``.
        secrets: URL of the folder of secrets.
        credentials: name of the secret that opens a bucket (key id and key) or a repository over
            HTTP (user and token); empty for what this machine's own settings say.

    Raises:
        PlatformError: it is none of these, or isn't there, or the secret can't be read.
    """
    if url.startswith(_BUCKET):
        from atlas.targets.airflow.dag_bucket import DagBucket

        return DagBucket.at(url, secrets, credentials)
    if url.startswith(_REPOSITORY):
        from atlas.targets.airflow.dag_repository import DagRepository

        return DagRepository.at(url, secrets, credentials)
    if is_file_uri(url):
        from atlas.targets.airflow.dag_folder import DagFolder

        return DagFolder.at(url)
    raise PlatformError(f"dags: '{url}' can't hold DAG files; expected {SCHEMES}")


def is_there(url: str) -> bool:
    """Tell whether a place of DAG files may be there: of a folder of this machine, whether it is.

    What is elsewhere says so itself when it is read.
    """
    return not is_file_uri(url) or path_of(url).is_dir()
