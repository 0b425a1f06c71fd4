"""What Atlas uses beside its own code, and what works without each thing.

Programs and libraries of a platform's services are in ``platform/services/<name>/service.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = ">=3.11,<3.14"
PULUMI = "3.250.0"
#: The last language host that is to be had from Go modules; the engine speaks its protocol.
LANGUAGE_HOST = "3.70.0"
#: Any newer engine of the same major version reads what the pinned one writes.
ENGINE = f">={PULUMI},<4"

WITHOUT_ENGINE = "validate, run, test, compile, draw; no up, no deploy"
WITHOUT_HOST = "everything but `atlas up` and `pulumi up`"


@dataclass(frozen=True, slots=True)
class ToolchainProgram:
    """A program that may be on the machine, looked for on PATH.

    Attributes:
        name: what to call it, and the name of its executable unless `names` says otherwise.
        needed: the versions that will do (``>=2.42``); empty for any.
        without: what works when it is missing.
        names: executables to look for, the first found wins; empty for `name`.
        debian: the Debian package that has it; empty when set-up doesn't install it.
        unless: another program of the table, with which set-up doesn't install this one.
        units: systemd units that the Debian package would start, and that Atlas doesn't want.
        home: where a machine without Debian packages gets it.
        arguments: what makes it print its version.
    """

    name: str
    needed: str
    without: str
    names: tuple[str, ...] = ()
    debian: str = ""
    unless: str = ""
    units: tuple[str, ...] = ()
    home: str = ""
    arguments: tuple[str, ...] = ("--version",)


@dataclass(frozen=True, slots=True)
class Library:
    """A Python distribution that one of the extras brings.

    Attributes:
        name: the distribution's name.
        extra: the extra of ``atlas-ml`` to install; empty for the core.
        without: what works when it is missing.
    """

    name: str
    extra: str
    without: str


def _services() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return name and data of every service of a platform: in a checkout, or in the wheel."""
    root = Path(__file__).resolve().parents[2]
    for folder in (root, root / "atlas_deploy" / "_root"):
        for path in sorted(folder.glob("platform/services/*/service.json")):
            yield path.parent.name, json.loads(path.read_text(encoding="utf-8"))


_ALWAYS = ("description", "version")
_NEEDED = {"programs": ("needed", "without", "home"), "distribution": ("extra", "without")}
"""Key of a service's data → the keys that it needs beside it."""


def _checked(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a service, which has all keys that are read here.

    Raises:
        ValueError: one is missing.
    """
    needed = [*_ALWAYS, *(extra for key in _NEEDED if key in data for extra in _NEEDED[key])]
    missing = [key for key in dict.fromkeys(needed) if key not in data]
    if missing:
        raise ValueError(
            f"platform/services/{name}/service.json: found {', '.join(map(repr, data))}; "
            f"expected {', '.join(map(repr, missing))} as well: add what is missing "
            "(CONTRIBUTING.md, Add a platform service)"
        )
    return data


def _program(name: str, data: dict[str, Any]) -> ToolchainProgram:
    """Return the program of a service."""
    return ToolchainProgram(
        name,
        data["needed"],
        data["without"],
        names=tuple(data["programs"]),
        debian=data.get("package", ""),
        units=tuple(data.get("units", ())),
        home=data["home"],
    )


_SERVICES = {name: _checked(name, data) for name, data in _services()}
PROGRAMS: tuple[ToolchainProgram, ...] = (
    *(_program(name, data) for name, data in _SERVICES.items() if "programs" in data),
    ToolchainProgram(
        "graphviz",
        "",
        "all but SVG drawings; `atlas graph` still writes DOT",
        names=("dot",),
        debian="graphviz",
        home="https://graphviz.org/download",
        arguments=("-V",),
    ),
    ToolchainProgram(
        "docker engine",
        "",
        "podman in its place; without either, steps run as processes",
        names=("docker",),
        home="https://docs.docker.com/engine/install",
        arguments=("version", "--format", "{{.Server.Version}}"),
    ),
    ToolchainProgram(
        "podman",
        ">=4",
        "docker in its place; without either, steps run as processes",
        debian="podman",
        unless="docker engine",
        home="https://podman.io/docs/installation",
    ),
    ToolchainProgram(
        "runc",
        "",
        "containers where crun or docker runs them; podman needs it on hybrid cgroups",
        debian="runc",
        unless="docker engine",
        home="https://github.com/opencontainers/runc",
    ),
    ToolchainProgram(
        "buildah",
        "",
        "images are built with docker or podman",
        debian="buildah",
        unless="docker engine",
        home="https://buildah.io",
    ),
    ToolchainProgram(
        "skopeo",
        "",
        "all; only the tests of images look at registries with it",
        debian="skopeo",
        home="https://github.com/containers/skopeo",
    ),
    ToolchainProgram(
        "debootstrap",
        "",
        "all; the tests of images make their base with it where none can be pulled",
        debian="debootstrap",
        home="https://wiki.debian.org/Debootstrap",
    ),
    ToolchainProgram("git", ">=2.30", "all but releases", debian="git", home="https://git-scm.com"),
)

LIBRARIES: tuple[Library, ...] = (
    Library("typer", "", "nothing"),
    Library("jsonschema-rs", "", "nothing"),
    Library("pandas", "data", "pipelines without tables"),
    Library("scikit-learn", "sklearn", "pipelines without scikit-learn models"),
    *(
        Library(data["distribution"], data["extra"], data["without"])
        for data in _SERVICES.values()
        if "distribution" in data
    ),
    Library("supervisor", "deploy", "all but the local platform"),
    Library("pulumi", "deploy", WITHOUT_ENGINE),
)
