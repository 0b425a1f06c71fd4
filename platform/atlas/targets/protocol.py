"""What a target's compiler does, and what compilers share: names, facts, common problems."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from atlas.dataclass import dataclass
from atlas.errors import InvalidError, Problem
from atlas.recipe import Resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.plan import Plan, PlanStep


@dataclass(frozen=True, slots=True)
class Origin:
    """What a Plan is of: no part of it, so that its digest is the same wherever it is made.

    Attributes:
        commit: git commit of the pipeline's folder, where it is known.
        release: name of the release that is deployed; empty for none.
        description: the Config's own description.
        owner: who answers for the pipeline.
        repository: the web address of the code's repository, where it is known.
    """

    commit: str = ""
    release: str = ""
    description: str = ""
    owner: str = ""
    repository: str = ""


PLAN_DIGITS = 12
"""How many digits of a Plan's digest a tag has: it is read by people, too."""
NOWHERE = Origin()
"""Of no known commit and no release."""


class Compiler(Protocol):
    """Turns a Plan into files that one orchestrator takes."""

    @property
    def uses_images(self) -> bool:
        """Whether steps run in images, so that `compile` needs their references."""

    def problems(self, plan: Plan) -> list[Problem]:
        """Return what of the Plan this target can't do; a warning is what it does differently."""

    def compile(
        self, plan: Plan, images: Mapping[str, str], origin: Origin = NOWHERE
    ) -> Mapping[str, bytes]:
        """Return the files that stand for the Plan: name → content, the same for equal input.

        Args:
            plan: what to compile.
            images: the Plan's image names, and ``""`` for steps without one → references.
            origin: what the Plan is of; shown wherever the target shows the pipeline.

        Raises:
            InvalidError: the target can't express the Plan.
        """


def deployed_name(plan: Plan) -> str:
    """Return the name of the DAG, or of the Kubeflow pipeline, that stands for the Plan."""
    return f"{plan.name}-{plan.flow}"


def facts(plan: Plan, origin: Origin) -> dict[str, str]:
    """Return what a target shows of a pipeline's making: digests, commit, model, release."""
    model = plan.model
    by_name = model and (f"/{model.version}" if model.version.isdecimal() else f"@{model.version}")
    named = {
        "plan": plan.digest,
        **dict(sorted(plan.digests.items())),
        "code": plan.code,
        "commit": origin.commit,
        "repository": origin.repository,
        # As MLflow writes it.
        "model": f"models:/{model.name}{by_name}" if model else "",
        "release": origin.release,
    }
    return {name: text for name, text in named.items() if text}


def plan_tag(digest: str) -> str:
    """Return the tag that names the Plan of what is on an orchestrator."""
    return f"plan:{digest[:PLAN_DIGITS]}"


def goes_to(plan: Plan) -> str:
    """Return the hint that says why it matters what a target can't do."""
    return f"{plan.flow} goes to {plan.target} in environment {plan.environment}"


def not_text(plan: Plan) -> Iterator[Problem]:
    """Find text that no file can hold: an unpaired surrogate.

    Documents with one are refused when they are read, so validation needn't look for it in Plans.
    """
    try:
        plan.text.encode()
    except UnicodeEncodeError:
        yield Problem(
            code="T001", message="some text of the Plan has an unpaired surrogate",
            expected="Unicode text",
        )  # fmt: skip


def nul_variables(plan: Plan) -> Iterator[Problem]:
    """Find variables that no process can have: those with a NUL character."""
    for step in plan.steps:
        for name in [name for name, value in step.env.items() if "\0" in value]:
            yield Problem(
                code="T002", path=f"steps.{step.name}.env.{name}",
                message="a variable of a process can't hold a NUL character",
            )  # fmt: skip


def same_variable(plan: Plan) -> Iterator[Problem]:
    """Find secrets that would be handed on in one variable."""
    seen: dict[str, str] = {}
    for name in sorted(plan.secrets):
        other = seen.setdefault(secret_variable(name), name)
        if other != name:
            yield Problem(
                code="T003", path=f"secrets.{name}",
                message=f"the secrets '{name}' and '{other}' reach a step in one variable",
                found=secret_variable(name), hint="rename one of them in the Environment",
            )  # fmt: skip


def names_in_project(plan: Plan) -> list[str]:
    """Return the data sets of a Plan that are in the project's folder."""
    return [name for name, data in sorted(plan.data.items()) if data.uri.startswith("project:")]


def project_data(plan: Plan, project: str | None) -> Iterator[Problem]:
    """Find data in the project's folder, where a target's tasks don't see that.

    Args:
        plan: the Plan.
        project: the project's folder, as tasks see it; empty where they don't, and None where it
            isn't known.
    """
    for name in names_in_project(plan) if project == "" else ():
        yield Problem(
            code="T004", path=f"data.{name}.uri",
            message=f"{plan.target or 'the target'} doesn't see the project's folder",
            found=plan.data[name].uri,
            expected="a URI that its tasks can open, such as store:PATH or s3://BUCKET/PATH",
            hint=goes_to(plan),
        )  # fmt: skip


def secret_variable(name: str) -> str:
    """Return the variable in which a target hands a secret to a step."""
    return f"ATLAS_SECRET_{name.upper().replace('-', '_')}"


def secret_names(plan: Plan, step: PlanStep) -> list[str]:
    """Return the secrets that a step needs: its own, and those that open the data it reads."""
    read = {source.name for source in step.sources() if source.kind == "data"}
    data = (data for name, data in plan.data.items() if name in read)
    return sorted({*step.secrets, *(entry.credential for entry in data if entry.credential)})


def ending_step(plan: Plan, last: PlanStep) -> PlanStep:
    """Return what stands for the end of a run: a last step's image, and who is notified of it."""
    told = {name for names in plan.notify.values() for name in names}
    return replace(
        last, inputs={}, params={}, env={}, foreach=None, when=None, after=(),
        secrets=tuple(sorted(told)), resources=Resources(), node_selector={}, tolerations=(),
    )  # fmt: skip


def refuse(problems: Iterable[Problem]) -> None:
    """Raise the problems that are errors, if there is one; warnings pass.

    Raises:
        InvalidError: there is at least one error.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidError(errors)
