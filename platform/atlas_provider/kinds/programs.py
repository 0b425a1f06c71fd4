"""What the kinds `Process` and `Database` share: the inputs that say a program, and their rules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import PlatformError
from atlas.kinds.protocol import Failure, Property
from atlas_provider.program import OWN_FILES, Program, render
from atlas_provider.templates import ports_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.kinds.protocol import Plain

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")

INPUTS: Mapping[str, Property] = {
    "name": Property(
        type="string",
        required=True,
        replaces=True,
        description="Its name, unique in the platform: lower-case letters, digits, hyphens.",
    ),
    "folder": Property(
        type="string",
        required=True,
        replaces=True,
        description="The platform's folder, absolute; the program gets a folder below it.",
    ),
    "vault": Property(
        type="string",
        description="The folder of the secrets; by default `secrets`, two folders above.",
    ),
    "command": Property(
        type="string[]", required=True, description="The program and its arguments."
    ),
    "environment": Property(
        type="string{}", description="Variables beside the few that every program gets."
    ),
    "files": Property(
        type="string{}", description="Text by path, written (0600) into the program's folder."
    ),
}

OUTPUTS: Mapping[str, Property] = {
    "directory": Property(type="string", required=True, description="The program's folder."),
    "content": Property(
        type="string", required=True, description="Digest of its command, variables and files."
    ),
}


SECRETIVE = frozenset({"environment", "files"})
"""Inputs that may hold secrets: an import can't tell whether they were given as such."""


def failures(inputs: Plain, more_texts: Iterable[str] = ()) -> list[Failure]:
    """Return what is wrong with the inputs that say a program.

    Args:
        inputs: the resource's inputs, all known.
        more_texts: texts beside these inputs that may hold placeholders.
    """
    found = []
    if not _NAME.fullmatch(inputs["name"]):
        reason = f"found '{inputs['name']}'; expected lower-case letters, digits and hyphens"
        found.append(Failure("name", reason))
    if not Path(inputs["folder"]).is_absolute():
        found.append(Failure("folder", f"found '{inputs['folder']}'; expected an absolute path"))
    if not inputs["command"]:
        found.append(Failure("command", "empty; expected a program and its arguments"))
    return [*found, *_file_failures(inputs), *_port_failures(inputs, more_texts)]


def _file_failures(inputs: Plain) -> list[Failure]:
    """Return the files that would be written outside the program's folder, or over Atlas's own."""
    found = []
    for path in inputs.get("files", {}):
        if Path(path).is_absolute() or ".." in Path(path).parts:
            found.append((path, "leads out of the program's folder; expected a relative path"))
        elif str(Path(path)) in OWN_FILES:
            found.append((path, "is a file of Atlas's own; give it another name"))
    return [Failure(f'files["{path}"]', reason) for path, reason in found]


def _port_failures(inputs: Plain, more_texts: Iterable[str]) -> list[Failure]:
    """Return the placeholders of ports that have no name in `ports`."""
    wanted = ports_of([*Program.of(inputs).texts(), *more_texts])
    return [
        Failure("ports", f"no port '{name}', which {{port:{name}}} asks for; add '{name}': 0")
        for name in sorted(wanted - set(inputs.get("ports", {})))
    ]


def expected_content(inputs: Plain, ports: Mapping[str, int]) -> str:
    """Return the digest that a program's files should have; empty when it can't be known."""
    wanted = Program.of(inputs)
    try:
        return render(wanted, wanted.filling(ports, make=False)).digest()
    except (PlatformError, KeyError):
        return ""
