"""What Airflow can't do of a Plan, or does differently: one rule, one small function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import Problem
from atlas.targets.protocol import deployed_name, not_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from atlas.plan import Plan

_LONGEST_NAME = 250
_LONGEST_KEYS_NAME = _LONGEST_NAME - len(".keys")


def problems_of(plan: Plan, tasks: str) -> list[Problem]:
    """Return everything that Airflow can't do of the Plan with tasks of this kind."""
    rules = [*_RULES, *(_PROCESS_RULES if tasks == "process" else ())]
    return [problem for rule in rules for problem in rule(plan)]


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
    """A schedule can give no parameter, so each needs a default."""
    for name, parameter in sorted(plan.parameters.items()):
        if plan.schedule and parameter.default is None:
            yield Problem(
                code="T202", path=f"parameters.{name}.default",
                message="a flow with a schedule needs a default for each parameter",
                found="no default", expected="a default, in the Recipe or the Config",
            )  # fmt: skip


def _secrets(plan: Plan) -> Iterator[Problem]:
    """A process on Airflow's worker isn't given Kubernetes' secrets."""
    for name, place in sorted(plan.secrets.items()):
        if "kubernetes" in place:
            yield Problem(
                code="T203", path=f"secrets.{name}",
                message="a process task can't read a Kubernetes secret",
                found=f"kubernetes: {place['kubernetes']}",
                expected="a variable, a file or an Airflow connection",
            )  # fmt: skip


def _placement(plan: Plan) -> Iterator[Problem]:
    """A process runs where Airflow's worker runs, with what is free there."""
    for step in plan.steps:
        wanted = {
            "node_selector": step.node_selector, "tolerations": step.tolerations,
            "resources.gpu": step.resources.gpu,
        }  # fmt: skip
        for setting in [name for name, value in wanted.items() if value]:
            yield Problem(
                code="T204", path=f"steps.{step.name}.{setting}", severity="note",
                message="a process task runs on Airflow's worker, whatever this says",
            )  # fmt: skip


_RULES: Sequence[Callable[[Plan], Iterator[Problem]]] = (not_text, _names, _required_parameters)
_PROCESS_RULES: Sequence[Callable[[Plan], Iterator[Problem]]] = (_secrets, _placement)
