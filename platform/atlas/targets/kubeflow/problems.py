"""What Kubeflow Pipelines can't do of a Plan: one rule, one small function. Imports no kfp."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from atlas.errors import Problem
from atlas.targets.kubeflow import words
from atlas.targets.protocol import deployed_name, goes_to, nul_variables, same_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from atlas.plan import Plan, PlanStep

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_TIMEOUT = 2.0**31 - words.GRACE
_EXACT = 2**53
"""Up to here a double, which is how KFP carries every number, is exact for whole numbers."""


def problems_of(plan: Plan, *, local: bool, schedules: bool = False) -> list[Problem]:
    """Return everything that Kubeflow can't do of the Plan, or does differently.

    Args:
        plan: the Plan.
        local: whether `kfp.local` runs it, and no cluster.
        schedules: whether a deployment makes recurring runs of what has a schedule.
    """
    own = () if schedules else (_no_schedule,)
    rules = (*_RULES, *own, *(_LOCAL_RULES if local else _CLUSTER_RULES))
    return [problem for rule in rules for problem in rule(plan)]


def _names(plan: Plan) -> Iterator[Problem]:
    """KFP's names are at most 128 lower-case letters, digits and hyphens."""
    name = deployed_name(plan)
    if not _NAME.fullmatch(name):
        yield Problem(
            code="T101", path="name", message=f"no Kubeflow pipeline can be called '{name}'",
            found=name, expected="at most 128 lower-case letters, digits, '-' and '_'",
        )  # fmt: skip


def _taken_parameters(plan: Plan) -> Iterator[Problem]:
    """Every compiled pipeline has some parameters of Atlas's own."""
    for name in sorted(set(plan.parameters) & set(words.FACTS)):
        yield Problem(
            code="T102", path=f"parameters.{name}", message="this parameter is Atlas's own",
            found=name, expected=f"another name than {', '.join(sorted(words.FACTS))}",
        )  # fmt: skip


def _first_letters(plan: Plan) -> Iterator[Problem]:
    """KFP takes no parameter and no output whose name starts with an underscore."""
    places = [(f"parameters.{name}", name) for name in plan.parameters]
    for step in plan.steps:
        read = {source.output for source in step.sources() if source.kind == "step"}
        names = sorted({*step.outputs, *read})
        places += [(f"steps.{step.name}.outputs.{name}", name) for name in names]
    for path, name in places:
        if not _CHANNEL.fullmatch(name):
            yield Problem(
                code="T103", path=path, message=f"Kubeflow takes no name like '{name}'",
                found=name, expected="a letter first, then letters, digits and '_'",
            )  # fmt: skip


def _placeholders(plan: Plan) -> Iterator[Problem]:
    """KFP would replace ``{{…}}`` in a value, where a Recipe means it literally."""
    values = [
        (f"steps.{step.name}.env.{name}", value)
        for step in plan.steps
        for name, value in step.env.items()
    ]
    values += [
        (f"parameters.{name}.default", parameter.default)
        for name, parameter in plan.parameters.items()
    ]
    for path, value in values:
        if isinstance(value, str) and "{{" in value:
            yield Problem(
                code="T104", path=path, message="Kubeflow would replace '{{' in this value",
                found=value, expected="a value without '{{'",
            )  # fmt: skip


def _numbers(plan: Plan) -> Iterator[Problem]:
    """KFP carries every number as a double."""
    for name, parameter in sorted(plan.parameters.items()):
        given = {"default": [parameter.default], "choices": parameter.choices}
        for field, values in given.items():
            for value in values if parameter.type == "integer" else ():
                if value is not None and abs(value) > _EXACT:
                    yield Problem(
                        code="T109", path=f"parameters.{name}.{field}",
                        message="Kubeflow can't carry so large a whole number exactly",
                        found=str(value), expected="at most 2**53, or a parameter of type string",
                    )  # fmt: skip


def _no_schedule(plan: Plan) -> Iterator[Problem]:
    """A package holds no schedule: without an API server, nothing starts the flow."""
    if plan.schedule is not None and plan.schedule.timezone == "UTC":
        yield Problem(
            code="T110", path="schedule", severity="warning",
            message="a Kubeflow package holds no schedule: a deployment makes a recurring run of "
            "it where there is an API server, and nothing starts this flow where there is none",
            found=plan.schedule.cron, hint="Airflow runs schedules: set the flow's target",
        )  # fmt: skip


def _time_zone(plan: Plan) -> Iterator[Problem]:
    """A deployment gives the schedule to the API server, which knows UTC alone."""
    if plan.schedule is not None and plan.schedule.timezone != "UTC":
        yield Problem(
            code="T116", path="schedule", severity="warning",
            message="a Kubeflow package holds no schedule, and an API server takes it in UTC only: "
            "a deployment to one refuses this flow",
            found=plan.schedule.timezone, expected="UTC",
            hint="give the time in UTC, or set the flow's target to Airflow",
        )  # fmt: skip


def _upstream(plan: Plan) -> Iterator[Problem]:
    """Nothing in Kubeflow starts a run when another pipeline's is over."""
    read = {s.name for step in plan.steps for s in step.sources() if s.kind == "pipeline"}
    if read and plan.schedule is None:
        yield Problem(
            code="T113", path="reads", severity="warning",
            message="Kubeflow starts no run when another pipeline has a new result",
            found=", ".join(sorted(read)), hint="Airflow does: set the flow's target",
        )  # fmt: skip


def _factors(plan: Plan) -> Iterator[Problem]:
    """Argo, which runs KFP's tasks, takes a whole number for a factor."""
    for step in _retried(plan):
        if not float(step.retries.factor).is_integer():
            yield Problem(
                code="T111", path=f"steps.{step.name}.retries.factor",
                message="Kubeflow takes only a whole number as a factor",
                found=f"{step.retries.factor:g}", expected="a whole number",
            )  # fmt: skip


def _deadlines(plan: Plan) -> Iterator[Problem]:
    """KFP tries again only within an hour of the first start, and ends what still runs then."""
    late = [step.name for step in _retried(plan) if not _in_time(step)]
    if late:
        yield Problem(
            code="T105", path="steps", severity="warning",
            message="Kubeflow tries again only within an hour of a step's first start, "
            "and ends a later attempt then",
            found=", ".join(late), hint="give these a timeout that leaves room for their retries",
        )  # fmt: skip


def _in_time(step: PlanStep) -> bool:
    """Tell whether all attempts of a step, and the waits between them, are over in time."""
    retries = step.retries
    waits = sum(_wait(step, attempt) for attempt in range(min(retries.limit, _MANY)))
    attempts = None if step.timeout is None else (retries.limit + 1) * step.timeout
    return attempts is not None and attempts + waits <= words.RETRYING


def _wait(step: PlanStep, attempt: int) -> float:
    """Return the seconds that KFP waits after an attempt; the first is 0."""
    retries = step.retries
    return math.ceil(min(retries.delay, retries.max_delay)) * float(retries.factor) ** attempt


def _caps(plan: Plan) -> Iterator[Problem]:
    """KFP's waits grow without a limit."""
    for step in _retried(plan):
        longest = _wait(step, min(step.retries.limit - 1, _MANY))
        if longest > max(step.retries.max_delay, 1):
            yield Problem(
                code="T112", path=f"steps.{step.name}.retries", severity="warning",
                message="Kubeflow's waits between attempts grow beyond max_delay",
                found=f"{longest:g}s", expected=f"{step.retries.max_delay:g}s",
            )  # fmt: skip


def _seconds(plan: Plan) -> Iterator[Problem]:
    """KFP waits whole seconds; its deadline is only a second one, for a step keeps its own."""
    for step in _retried(plan):
        first = min(step.retries.delay, step.retries.max_delay)
        if not float(first).is_integer():
            yield Problem(
                code="T108", path=f"steps.{step.name}.retries", severity="warning",
                message="Kubeflow waits whole seconds", found=f"{first:g}s",
                expected=f"{math.ceil(first)}s",
            )  # fmt: skip


def _timeouts(plan: Plan) -> Iterator[Problem]:
    """A pod's deadline is a 32-bit number of seconds."""
    for step in plan.steps:
        if step.timeout is not None and step.timeout >= _LONGEST_TIMEOUT:
            yield Problem(
                code="T106", path=f"steps.{step.name}.timeout",
                message="Kubernetes takes no deadline that far away",
                found=f"{step.timeout:g}s", expected=f"less than {_LONGEST_TIMEOUT:.0f}s",
            )  # fmt: skip


def _cluster_secrets(plan: Plan) -> Iterator[Problem]:
    """A pod has Kubernetes' secrets only."""
    yield from _other_secrets(plan, ("kubernetes",), "a pod", "kubernetes: name/key")


def _local_secrets(plan: Plan) -> Iterator[Problem]:
    """A container of `kfp.local` is given what this machine has."""
    expected = "a variable or a file"
    yield from _other_secrets(plan, ("variable", "file"), "a container of kfp.local", expected)


def _other_secrets(
    plan: Plan, kinds: tuple[str, ...], who: str, expected: str
) -> Iterator[Problem]:
    for name, place in sorted(plan.secrets.items()):
        for kind in sorted(set(place) - set(kinds)):
            yield Problem(
                code="T107", path=f"secrets.{name}", message=f"{who} can't read this secret",
                found=f"{kind}: {place[kind]}", expected=expected, hint=goes_to(plan),
            )  # fmt: skip


def _local_limits(plan: Plan) -> Iterator[Problem]:
    """`kfp.local` runs every container on this machine, all alike."""
    for step in plan.steps:
        asked = step.resources
        settings = {
            "cpu": asked.cpu, "memory": asked.memory, "gpu": asked.gpu,
            "node_selector": step.node_selector, "tolerations": step.tolerations,
        }  # fmt: skip
        for setting in [name for name, value in settings.items() if value]:
            yield Problem(
                code="T114", path=f"steps.{step.name}.{setting}", severity="warning",
                message="kfp.local gives every container this machine, whatever this says",
            )  # fmt: skip


def _local_loops(plan: Plan) -> Iterator[Problem]:
    """`kfp.local` loops only where nothing follows the loop."""
    for step in plan.steps:
        if step.foreach:
            yield Problem(
                code="T115", path=f"steps.{step.name}.foreach", severity="warning",
                message="kfp.local doesn't loop: one container runs all keys of this step",
            )  # fmt: skip


def _retried(plan: Plan) -> Iterator[PlanStep]:
    return (step for step in plan.steps if step.retries.limit)


_MANY = 20
"""Waits that are looked at: with a factor, later ones are beyond any bound."""
_RULES: Sequence[Callable[[Plan], Iterator[Problem]]] = (
    nul_variables, same_variable, _names, _taken_parameters, _first_letters, _placeholders,
    _numbers, _time_zone, _upstream,
)  # fmt: skip
_CLUSTER_RULES: Sequence[Callable[[Plan], Iterator[Problem]]] = (
    _cluster_secrets, _factors, _deadlines, _caps, _seconds, _timeouts,
)  # fmt: skip
_LOCAL_RULES: Sequence[Callable[[Plan], Iterator[Problem]]] = (
    _local_secrets, _local_limits, _local_loops,
)  # fmt: skip
