"""A program of a platform: what it is given, by its resource and on disk.

A program has a folder of its own below the platform's, with the files it is given and with
``program.json``, which `launch` executes; ``resource.json`` holds the resource's inputs beside it,
as they were given, so that it can be imported. Writing is ordered so that a kill between any two
writes leaves what the next try replaces: the list of files first, the files, then what starts them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.errors import DeployError
from atlas.kinds.properties import to_plain
from atlas_provider.process_trees import MARK
from atlas_provider.templates import Filling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas_provider.kinds.programs import ProgramInputs

SPECIFICATION = "program.json"
_LIST, _RESOURCE = "files.json", "resource.json"
OWN_FILES = (SPECIFICATION, _LIST, _RESOURCE)
"""Files in a program's folder that are Atlas's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformProgram:
    """A program as its resource describes it; every text may hold placeholders (see `templates`).

    Attributes:
        name: its name, unique in the platform.
        folder: the platform's folder.
        vault: the folder of the secrets.
        command: the program and its arguments.
        environment: variables that it gets beside the few that everything gets.
        files: text by path relative to its folder.
        ports: port by name; 0 for one that Atlas chooses.
        inputs: all inputs of its resource.
    """

    name: str
    folder: Path
    vault: Path
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, inputs: ProgramInputs, ports: Mapping[str, int] | None = None) -> PlatformProgram:
        """Return the program of a resource's inputs, with the ports that it asks for."""
        folder = Path(inputs.folder)
        return cls(
            name=inputs.name,
            folder=folder,
            vault=Path(inputs.vault or folder.parent.parent / "secrets"),
            command=inputs.command,
            environment=inputs.environment or {},
            files=inputs.files or {},
            ports=ports or {},
            inputs=to_plain(inputs),
        )

    @property
    def directory(self) -> Path:
        """Return the program's own folder."""
        return self.folder / self.name

    @property
    def specification(self) -> Path:
        """Return the file that `launch` reads."""
        return self.directory / SPECIFICATION

    def texts(self) -> list[str]:
        """Return its texts, which may hold placeholders."""
        return [*self.command, *self.environment.values(), *self.files.values()]

    def filling(self, ports: Mapping[str, int], *, make: bool) -> Filling:
        """Return what its placeholders stand for, given its chosen ports."""
        return Filling(self.directory, self.folder, ports, self.vault, make)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A program with every placeholder filled in.

    Attributes:
        program: what it was made from.
        specification: the text of ``program.json``.
        files: text by path relative to the program's folder.
        ports: port by name, as chosen.
    """

    program: PlatformProgram
    specification: str
    files: Mapping[str, str]
    ports: Mapping[str, int]

    def digest(self) -> str:
        """Return the sha256 of all that is on disk when it has been written."""
        return _digest({**self.files, SPECIFICATION: self.specification})


def render(program: PlatformProgram, filling: Filling) -> Rendered:
    """Fill in a program's placeholders."""
    specification = {
        "command": [filling.fill(word) for word in program.command],
        "directory": str(program.directory),
        "environment": _environment(program, filling),
    }
    return Rendered(
        program=program,
        specification=json.dumps(specification, indent=2, sort_keys=True) + "\n",
        files={path: filling.fill(text) for path, text in program.files.items()},
        ports=filling.ports,
    )


def _environment(program: PlatformProgram, filling: Filling) -> dict[str, str]:
    """Return a program's variables: its own, its mark, and a folder for temporary files."""
    fixed = {
        MARK: str(program.directory),
        # Keeps setproctitle from overwriting the environment in /proc, and with it the mark.
        "SPT_NOENV": "1",
        "TMPDIR": str(program.folder / "tmp"),
    }
    return {**{name: filling.fill(text) for name, text in program.environment.items()}, **fixed}


def write(rendered: Rendered) -> None:
    """Write a program's files, private to their owner, and remove those it had before."""
    program = rendered.program
    files.make_folder(program.folder)
    files.make_folder(program.directory)
    files.make_folder(program.folder / "log")
    files.make_folder(program.folder / "tmp")
    listed = _listed(program.directory)
    everything = sorted({*listed, *rendered.files})
    files.write(program.directory / _LIST, json.dumps(everything) + "\n")
    _remove_files(program.directory, set(listed) - set(rendered.files))
    for path, text in rendered.files.items():
        files.write(program.directory / path, text)
    resource = {"inputs": dict(program.inputs), "ports": dict(rendered.ports)}
    files.write(program.directory / _RESOURCE, json.dumps(resource) + "\n")
    files.write(program.specification, rendered.specification)
    files.write(program.directory / _LIST, json.dumps(sorted(rendered.files)) + "\n")


def given(directory: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the inputs of the resource that a program's folder is of, and its ports.

    Raises:
        DeployError: it isn't the folder of a program.
    """
    try:
        resource = json.loads((directory / _RESOURCE).read_text(encoding="utf-8"))
        return dict(resource["inputs"]), dict(resource["ports"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DeployError(
            f"id '{directory}': no {_RESOURCE} can be read there ({type(error).__name__}); "
            "expected the folder of a program that Atlas runs, <state>/platform/<stack>/<name>"
        ) from None


def written_digest(directory: Path) -> str:
    """Return the digest of what is on disk, as `Rendered.digest` makes it; empty for nothing."""
    if not (directory / SPECIFICATION).exists():
        return ""
    names = [*_listed(directory), SPECIFICATION]
    return _digest({name: _text(directory / name) for name in names})


def remove(directory: Path) -> None:
    """Remove what `write` wrote, and nothing that the program made."""
    files.remove(directory / SPECIFICATION)
    files.remove(directory / _RESOURCE)
    _remove_files(directory, _listed(directory))
    files.remove(directory / _LIST)
    files.remove_empty(directory)


def _remove_files(directory: Path, paths: Iterable[str]) -> None:
    """Remove files of a program, and the folders below its own that are empty then."""
    for path in paths:
        files.remove(directory / path)
        for parent in list(Path(path).parents)[:-1]:
            files.remove_empty(directory / parent)


def _listed(directory: Path) -> list[str]:
    """Return the files that a program was given, as its list on disk says."""
    try:
        paths: Any = json.loads((directory / _LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(path) for path in paths]


def _text(path: Path) -> str:
    """Return a file's text; nothing when it isn't there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _digest(texts: Mapping[str, str]) -> str:
    """Return the sha256 of texts with their names, in the names' order."""
    canonical = json.dumps(dict(sorted(texts.items())), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
