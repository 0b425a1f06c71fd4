"""All stacks of a project: those of the Configs under a PATH, deployed or not, and any others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from atlas.environment import LOCAL
from atlas.errors import AtlasError, InvalidError
from atlas.load import load_configs, load_environment, loader_for
from atlas.store import open_location
from atlas_deploy.desired.deployment import PROJECT
from atlas_deploy.history import records
from atlas_deploy.platforms.services import services_of
from atlas_deploy.stacks.backend import Backend
from atlas_deploy.stacks.keeping import keeping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from atlas.environment import Project
    from atlas.store import Location

DEPLOYED, NOT, UNKNOWN, ORPHAN = "deployed", "not deployed", "unknown", "no Config here"


@dataclass(frozen=True, slots=True)
class StackListing:
    """One stack.

    Attributes:
        stack: its name.
        config: the Config's name.
        environment: the Environment's name.
        state: ``deployed``, ``not deployed``, ``no Config here`` (deployed, and its Config isn't
            under the PATH), or ``unknown`` (the Environment's platform can't be read).
        members: how many pipelines are deployed, or would be.
        number: number of the last deployment, 0 for none.
        action: what it was: ``deploy``, ``rollback``, ``destroy``.
        at: when it was, ISO 8601 in UTC.
        by: who made it.
        commit: git commit of what was deployed.
        why: why the state isn't known.
    """

    stack: str
    config: str
    environment: str
    state: str
    members: int
    number: int = 0
    action: str = ""
    at: str = ""
    by: str = ""
    commit: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the stack as plain data."""
        return asdict(self)


def list_stacks(path: Path, environment: str = "") -> list[StackListing]:
    """Return all stacks, by Environment and Config.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of an Environment; empty for all that the project has.

    Raises:
        InvalidError: no Config can be read.
        DeployError: the backend can't be read.
    """
    loader = loader_for(path)
    configs = {file.config.name: file.config.member_count() for file in load_configs(path, loader)}
    if not configs and loader.problems:
        raise InvalidError(loader.problems)
    project = loader.project
    kept = keeping(Backend.of(project)).names(PROJECT)
    chosen = [environment] if environment else environments(project)
    return [row for name in chosen for row in _of_environment(project, name, configs, kept)]


def environments(project: Project) -> list[str]:
    """Return the names of a project's Environments; ``local`` is always one."""
    folder = project.environment_file(LOCAL).parent
    return sorted({LOCAL, *(file.stem for file in folder.glob("*.json"))})


def _of_environment(
    project: Project, name: str, configs: Mapping[str, int], kept: list[str]
) -> Iterator[StackListing]:
    """Return the stacks of one Environment."""
    try:
        environment = load_environment(project, name)
        place = open_location(services_of(project, environment).store)
        recorded = records.stacks(place)
    except AtlasError as error:
        why = str(error)
        yield from (
            StackListing(f"{config}.{name}", config, name, UNKNOWN, count, why=why)
            for config, count in sorted(configs.items())
        )
        return
    end = f".{name}"
    known = {stack for stack in (*kept, *recorded) if stack.endswith(end)}
    for stack in sorted({*known, *(f"{config}{end}" for config in configs)}):
        config = stack.removesuffix(end)
        row = _row(stack, config, name, configs.get(config), place)
        if row.state != NOT or config in configs:
            yield row


def _row(
    stack: str, config: str, environment: str, count: int | None, place: Location
) -> StackListing:
    """Return one stack, by the last entry of its history."""
    entry = records.last(place, stack)
    if entry is None:
        return StackListing(stack, config, environment, NOT, count or 0)
    members = _members(place, entry) if entry.record else (count or 0)
    there = DEPLOYED if count is not None else ORPHAN
    return StackListing(
        stack,
        config,
        environment,
        there if entry.record else NOT,
        members,
        entry.number,
        entry.action,
        entry.at,
        entry.by,
        entry.commit,
    )


def _members(place: Location, entry: records.Entry) -> int:
    """Return how many pipelines an entry deployed; 0 when its record can't be read."""
    try:
        parts = records.read(place, entry).parts
    except AtlasError:
        return 0
    deployed = (name for part in parts for name in part.inputs.get("plans", {}))
    return len({name.rpartition("-")[0] for name in deployed})
