"""What a run of `atlas build` works with, and the folders that it keeps."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import files
from atlas.advice import mention
from atlas.dataclass import dataclass
from atlas.images.builders import Access, host_of, is_loopback
from atlas.images.credentials import auth_folder, credentials_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from atlas.images.builders import Builder
    from atlas.images.registry import ImageRegistry
    from atlas.store import Store

_KEPT_LOGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a build works with.

    Attributes:
        state: the state folder; logs and what is known of bases are in its ``builds``.
        store: where builds are recorded.
        builder: what builds.
        registry: where images are pushed; None for nowhere.
        say: takes a line before each thing that takes long.
        again: whether bases are looked up in their registries again, and everything is built again.
        bases: the platform's registry, which may have bases though nothing is pushed there.
    """

    state: Path
    store: Store
    builder: Builder
    registry: ImageRegistry | None
    say: Callable[[str], None]
    again: bool = False
    bases: ImageRegistry | None = None

    def log(self, name: str) -> Path:
        """Return the log of one image's build, emptied; the oldest others are removed."""
        folder = files.own(self.state) / "builds" / "log"
        files.make_folder(folder)
        old = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime)
        for file in old[:-_KEPT_LOGS]:
            file.unlink(missing_ok=True)
        log = folder / f"{name.replace('/', '-').replace(':', '-')}.log"
        files.write(log, "", sync=False)
        return log

    @contextlib.contextmanager
    def context(self) -> Iterator[Path]:
        """Give an empty folder for a build's context, for a while."""
        with tempfile.TemporaryDirectory(dir=self._folder(), prefix="context-") as context:
            yield Path(context)

    def _folder(self) -> Path:
        """Return the private folder of what is only needed meanwhile; the next build empties it."""
        folder = files.own(self.state) / "builds" / "work"
        files.make_folder(folder)
        return folder

    @contextlib.contextmanager
    def access(self, name: str) -> Iterator[Access]:
        """Give the way to the registry of an image's name, for a while."""
        host = host_of(name)
        ours = (registry for registry in (self.registry, self.bases) if registry)
        own = next((registry for registry in ours if registry.host == host), None)
        known = own.credentials if own else credentials_of(host)
        with auth_folder(host, known, self._folder()) as folder:
            yield Access(folder, is_loopback(host))


@contextlib.contextmanager
def alone(state: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Keep other builds of this state folder out; wait for one that is under way."""
    file = files.own(state) / "builds" / "lock"
    with files.append(file) as lock:
        if not files.lock(lock):
            say(f"another {mention('build')} is under way; waiting for it")
            files.lock(lock, wait=True)
        shutil.rmtree(state / "builds" / "work", ignore_errors=True)  # Of one that was killed.
        yield
