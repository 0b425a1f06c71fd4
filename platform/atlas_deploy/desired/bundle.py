"""A deployment, compiled: the resources of its stack, and the contents that they name by digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import DeployError, InvalidError
from atlas.kinds import content
from atlas.store import open_store
from atlas.targets import CompileSite, compile_plans, compiler_named, deployed_name
from atlas_deploy.desired.addresses import (
    KINDS,
    has_api_server,
    images_inputs,
    mlflow_inputs,
    target_inputs,
)
from atlas_deploy.desired.fingerprint import fingerprint_of
from atlas_deploy.desired.images import pushed_members, references_of
from atlas_deploy.desired.origins import origin_of
from atlas_deploy.platforms.services import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets import Compiled
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of the stack.

    Attributes:
        kind: name of its class in `atlas_provider.resources`.
        name: its name in the stack.
        inputs: its inputs.
    """

    kind: str
    name: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A deployment, compiled.

    Attributes:
        deployment: what it was compiled from.
        store: URL of the artifact store.
        parts: the resources of its stack.
        contents: everything that the parts' members name by digest.
        plans: the Plans that are deployed, by digest.
        fingerprint: digest of all that it follows from.
        skipped: names of flows that aren't deployed, because their target is ``local``.
        warnings: what a target does differently from what the documents ask for.
        unbuilt: images that aren't built, named by a tag of their content.
    """

    deployment: Deployment
    store: str
    parts: Sequence[Part]
    contents: Sequence[bytes]
    plans: Mapping[str, Plan]
    fingerprint: str = ""
    skipped: Sequence[str] = ()
    warnings: Sequence[Problem] = ()
    unbuilt: Sequence[str] = field(default=())


def compile_bundle(deployment: Deployment, services: Services) -> Bundle:
    """Compile a deployment; nothing is written.

    Raises:
        InvalidError: a target can't express one of its Plans.
        DeployError: Kubeflow would run images that aren't built.
    """
    plans = [plan for _, plan in deployment.plans()]
    images = references_of(deployment.pipelines)
    site = CompileSite(services.found, deployment.project.root)
    compiled = compile_plans(
        plans,
        images,
        make=lambda name: compiler_named(name, site),
        origin_of=origin_of(deployment.pipelines),
    )
    problems = [problem for each in compiled for problem in each.problems]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidError(errors)
    unbuilt = sorted({image for each in compiled for image in each.unbuilt})
    if unbuilt and has_api_server(services):
        raise DeployError(
            f"{deployment.stack}: images not built: {', '.join(unbuilt)}; "
            f"{command('build')} builds them",
            code="I201",
        )
    return Bundle(
        deployment,
        services.store,
        [
            *_images(deployment, services),
            *_targets(deployment, services, compiled, plans),
            *_models(deployment, services, plans),
        ],
        [text for each in compiled for text in each.files.values()],
        {plan.digest: plan for plan in plans},
        fingerprint_of(deployment, services, images),
        [f"{plan.name}-{plan.flow}" for plan in plans if plan.target == "local"],
        [problem for problem in problems if not _is_met(problem, services)],
        unbuilt,
    )


def owner_of(deployment: Deployment, flow: str) -> str:
    """Return the owner that the store records for the names of one flow."""
    return f"{deployment.stack}/{flow}"


def _images(deployment: Deployment, services: Services) -> Iterator[Part]:
    """Return the resource with the images that the steps' deployed flows use, once pushed."""
    if not services.has(REGISTRY):
        return
    members = pushed_members(deployment.pipelines, open_store(services.store))
    if members:
        inputs = {
            "owner": owner_of(deployment, "images"),
            "members": members,
            **images_inputs(services),
        }
        yield Part("StepImages", "images", inputs)


def _is_met(problem: Problem, services: Services) -> bool:
    """Tell whether the platform has what a warning says is missing: T110, Kubeflow's schedules."""
    return problem.code == "T110" and has_api_server(services)


def _targets(
    deployment: Deployment,
    services: Services,
    compiled: Sequence[Compiled],
    plans: Sequence[Plan],
) -> Iterator[Part]:
    """Return one resource a flow and target."""
    groups: dict[tuple[str, str], list[Compiled]] = {}
    for member in compiled:
        flow = member.name.rpartition("-")[2]
        groups.setdefault((flow, member.target), []).append(member)
    for (flow, orchestrator), members in sorted(groups.items()):
        inputs = {
            "owner": owner_of(deployment, flow),
            "members": {member.name: _digest(member) for member in members},
            "plans": {member.name: member.plan for member in members},
            **target_inputs(services, orchestrator),
        }
        if "kubeflow" in inputs:
            inputs["schedules"] = _schedules(plans, inputs["members"])
        yield Part(KINDS[orchestrator], f"{flow}-{orchestrator}", inputs)


def _schedules(plans: Sequence[Plan], names: Iterable[str]) -> dict[str, str]:
    """Return when the members run that run by the clock, by deployed name.

    Raises:
        DeployError: one runs by the clock of another time zone than UTC.
    """
    from atlas.targets.kubeflow.server import line_of

    named = {deployed_name(plan): plan.schedule for plan in plans}
    found = {name: when for name in names if (when := named[name]) is not None}
    for name, when in found.items():
        if when.timezone != "UTC":
            raise DeployError(
                f"{name}: found a schedule in {when.timezone}, expected UTC, which is "
                "Kubeflow's; give the time in UTC, or set the flow's target to Airflow",
                code="T116",
            )
    return {name: line_of(when) for name, when in found.items()}


def _digest(compiled: Compiled) -> str:
    """Return the digest of the one file that stands for a Plan."""
    (text,) = compiled.files.values()
    return content.digest_of(text)


def _models(deployment: Deployment, services: Services, plans: Sequence[Plan]) -> Iterator[Part]:
    """Return the resource with the models' names, where there is a model."""
    members = {
        plan.model.name: f"The model of pipeline {plan.pipeline}."
        for plan in plans
        if plan.model is not None
    }
    if members:
        inputs = {
            "owner": owner_of(deployment, "models"),
            "members": dict(sorted(members.items())),
            **mlflow_inputs(services),
        }
        yield Part("RegisteredModels", "models", inputs)
