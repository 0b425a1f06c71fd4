"""The root of a container: an overlay over this machine's, or over an image's layers."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_provider.cluster.images import UnpackedImage

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = "/image-programs"
_RIGHTS = "+dac_override,+sys_chroot"
"""What a user besides root keeps: to write to the store of this machine, and to go to its root."""


@dataclass(frozen=True)
class ContainerRoot:
    """What a container finds as its root.

    Attributes:
        folder: the folder for what it writes.
        volumes: the pod's volumes, by name.
        programs: what is there as programs besides, by name; nothing of them in an image.
        shared: folders and files that are there as they are, and no copies.
        image: the image that it is; None for this machine's own root.
    """

    folder: Path
    volumes: Mapping[str, Path]
    programs: Mapping[str, Path] = field(default_factory=dict)
    shared: Sequence[Path] = ()
    image: UnpackedImage | None = None

    def variables(self) -> dict[str, str]:
        """Return the variables that the image has, or that one of this machine would have."""
        if self.image is not None:
            return {"PATH": _PATH, "HOME": "/tmp", **self.image.variables}  # noqa: S108 - its own
        path = f"{_PROGRAMS}:{Path(sys.executable).parent}:{_PATH}"
        return {"PATH": path, "HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - its own

    def command(self, container: Mapping[str, Any], line: Sequence[str]) -> list[str]:
        """Return the command that runs another one in it, the first of its process ids.

        Raises:
            ValueError: who is to run it can't be told.
        """
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True)
        steps = [*self._system(), *self._bound(container)]
        script = " && ".join([*steps, f'exec {self._entered(container)} "$@"'])
        apart = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
        return ["unshare", *apart, "sh", "-c", script, "sh", *line]

    @property
    def _new(self) -> str:
        return shlex.quote(str(self.folder / "root"))

    def _system(self) -> list[str]:
        """Return what mounts the layers, and what of the kernel's a container sees."""
        new, layers = self._new, ":".join(self.image.layers) if self.image else "/"
        own = f"upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        options = shlex.quote(f"lowerdir={layers},{own}")
        steps = [f"mount -t overlay overlay -o {options} {new}"]
        if self.image is not None:
            places = " ".join(f"{new}/{name}" for name in ("dev", "proc", "etc"))
            steps += [f"mkdir -p {places}", f"touch {new}/etc/hosts"]
        steps += [f"mount --rbind /{name} {new}/{name}" for name in ("dev", "etc/hosts")]
        return [*steps, f"mount -t proc proc {new}/proc"]

    def _bound(self, container: Mapping[str, Any]) -> list[str]:
        """Return what mounts shared folders, programs, and volumes."""
        steps = []
        for path in self.shared:
            steps += self._shared_as_it_is(path)
        if self.image is None:
            steps.append(f"mkdir {self._new}{_PROGRAMS}")
            for name, program in self.programs.items():
                place = f"{self._new}{_PROGRAMS}/{name}"
                steps += [f"touch {place}", f"mount --bind {shlex.quote(str(program))} {place}"]
        for mount in container.get("volumeMounts", ()):
            inside = shlex.quote(os.path.realpath(mount["mountPath"]).lstrip("/"))
            source = shlex.quote(str(self.volumes[mount["name"]]))
            steps += [f"mkdir -p {self._new}/{inside}",
                      f"mount --bind {source} {self._new}/{inside}"]  # fmt: skip
        return steps

    def _shared_as_it_is(self, path: Path) -> list[str]:
        place = f"{self.folder / 'root'}{path}"
        inside, source = shlex.quote(place), shlex.quote(str(path))
        make = [f"mkdir -p {inside}"]
        if path.is_file():
            make = [f"mkdir -p {shlex.quote(os.path.dirname(place))}", f"touch {inside}"]
        return [*make, f"mount --rbind {source} {inside}"]

    def _entered(self, container: Mapping[str, Any]) -> str:
        """Return what goes into it, as the user that the pod or the image says."""
        if self.image is None:
            return f"chroot {self._new}"
        user, group = self.image.ids(container.get("securityContext") or {})
        folder = shlex.quote(container.get("workingDir") or self.image.folder)
        entered = f"unshare --root={self._new} --wd={folder}"
        if user == 0:
            return entered
        kept = f"--inh-caps={_RIGHTS} --ambient-caps={_RIGHTS}"
        return f"setpriv --reuid={user} --regid={group} --clear-groups {kept} {entered}"
