"""What Kubeflow Pipelines can't do of a Plan: one rule, one small function. Imports no kfp."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.errors import Problem
from atlas.targets.kubeflow import words
from atlas.targets.protocol import deployed_name, not_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from atlas.plan import Plan

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_WAIT = 3600.0
_LONGEST_TIMEOUT = 2.0**31


def problems_of(plan: Plan) -> list[Problem]:
    """Return everything that Kubeflow can't do of the Plan."""
    return [problem for rule in _RULES for problem in rule(plan)]


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
    """KFP would replace ``{{…}}`` in a variable's value, where a Recipe means it literally."""
    for step in plan.steps:
        for name, value in step.env.items():
            if "{{" in value:
                yield Problem(
                    code="T104", path=f"steps.{step.name}.env.{name}",
                    message="Kubeflow would replace '{{' in a variable's value",
                    found=value, expected="a value without '{{'",
                )  # fmt: skip


def _waits(plan: Plan) -> Iterator[Problem]:
    """KFP waits at most an hour between attempts."""
    for step in plan.steps:
        if step.retries.limit and step.retries.max_delay > _LONGEST_WAIT:
            yield Problem(
                code="T105", path=f"steps.{step.name}.retries.max_delay",
                message="Kubeflow waits at most an hour between two attempts",
                found=f"{step.retries.max_delay:g}s", expected="at most 3600s",
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


def _secrets(plan: Plan) -> Iterator[Problem]:
    """A pod can't reach Airflow's connections."""
    for name, place in sorted(plan.secrets.items()):
        if "airflow" in place:
            yield Problem(
                code="T107", path=f"secrets.{name}",
                message="Kubeflow can't read an Airflow connection",
                found=f"airflow: {place['airflow']}", expected="kubernetes: name/key",
            )  # fmt: skip


_RULES: Sequence[Callable[[Plan], Iterator[Problem]]] = (
    not_text, _names, _taken_parameters, _first_letters, _placeholders, _waits, _timeouts, _secrets,
)  # fmt: skip
