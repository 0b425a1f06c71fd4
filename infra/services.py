"""The data of `platform/services`: what a service needs on a machine, and its config templates."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from string import Template
from typing import TYPE_CHECKING

import pulumi

from infra.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FOLDER = ROOT / "platform" / "services"
_VERSION = re.compile(r"(?:version|distribution) v?(\d+(?:\.\d+)+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceData:
    """The data of a service, as its `service.json` has it.

    Attributes:
        name: the service's name.
        version: the version it is tried with.
        distribution: the Python distribution that has it; empty for none.
        programs: the names its program may have.
        package: the Debian package that has it; empty for none.
        listens: whether it listens on a port of its own.
        optional: whether a platform may go without it: ``atlas:<name>: false`` switches it off.
        image: on a cluster, the image of a service that is the platform's own objects.
    """

    name: str
    version: str
    distribution: str = ""
    programs: tuple[str, ...] = ()
    package: str = ""
    listens: bool = False
    optional: bool = False
    image: str = ""

    @classmethod
    def load(cls, name: str) -> ServiceData:
        """Read a service's data."""
        raw = json.loads((_FOLDER / name / "service.json").read_text(encoding="utf-8"))
        return cls(
            name=name,
            version=raw["version"],
            distribution=raw.get("distribution", ""),
            programs=tuple(raw.get("programs", ())),
            package=raw.get("package", ""),
            listens=raw.get("listens", False),
            optional=raw.get("optional", False),
            image=raw.get("image", ""),
        )

    @staticmethod
    def folder(name: str) -> Path:
        """Return the folder of a service's data."""
        return _FOLDER / name

    @classmethod
    def optional_names(cls) -> list[str]:
        """Return the names of the services that a platform may go without."""
        names = sorted(path.parent.name for path in _FOLDER.glob("*/service.json"))
        return [name for name in names if cls.load(name).optional]

    def template(self, file: str, values: Mapping[str, object]) -> str:
        """Return one of the service's config templates with its ``$values`` filled in."""
        return Template(self.text(file)).substitute(values)

    def text(self, file: str) -> str:
        """Return one of the service's files as it is."""
        return self._file(file).read_text(encoding="utf-8")

    def installed_version(self) -> str:
        """Return the version that is installed as a Python distribution.

        Raises:
            pulumi.RunError: if it isn't.
        """
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            raise pulumi.RunError(
                f"{self.name}: the distribution {self.distribution} is not installed beside Atlas; "
                "install it with `pip install 'atlas-ml[platform]'`"
            ) from None

    def program(self) -> str | None:
        """Return the service's program on PATH; None when there is none."""
        return next(filter(None, map(shutil.which, self.programs)), None)

    def required_program(self) -> str:
        """Return the service's program on PATH.

        Raises:
            pulumi.RunError: if there is none.
        """
        path = self.program()
        if path is None:
            names = " or ".join(self.programs)
            raise pulumi.RunError(
                f"{self.name}: no program {names} on PATH; install {self.name} {self.version} or "
                f"newer (Debian: `apt-get install {self.package}`)"
            )
        return path

    def _file(self, name: str) -> Path:
        """Return the path of one of the service's files."""
        return _FOLDER / self.name / name


def program_version(path: str) -> str:
    """Return the version that a program prints; empty when it prints none."""
    try:
        done = subprocess.run(  # noqa: S603 - a service's own program
            [path, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.search(done.stdout + done.stderr)
    return match[1] if match else ""
