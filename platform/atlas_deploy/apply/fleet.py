"""Several deployments in three sweeps: all are written, waited for together, and settled.

Airflow takes seconds to read what is new in its folder, so nothing waits for it one by one. To
settle a stack is a start of the engine; some run at once, over one provider in this process. What
fails concerns its own stack. A sweep that was killed is repeated by the next deployment: names are
owned before a file is written, and what is as it should be stays untouched.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas_deploy.apply.concurrent import Progress, at_once
from atlas_deploy.apply.update import Done, in_turn, prepared, settled, take

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from atlas_deploy.apply.update import Wanted
    from atlas_deploy.diff.deployment import Outlook
    from atlas_deploy.live.snapshot import Say
    from atlas_provider.provider import AtlasProvider

BATCH = 200
"""The most deployments whose locks are held at once."""
_DAGS = "AirflowDags"


@dataclass(frozen=True, slots=True)
class _Ready:
    """A deployment that was written, and the runs under way of what changes."""

    found: Outlook
    flying: Mapping[str, Sequence[str]]


@dataclass
class _Fleet:
    """Deployments on their way.

    Attributes:
        say: takes a line of progress.
        wanted: what is asked of them.
        done: what was done of each, by stack.
    """

    say: Say
    wanted: Wanted
    done: dict[str, Done] = field(default_factory=dict)

    def fail(self, found: Outlook, error: str) -> None:
        """Keep why one failed."""
        self.say(f"{found.deployment.stack}: failed")
        changes, count = found.changes, len(found.deployment.pipelines)
        self.done[found.deployment.stack] = Done(
            found.deployment.stack, changes, count, error=error
        )


def deployed(outlooks: Sequence[Outlook], say: Say, wanted: Wanted, jobs: int) -> list[Done]:
    """Make several deployments so.

    Args:
        outlooks: the deployments, as they were looked at.
        say: takes a line of progress.
        wanted: what is asked of them.
        jobs: how many are settled at once; 0 for one a core.
    """
    fleet = _Fleet(say, wanted)
    ordered = sorted(outlooks, key=lambda one: one.deployment.stack)
    for start in range(0, len(ordered), BATCH):
        _batch(fleet, ordered[start : start + BATCH], jobs or os.cpu_count() or 1)
    return [fleet.done[one.deployment.stack] for one in outlooks]


def _batch(fleet: _Fleet, outlooks: Sequence[Outlook], jobs: int) -> None:
    with ExitStack() as held:
        ready = [one for each in outlooks for one in _written(fleet, held, each)]
        ready = _awaited(fleet, ready)
        if not ready:
            return
        work = {one.found.deployment.stack: one for one in ready}
        with hosted() as (port, provider):

            def settle(stack: str) -> Done:
                one = work[stack]
                how = fleet.wanted.how
                return settled(one.found, one.flying, quiet, how, port)

            progress = Progress(fleet.say, "settled", "deployments")
            results = at_once([*work], settle, jobs, progress, provider.end_early)
        for stack, result in results.items():
            if isinstance(result, Done):
                fleet.done[stack] = result
            else:
                fleet.fail(work[stack].found, str(result))


def _written(fleet: _Fleet, held: ExitStack, found: Outlook) -> Iterator[_Ready]:
    """Write one deployment, and hold its lock until all are settled."""
    try:
        now = held.enter_context(in_turn(found, fleet.say, fleet.wanted))
        flying = prepared(now, fleet.say, fleet.wanted.how)
        if not now.is_right:
            take(now)
        yield _Ready(now, flying)
    except AtlasError as error:
        fleet.fail(found, str(error))


def _awaited(fleet: _Fleet, ready: Sequence[_Ready]) -> list[_Ready]:
    """Roll the DAGs of all out together; return those deployments that can be settled."""
    parts = [
        dict(part.inputs)
        for one in ready
        if not one.found.is_right
        for part in one.found.parts
        if part.kind == _DAGS
    ]
    if not parts:
        return [*ready]
    from atlas.targets.airflow.ahead import roll_out

    count = sum(len(part["members"]) for part in parts)
    fleet.say(
        f"wrote {count} DAGs of {len(parts)} deployments; waiting until Airflow has read them"
    )
    silent = roll_out(parts, Progress(fleet.say, "Airflow has read", "DAGs")).silent
    kept = []
    for one in ready:
        missing = sorted({*_members(one.found)} & {*silent})
        if missing and not one.found.is_right:
            fleet.fail(one.found, "\n".join(f"{name}: {silent[name]}" for name in missing))
        else:
            kept.append(one)
    return kept


def _members(found: Outlook) -> Iterator[str]:
    for part in found.parts:
        if part.kind == _DAGS:
            yield from part.inputs["members"]


def quiet(_line: str) -> None:
    """Say nothing: of many at once, lines of one resource tell nobody anything."""


@contextmanager
def hosted(gone: Collection[str] = ()) -> Iterator[tuple[int, AtlasProvider]]:
    """Serve Atlas's provider in this process; give its port, and it.

    Args:
        gone: DAGs that are removed already.
    """
    from atlas.kinds.handler import Handler
    from atlas.targets.airflow.resource import AirflowDagsKind
    from atlas_provider import serve
    from atlas_provider.kinds import KINDS
    from atlas_provider.provider import AtlasProvider

    release = version("atlas-ml")
    provider = AtlasProvider(
        {**KINDS, f"atlas:index:{_DAGS}": Handler(AirflowDagsKind(gone))}, release
    )
    with serve.hosted(provider, release) as port:
        yield port, provider
