"""What a kind of tasks adds to a DAG file: imports, functions, and arguments of a step's call.

Every kind defines the same functions, ``step``, ``each``, ``when`` and ``finish``, and for the DAG
of a monitor ``check`` and ``retrain``; what calls them is the same for all kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.targets.airflow.literals import mapping, source, template
from atlas.targets.protocol import secret_names, secret_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from atlas.plan import Plan, PlanStep

Arguments = dict[str, str]
"""Arguments of a call: name → expression."""


@dataclass(frozen=True, slots=True)
class TaskKind:
    """One kind of tasks.

    Attributes:
        name: as platforms name it.
        standard: imports of the standard library.
        each_standard: those that only a DAG with a step per key needs.
        airflow: imports of Airflow's.
        functions: definitions of ``step`` and ``finish``.
        each: definition of ``each``.
        when: definition of ``when``.
        arguments: what a step's call has besides what every kind has.
        monitor: definitions of ``check`` and ``retrain``, with all that they need.
    """

    name: str
    standard: tuple[str, ...]
    each_standard: tuple[str, ...]
    airflow: tuple[str, ...]
    functions: str
    each: str
    when: str
    arguments: Callable[[Plan, PlanStep, Mapping[str, str]], Arguments]
    monitor: str


def variables(plan: Plan, step: PlanStep, escape: Callable[[str], str] = str) -> Arguments:
    """Return the step's own variables, protected from Airflow's templates, and its connections.

    Args:
        plan: the Plan.
        step: the step.
        escape: protects a value from what is behind Airflow.
    """
    values = {name: template(escape(value)) for name, value in sorted(step.env.items())}
    values |= {
        secret_variable(name): source(f"{{{{ conn.get('{place['airflow']}').password }}}}")
        for name, place in secrets_of(plan, step, "airflow")
    }
    return {"env": mapping(values)} if values else {}


def secrets_of(plan: Plan, step: PlanStep, kind: str) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Return the secrets that a step needs and that are of one kind, with where they are."""
    named = ((name, plan.secrets.get(name, {})) for name in secret_names(plan, step))
    return ((name, place) for name, place in named if kind in place)


def image_of(plan: Plan, step: PlanStep, images: Mapping[str, str]) -> str:
    """Return the expression of a step's image: one that Atlas built is at the worker's registry."""
    reference = images[step.image]
    image = plan.images.get(step.image)
    host, slash, rest = reference.partition("/")
    if image and image.reference:
        return source(reference)
    has_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return source(f"$ATLAS_REGISTRY/{rest if has_host else reference}")
