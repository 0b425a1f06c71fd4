"""Loading an Environment by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.advice import note_platform
from atlas.dataclass import dataclass
from atlas.environment import LOCAL, Environment, Project
from atlas.errors import DocumentError, InvalidError, Problem, clean
from atlas.load.document import read_document
from atlas.load.paths import is_file, leads_out, shown
from atlas.load.schema import structure_problems
from atlas.load.words import listed, nearest
from atlas.registered import LOCAL_TARGET, is_target, target_names

if TYPE_CHECKING:
    from atlas.load.document import Document

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class EnvironmentFile:
    """An Environment, and the document that it was read from; None where it needs no file."""

    environment: Environment
    document: Document | None = None


def load_environment(project: Project, name: str) -> Environment:
    """Load an Environment of a project by name; ``local`` needs no file.

    Raises:
        DocumentError: it isn't there or can't be read.
        InvalidError: its structure is wrong.
    """
    return read_environment(project, name).environment


def read_environment(project: Project, name: str) -> EnvironmentFile:
    """Load an Environment with its document; as `load_environment`.

    It is the one that messages are of from then on.
    """
    file = _read(project, name)
    environment = file.environment
    note_platform(environment.name, environment.platform, environment.outputs)
    return file


def _read(project: Project, name: str) -> EnvironmentFile:
    file = project.environment_file(name)
    if not _NAME.fullmatch(name) or not is_file(file):
        if name == LOCAL:
            return EnvironmentFile(Environment())
        raise DocumentError(_unknown(project, name))
    astray = leads_out(file, project.root)
    if astray:
        raise DocumentError(astray)
    document = read_document(file, shown(file))
    problems = structure_problems("environment", document) or _unknown_targets(document)
    if problems:
        raise InvalidError(problems)
    return EnvironmentFile(Environment.parse(name, document.value), document)


def _unknown_targets(document: Document) -> list[Problem]:
    """Return the targets that an Environment names and that aren't registered."""
    named: dict[str, str] = document.value.get("targets", {})
    unknown = {flow: target for flow, target in named.items() if not is_target(target)}
    known = (LOCAL_TARGET, *target_names()) if unknown else ()
    return [
        document.problem(
            "S006",
            ("targets", flow),
            f"there is no target '{target}'",
            found=target,
            expected=listed(known),
            hint=nearest(target, known),
        )
        for flow, target in unknown.items()
    ]


def _unknown(project: Project, name: str) -> Problem:
    folder = project.environment_file(LOCAL).parent
    known = sorted(file.stem for file in folder.glob("*.json"))
    return Problem(
        code="E001",
        message=f"there is no environment '{clean(name, 60)}'",
        file=shown(folder),
        found=clean(name, 60),
        expected=clean(" or ".join(sorted({LOCAL, *known}))),
        hint=nearest(name, known),
    )
