"""The stages from commit to production, as ``texts/ci/stages.json`` has them."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATHS = {"project": ".", "atlas": "recipes"}
ALWAYS, MAIN, CHANGE, RETRAINING = "always", "main", "change", "retraining"
"""When a stage runs: on every branch; on the main branch; there, for a commit or to retrain."""
EVERY = "every"
"""The job of a stage that each job begins with."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: one command.

    Attributes:
        name: what people see.
        job: ``check``, ``staging`` or ``production``; `EVERY` for the start of each.
        when: `ALWAYS`, `MAIN`, `CHANGE` or `RETRAINING`.
        command: the command, for a shell; empty for an approval.
        secrets: whether it is given the secrets of the platform.
        git: whether it is given what may push to the repository.
        lock: what no other stage may use meanwhile; empty for nothing.
        approval: what a person is asked before what follows; empty for nothing.
    """

    name: str
    job: str
    when: str
    command: str
    secrets: bool = False
    git: bool = False
    lock: str = ""
    approval: str = ""


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages in their order.

    Attributes:
        secrets: the variables that hold secrets of the platform.
        stages: the stages.
    """

    secrets: tuple[str, ...]
    stages: tuple[Stage, ...]

    def of(self, job: str, *whens: str) -> Iterator[Stage]:
        """Yield the stages of a job, with those that each job begins with; approvals left out."""
        for stage in self.stages:
            if stage.command and stage.job in {EVERY, job} and stage.when in {ALWAYS, *whens}:
                yield stage


def stages(project: str = "project", since: str = "$SINCE") -> Stages:
    """Return the stages.

    Args:
        project: ``project`` for a user's, ``atlas`` for Atlas's own repository.
        since: how a shell of the CI system names the commit that changes count from.
    """
    file = resources.files("atlas.scaffold") / "texts" / "ci" / "stages.json"
    document = json.loads(file.read_text("utf-8"))
    made = tuple(_stage(entry, project, since) for entry in document["stages"])
    return Stages(tuple(document["secrets"]), made)


def _stage(entry: dict[str, Any], project: str, since: str) -> Stage:
    given = entry["command"]
    command = given if isinstance(given, str) else given[project]
    filled = command.replace("@path@", _PATHS[project]).replace("@since@", since)
    return Stage(**{**entry, "command": filled})
