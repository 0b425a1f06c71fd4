"""What a deployment is made of: the resources of its stack, and what the store must have first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import DeployError, InvalidError
from atlas.kinds import content
from atlas.store import add_code, open_store
from atlas.targets import CompileSite, compile_plans, compiler_named, deployed_name
from atlas_deploy.desired.images import images_of, pushed_members
from atlas_deploy.desired.origins import origin_of
from atlas_deploy.platforms.services import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets import Compiled
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services

KINDS = {"kubeflow": "KubeflowPipelines", "airflow": "AirflowDags"}
"""Target → kind of resource."""


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
class Material:
    """A deployment, compiled.

    Attributes:
        deployment: what it was compiled from.
        store: URL of the store that it goes through.
        parts: the resources of its stack.
        contents: everything that the parts' members name by digest.
        plans: the Plans that are deployed, by digest.
        skipped: deployed names whose flow runs only locally.
        notes: what a target does differently from what was asked for.
        unbuilt: images that stand by a tag of their content.
    """

    deployment: Deployment
    store: str
    parts: Sequence[Part]
    contents: Sequence[bytes]
    plans: Mapping[str, Plan]
    skipped: Sequence[str] = ()
    notes: Sequence[Problem] = ()
    unbuilt: Sequence[str] = field(default=())


def material_of(deployment: Deployment, services: Services) -> Material:
    """Compile a deployment; nothing is written.

    Raises:
        InvalidError: a target can't express one of its Plans.
        DeployError: Kubeflow would run images that aren't built.
    """
    plans = [plan for _, plan in deployment.plans()]
    site = CompileSite(services.found, deployment.project.root)
    compiled = compile_plans(
        plans,
        images_of(deployment.pipelines),
        make=lambda name: compiler_named(name, site),
        origin_of=origin_of(deployment.pipelines),
    )
    problems = [problem for one in compiled for problem in one.problems]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidError(errors)
    unbuilt = sorted({image for one in compiled for image in one.unbuilt})
    if unbuilt and has_api_server(services):
        raise DeployError(
            f"{deployment.stack}: images not built: {', '.join(unbuilt)}; "
            f"{command('build')} builds them",
            code="I201",
        )
    return Material(
        deployment,
        services.store,
        [
            *_images(deployment, services),
            *_targets(deployment, services, compiled, plans),
            *_models(deployment, services, plans),
        ],
        [text for one in compiled for text in one.files.values()],
        {plan.digest: plan for plan in plans},
        [f"{plan.name}-{plan.flow}" for plan in plans if plan.target == "local"],
        [problem for problem in problems if not _is_met(problem, services)],
        unbuilt,
    )


def write(material: Material) -> None:
    """Put Plans, code and compiled files into the store, each under its digest.

    Raises:
        StoreError: something can't be written, or the code has changed since it was read.
    """
    store = open_store(material.store)
    for plan in material.plans.values():
        store.add_plan(plan)
    folders = {plan.code: one.folder for one, plan in material.deployment.plans()}
    for code, folder in folders.items():
        add_code(store, folder, code)
    for text in material.contents:
        content.put(material.store, text)


def owner_of(deployment: Deployment, flow: str) -> str:
    """Return under which name the store knows whose a deployed name is."""
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


def images_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which the resource of images finds the platform."""
    found = {"store": services.store, "registry": services.url(REGISTRY)}
    return {**found, **services.opened(REGISTRY)}


def has_api_server(services: Services) -> bool:
    """Tell whether the platform's Kubeflow is an API server, and not `kfp.local` over the store."""
    return services.kind("kubeflow") != "kfp.local"


def _is_met(problem: Problem, services: Services) -> bool:
    """Tell whether the platform has what a note misses: T110, Kubeflow's schedules."""
    return problem.code == "T110" and has_api_server(services)


def _targets(
    deployment: Deployment,
    services: Services,
    compiled: Sequence[Compiled],
    plans: Sequence[Plan],
) -> Iterator[Part]:
    """Return one resource a flow and target."""
    groups: dict[tuple[str, str], list[Compiled]] = {}
    for one in compiled:
        flow = one.name.rpartition("-")[2]
        groups.setdefault((flow, one.target), []).append(one)
    for (flow, orchestrator), members in sorted(groups.items()):
        inputs = {
            "owner": owner_of(deployment, flow),
            "members": {one.name: _digest(one) for one in members},
            "plans": {one.name: one.plan for one in members},
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


def target_inputs(services: Services, target: str) -> dict[str, str]:
    """Return the inputs by which a resource finds the platform."""
    if target == "kubeflow":
        return {"store": services.store, **_api_server(services)}
    return {
        "store": services.store,
        "dags": services.url("dags"),
        "airflow": services.url("airflow"),
        "secrets": services.url("secrets"),
        "credentials": services.credentials("airflow"),
    }


def mlflow_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which a resource finds MLflow, with the secret that opens it."""
    return {"mlflow": services.url("mlflow"), **services.opened("mlflow")}


def _api_server(services: Services) -> dict[str, str]:
    """Return the inputs by which a resource finds Kubeflow's API server, where there is one."""
    if not has_api_server(services):
        return {}
    of = {"namespace": services.namespace} if services.namespace else {}
    return {"kubeflow": services.url("kubeflow"), **of, **services.opened("kubeflow")}


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
