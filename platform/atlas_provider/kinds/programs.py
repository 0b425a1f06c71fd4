"""What the kinds `Process` and `Database` share: the inputs of a program, and their rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from atlas.errors import PlatformError
from atlas.kinds.parsing import Failure
from atlas.kinds.properties import REPLACES, ClassParameter, properties
from atlas_provider.program import OWN_FILES, PlatformProgram, render
from atlas_provider.templates import ports_of

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@properties
class ProgramInputs:
    """A program of a platform on this machine."""

    name: Annotated[
        str,
        "The name of its folder, unique in the platform: lower-case letters, digits, hyphens.",
        REPLACES,
        ClassParameter("program"),
    ]
    folder: Annotated[
        str, "The platform's folder, absolute; the program gets a folder below it.", REPLACES
    ]
    command: Annotated[tuple[str, ...], "The program and its arguments."]
    vault: Annotated[
        str | None, "The folder of the secrets; by default `secrets`, two folders above `folder`."
    ] = None
    environment: Annotated[
        Mapping[str, str] | None, "Variables beside the few that every program gets."
    ] = None
    files: Annotated[
        Mapping[str, str] | None, "Text by path, written (0600) into the program's folder."
    ] = None


Directory = Annotated[str, "The program's folder."]
Content = Annotated[str, "Digest of its command, variables and files."]
SECRETIVE = frozenset({"environment", "files"})
"""Inputs that may hold secrets: an import can't know whether they were given as such."""


def failures(
    inputs: ProgramInputs, ports: Iterable[str] = (), more_texts: Iterable[str] = ()
) -> list[Failure]:
    """Return what is wrong with the inputs of a program.

    Args:
        inputs: the resource's inputs.
        ports: names of the program's ports.
        more_texts: texts beside these inputs that may hold placeholders.
    """
    invalid = []
    if not _NAME.fullmatch(inputs.name):
        reason = f"found '{inputs.name}'; expected lower-case letters, digits and hyphens"
        invalid.append(Failure("name", reason))
    if not Path(inputs.folder).is_absolute():
        invalid.append(Failure("folder", f"found '{inputs.folder}'; expected an absolute path"))
    if not inputs.command:
        invalid.append(Failure("command", "empty; expected a program and its arguments"))
    texts = [*PlatformProgram.of(inputs).texts(), *more_texts]
    return [*invalid, *_file_failures(inputs.files or {}), *_port_failures(ports, texts)]


def _file_failures(files: Iterable[str]) -> list[Failure]:
    """Return the files that would be written outside the program's folder, or over Atlas's own."""
    refused = []
    for path in files:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            refused.append((path, "leads out of the program's folder; expected a relative path"))
        elif str(Path(path)) in OWN_FILES:
            refused.append((path, "is a file of Atlas's own; give it another name"))
    return [Failure(f'files["{path}"]', reason) for path, reason in refused]


def _port_failures(ports: Iterable[str], texts: Iterable[str]) -> list[Failure]:
    """Return the placeholders of ports that have no name in `ports`."""
    return [
        Failure("ports", f"no port '{name}', which {{port:{name}}} asks for; add '{name}': 0")
        for name in sorted(ports_of(texts) - set(ports))
    ]


def expected_content(program: PlatformProgram, ports: Mapping[str, int]) -> str:
    """Return the digest that a program's files should have; empty when it can't be known."""
    try:
        return render(program, program.filling(ports, make=False)).digest()
    except (PlatformError, KeyError):
        return ""
