"""What the steps of a run have printed, as the store has it: of any target, also after the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.load.words import nearest
from atlas.runs.history import history
from atlas.step.logs import read_log
from atlas.store.keys import is_index, unit_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.plan import Plan, PlanStep
    from atlas.store import Run, Store


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """What a step, or one key of it, has printed in all its attempts.

    Attributes:
        step: the step's full name.
        index: the key's number; None of a step without keys.
        status: how it ended; empty while it hasn't.
        text: the log; empty for none.
    """

    step: str
    index: int | None
    status: str
    text: str

    @property
    def name(self) -> str:
        """The step, with the key's number behind it."""
        return self.step if self.index is None else f"{self.step}[{self.index}]"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"step": self.step, "index": self.index, "status": self.status, "log": self.text}


def logs_of(store: Store, name: str, step: str = "") -> list[LoggedStep]:
    """Return what the steps of a run have printed, in the Plan's order.

    Args:
        store: the artifact store.
        name: the run: its id, or ``pipeline/id``.
        step: full name of the only step, or ``step[2]`` for one key of it; empty for all.

    Raises:
        AtlasError: there is no such run or step, or it has no such key.
        StoreError: the store can't be read.
    """
    found = history(store).find(name)
    run = store.run(found.pipeline, found.run)
    plan = store.plan(run.plan)
    if not step:
        return [log for one in plan.steps for log in _logs(store, run, one)]
    base, _, key = step.removesuffix("]").partition("[")
    logs = [*_logs(store, run, _step(plan, base))]
    wanted = [log for log in logs if log.name == step or (not key and log.step == step)]
    if not wanted:
        there = ", ".join(log.name for log in logs[:_SHOWN]) or "none yet"
        raise AtlasError(f"{found.name}: step {base} has no key {key}; there are {there}")
    return wanted


_SHOWN = 8


def _step(plan: Plan, name: str) -> PlanStep:
    if name in plan.by_name:
        return plan.by_name[name]
    hint = nearest(name, plan.by_name) or f"there are {', '.join(plan.by_name)}"
    raise AtlasError(f"{plan.name}: its {plan.flow} has no step '{name}' ({hint})")


def _logs(store: Store, run: Run, step: PlanStep) -> Iterator[LoggedStep]:
    for index in _indexes(store, run, step):
        outcome = store.outcome(run.pipeline, run.id, step.name, index) or {}
        text = read_log(store.location, run, step.name, index)
        yield LoggedStep(step.name, index, outcome.get("status", ""), text)


def _indexes(store: Store, run: Run, step: PlanStep) -> Sequence[int | None]:
    """Return the numbers of a step's keys that have begun; one that is none for a step of one."""
    if step.foreach is None:
        return [None]
    names = store.location.names(unit_key(run.pipeline, run.id, step.name, None))
    return sorted(map(int, filter(is_index, names)))
