"""What Airflow can't do of a Plan, or does differently: one rule, one small function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import Problem
from atlas.targets.protocol import deployed_name, goes_to, nul_variables, same_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from atlas.plan import Plan, PlanStep

_LONGEST_NAME = 250
_LONGEST_KEYS_NAME = _LONGEST_NAME - len(".keys")


def problems_of(plan: Plan, tasks: str) -> list[Problem]:
    """Return everything that Airflow can't do of the Plan with tasks of this kind.

    Args:
        plan: the Plan.
        tasks: ``process``, ``docker`` or ``kubernetes``.
    """
    return [problem for rule in (*_RULES, *_KINDS[tasks]) for problem in rule(plan)]


def _names(plan: Plan) -> Iterator[Problem]:
    """Airflow's ids have at most 250 characters."""
    steps = [(f"steps.{step.name}", step.name, _LONGEST_KEYS_NAME) for step in plan.steps]
    for path, name, longest in [("name", deployed_name(plan), _LONGEST_NAME), *steps]:
        if len(name) > longest:
            yield Problem(
                code="T201", path=path, message=f"'{name}' is too long a name for Airflow",
                found=f"{len(name)} characters", expected=f"at most {longest}",
            )  # fmt: skip


def _required_parameters(plan: Plan) -> Iterator[Problem]:
    """A schedule can give no parameter, nor can new results of others: each needs a default."""
    reads_others = any(s.kind == "pipeline" for step in plan.steps for s in step.sources())
    for name, parameter in sorted(plan.parameters.items()):
        if (plan.schedule or reads_others) and parameter.default is None:
            yield Problem(
                code="T202", path=f"parameters.{name}.default",
                message="a flow with a schedule needs a default for each parameter",
                found="no default", expected="a default, in the Recipe or the Config",
            )  # fmt: skip


def _waits(plan: Plan) -> Iterator[Problem]:
    """Airflow waits at most a day where waits grow."""
    for step in plan.steps:
        retries = step.retries
        longest = retries.delay * float(retries.factor) ** max(0, min(retries.limit, _MANY) - 1)
        if retries.limit and min(longest, retries.max_delay) > _DAY and retries.factor != 1:
            yield Problem(
                code="T206", path=f"steps.{step.name}.retries", severity="warning",
                message="Airflow waits at most a day between attempts",
                found=f"{retries.max_delay:g}s",
            )  # fmt: skip


def _families(plan: Plan) -> Iterator[Problem]:
    """A run of a family's member starts nothing: there would be one for each member."""
    sources = [source for step in plan.steps for source in step.sources()]
    read = {source.name for source in sources if source.kind == "family"}
    if read and plan.schedule is None:
        yield Problem(
            code="T207", path="inputs", severity="warning",
            message="nothing starts this flow when members of a family have new results",
            found=", ".join(sorted(read)), hint="give it a schedule",
        )  # fmt: skip


def _process_secrets(plan: Plan) -> Iterator[Problem]:
    """A process on Airflow's worker isn't given Kubernetes' secrets."""
    yield from _secrets(plan, ("kubernetes",), "a process task")


def _docker_secrets(plan: Plan) -> Iterator[Problem]:
    """A container beside Airflow's worker isn't given Kubernetes' secrets."""
    yield from _secrets(plan, ("kubernetes",), "a Docker task")


def _pod_secrets(plan: Plan) -> Iterator[Problem]:
    """A pod has Kubernetes' secrets only; a connection's password would stand in its manifest."""
    yield from _secrets(plan, ("variable", "file", "airflow"), "a Kubernetes task")


def _secrets(plan: Plan, kinds: tuple[str, ...], who: str) -> Iterator[Problem]:
    expected = [kind for kind in ("variable", "file", "kubernetes", "airflow") if kind not in kinds]
    for name, place in sorted(plan.secrets.items()):
        for kind in [kind for kind in kinds if kind in place]:
            yield Problem(
                code="T203", path=f"secrets.{name}", message=f"{who} can't read this secret",
                found=f"{kind}: {place[kind]}", expected=" or ".join(expected), hint=goes_to(plan),
            )  # fmt: skip


def _worker(plan: Plan) -> Iterator[Problem]:
    """A process runs in the worker's own Python, with what is free there."""
    asked = {
        "images": any(step.image for step in plan.steps),
        "cpu": any(step.resources.cpu is not None for step in plan.steps),
        "memory": any(step.resources.memory is not None for step in plan.steps),
    }
    ignored = [name for name, is_asked in asked.items() if is_asked]
    if ignored:
        yield Problem(
            code="T205", path="steps", severity="warning",
            message="a process task runs in the worker's Python, with what is free there, "
            "whatever this says",
            found=", ".join(ignored),
        )  # fmt: skip


def _placement(plan: Plan) -> Iterator[Problem]:
    """A task that isn't a pod runs where Airflow's worker runs."""
    for step in plan.steps:
        settings = {"node_selector": step.node_selector, "tolerations": step.tolerations}
        yield from _unheeded(step, settings, "this task runs where Airflow's worker does")


def _gpus(plan: Plan) -> Iterator[Problem]:
    """A process sees the GPUs that the worker sees."""
    for step in plan.steps:
        yield from _unheeded(
            step, {"resources.gpu": step.resources.gpu}, "a process task sees the worker's GPUs"
        )


def _shares(plan: Plan) -> Iterator[Problem]:
    """Airflow gives Docker a number of cores as a weight among containers, not as a limit."""
    for step in plan.steps:
        settings = {"resources.cpu": step.resources.cpu}
        yield from _unheeded(step, settings, "a Docker task's cores are a weight, and no limit")


def _unheeded(step: PlanStep, settings: Mapping[str, object], why: str) -> Iterator[Problem]:
    for setting in [name for name, value in settings.items() if value]:
        yield Problem(
            code="T204", path=f"steps.{step.name}.{setting}", severity="warning",
            message=f"{why}, whatever this says",
        )  # fmt: skip


_DAY = 86400.0
_MANY = 20
_RULES: Sequence[Callable[[Plan], Iterator[Problem]]] = (
    nul_variables, same_variable, _names, _required_parameters, _waits, _families,
)  # fmt: skip
_KINDS: Mapping[str, Sequence[Callable[[Plan], Iterator[Problem]]]] = {
    "process": (_process_secrets, _worker, _gpus, _placement),
    "docker": (_docker_secrets, _shares, _placement),
    "kubernetes": (_pod_secrets,),
}
