"""Several deployments in three sweeps: all are prepared, waited for together, and updated.

Airflow takes seconds to read new files, so deployments don't wait for it one by one. Each update
starts an engine; several run at once, over one provider in this process. A failure concerns its own
stack only. The next deployment repeats a sweep that was killed: names are owned before a file is
written, and what is as it should be stays untouched.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas_deploy.apply.concurrent import Progress, at_once
from atlas_deploy.apply.options import DeployResult
from atlas_deploy.apply.prepare import prepare
from atlas_deploy.apply.update import locked, update
from atlas_deploy.desired.bundle import stack_of
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from atlas.targets import DeployedKind
    from atlas_deploy.apply.options import DeployRequest, Runs, Say
    from atlas_deploy.diff.deployment import DeploymentDiff
    from atlas_provider.provider import AtlasProvider

BATCH = 200
"""The most deployments whose locks are held at once."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A deployment that was prepared, and the runs under way of what changes."""

    diff: DeploymentDiff
    under_way: Runs


@dataclass
class _Fleet:
    """Several deployments under way.

    Attributes:
        say: takes a line of progress.
        request: what is asked of them.
        results: what was done to each, by stack.
    """

    say: Say
    request: DeployRequest
    results: dict[str, DeployResult] = field(default_factory=dict)

    def fail(self, diff: DeploymentDiff, error: str) -> None:
        """Keep why one failed."""
        self.say(f"{diff.deployment.stack}: failed")
        changes, count = diff.changes, len(diff.deployment.pipelines)
        self.results[diff.deployment.stack] = DeployResult(
            diff.deployment.stack, changes, count, error=error
        )


def deploy_all(
    diffs: Sequence[DeploymentDiff], say: Say, request: DeployRequest, jobs: int
) -> list[DeployResult]:
    """Make several deployments so.

    Args:
        diffs: the deployments, as they were compared.
        say: takes a line of progress.
        request: what is asked of them.
        jobs: how many are updated at once; 0 for one a core.
    """
    fleet = _Fleet(say, request)
    ordered = sorted(diffs, key=lambda diff: diff.deployment.stack)
    for start in range(0, len(ordered), BATCH):
        _batch(fleet, ordered[start : start + BATCH], jobs or os.cpu_count() or 1)
    return [fleet.results[diff.deployment.stack] for diff in diffs]


def _batch(fleet: _Fleet, diffs: Sequence[DeploymentDiff], jobs: int) -> None:
    with ExitStack() as locks:
        ready = [prepared for diff in diffs for prepared in _prepared(fleet, locks, diff)]
        ready = _awaited(fleet, ready)
        if not ready:
            return
        work = {prepared.diff.deployment.stack: prepared for prepared in ready}
        with hosted() as (port, provider):

            def update_one(stack: str) -> DeployResult:
                prepared = work[stack]
                options = fleet.request.options
                return update(prepared.diff, prepared.under_way, quiet, options, port)

            progress = Progress(fleet.say, "updated", "deployments")
            results = at_once([*work], update_one, jobs, progress, provider.end_early)
        for stack, result in results.items():
            if isinstance(result, DeployResult):
                fleet.results[stack] = result
            else:
                fleet.fail(work[stack].diff, str(result))


def _prepared(fleet: _Fleet, locks: ExitStack, diff: DeploymentDiff) -> Iterator[_Ready]:
    """Prepare one deployment, and hold its lock until all are updated."""
    try:
        current = locks.enter_context(locked(diff, fleet.say, fleet.request))
        yield _Ready(current, prepare(current, fleet.say, fleet.request.options))
    except AtlasError as error:
        fleet.fail(diff, str(error))


def _awaited(fleet: _Fleet, ready: Sequence[_Ready]) -> list[_Ready]:
    """Roll the members of all out together; return those deployments that can be updated."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for part in [
        part for prepared in ready if not prepared.diff.is_empty for part in prepared.diff.parts
    ]:
        kinds.setdefault(part.kind, []).append(dict(part.inputs))
    silent: dict[str, str] = {}
    for name, resources in kinds.items():
        silent |= _roll_out(fleet, kind_of_target(name), resources)
    kept = []
    for prepared in ready:
        missing = sorted({*_members(prepared.diff)} & {*silent})
        if missing and not prepared.diff.is_empty:
            fleet.fail(prepared.diff, "\n".join(f"{name}: {silent[name]}" for name in missing))
        else:
            kept.append(prepared)
    return kept


def _roll_out(
    fleet: _Fleet, kind: DeployedKind | None, resources: Sequence[dict[str, Any]]
) -> Mapping[str, str]:
    """Roll out what is of one kind; return why, by name, of members that can't be made."""
    if kind is None or not kind.operations().is_rolled_out:
        return {}
    count, what = sum(len(inputs["members"]) for inputs in resources), f"{kind.noun}s"
    fleet.say(f"rolling out {count} {what} of {count_stacks(resources)} deployments together")
    return kind.operations().roll_out(resources, Progress(fleet.say, "ready:", what))


def count_stacks(resources: Iterable[Mapping[str, Any]]) -> int:
    """Return of how many stacks resources are: a stack has one a flow and target."""
    return len({stack_of(inputs["owner"]) for inputs in resources})


def _members(diff: DeploymentDiff) -> Iterator[str]:
    for part in diff.parts:
        if kind_of_target(part.kind):
            yield from part.inputs["members"]


def quiet(_line: str) -> None:
    """Print nothing: lines of single resources of many stacks would be of no use."""


@contextmanager
def hosted(
    removed: Mapping[DeployedKind, Collection[str]] | None = None,
) -> Iterator[tuple[int, AtlasProvider]]:
    """Serve Atlas's provider in this process; give its port, and it.

    Args:
        removed: the members of kinds that are removed already.
    """
    from atlas_provider.protobuf import share_status

    # What compiled the flows may have imported kfp.
    share_status()
    from atlas.kinds.handler import Handler
    from atlas_provider import serve
    from atlas_provider.kinds import KINDS
    from atlas_provider.provider import AtlasProvider

    release = version("atlas-ml")
    known = {
        kind.token: Handler(handler)
        for kind, names in (removed or {}).items()
        if (handler := kind.operations().handler_after(names)) is not None
    }
    provider = AtlasProvider({**KINDS, **known}, release)
    with serve.hosted(provider, release) as port:
        yield port, provider
