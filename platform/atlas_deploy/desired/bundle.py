"""A deployment, compiled: the resources of its stack, and the contents that they name by digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import DeployError, InvalidError
from atlas.kinds import content
from atlas.registered import LOCAL_TARGET
from atlas.targets import (
    CompileSite,
    compile_plans,
    compiler_named,
    deployed_name,
    target_named,
)
from atlas_deploy.desired.alerts import require_place, rule_files
from atlas_deploy.desired.fingerprint import fingerprint_of
from atlas_deploy.desired.locked import members_for, references_for
from atlas_deploy.desired.monitors import PART, CompiledMonitor, compiled_monitor
from atlas_deploy.desired.origins import origin_of
from atlas_deploy.platforms.deployed_kinds import ALERTS, IMAGES, MODELS
from atlas_deploy.platforms.services import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets import Compiled, DeployedKind
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of the stack.

    Attributes:
        kind: its kind, such as ``AirflowDags``.
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
        DeployError: I201, a cluster would pull images that aren't built; D020, the platform has no
            place for alert rules; or a target's flows can't be deployed.
    """
    plans = [plan for _, plan in deployment.plans()]
    images = references_for(deployment, services)
    site = CompileSite(services.by_name, deployment.project.root)
    compiled = compile_plans(
        plans,
        images,
        make=lambda name: compiler_named(name, site),
        origin_of=origin_of(deployment.pipelines, deployment.release),
    )
    problems = [problem for output in compiled for problem in output.problems]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidError(errors)
    unbuilt = sorted({image for output in compiled for image in output.unbuilt})
    if unbuilt and _needs_built_images(compiled, services):
        raise _not_built(deployment, unbuilt)
    rules = rule_files(deployment)
    monitor = compiled_monitor(deployment, services)
    if monitor and monitor.unbuilt:
        unbuilt = sorted({*unbuilt, monitor.unbuilt})
        if monitor.needs_image:
            raise _not_built(deployment, unbuilt)
    return Bundle(
        deployment,
        services.store,
        [
            *_images(deployment, services),
            *_targets(deployment, services, compiled, plans),
            *_models(deployment, services, plans),
            *_alerts(deployment, services, rules),
            *_monitor(deployment, services, monitor),
        ],
        [
            *(text for output in compiled for text in output.files.values()),
            *rules.values(),
            *(monitor.contents if monitor else ()),
        ],
        {plan.digest: plan for plan in plans},
        fingerprint_of(deployment, services, images),
        [f"{plan.name}-{plan.flow}" for plan in plans if plan.target == LOCAL_TARGET],
        problems,
        unbuilt,
    )


def _not_built(deployment: Deployment, images: Sequence[str]) -> DeployError:
    """Return the error that a cluster would pull images that aren't built."""
    return DeployError(
        f"{deployment.stack}: images not built: {', '.join(images)}; "
        f"{command('build')} builds them",
        code="I201",
    )


def owner_of(deployment: Deployment, flow: str) -> str:
    """Return the owner that the store records for the names of one flow."""
    return f"{deployment.stack}/{flow}"


def stack_of(owner: str) -> str:
    """Return the stack of an owner that `owner_of` has given."""
    return owner.rpartition("/")[0]


def _images(deployment: Deployment, services: Services) -> Iterator[Part]:
    """Return the resource with the images that the steps' deployed flows use, once pushed."""
    if not services.has(REGISTRY):
        return
    members = members_for(deployment, services)
    if members:
        inputs = {
            "owner": owner_of(deployment, "images"),
            "members": members,
            **services.addresses(IMAGES),
        }
        yield Part(IMAGES, "images", inputs)


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
    named = {deployed_name(plan): plan for plan in plans}
    for (flow, orchestrator), members in sorted(groups.items()):
        kind = _kind_of(orchestrator)
        operations = kind.operations()
        inputs = {
            "owner": owner_of(deployment, flow),
            "members": {member.name: _digest(member) for member in members},
            "plans": {member.name: member.plan for member in members},
            **operations.addresses(services),
            **operations.inputs({member.name: named[member.name] for member in members}, services),
        }
        yield Part(kind.name, f"{flow}-{orchestrator}", inputs)


def _needs_built_images(compiled: Sequence[Compiled], services: Services) -> bool:
    """Tell whether a target that has unbuilt images can't do with that."""
    used = {member.target for member in compiled if member.unbuilt}
    return any(_kind_of(name).operations().needs_built_images(services) for name in used)


def _kind_of(target: str) -> DeployedKind:
    """Return how a target's flows are deployed.

    Raises:
        DeployError: they aren't.
    """
    descriptor = target_named(target)
    if descriptor.deployed is None:
        raise DeployError(
            f"target {target}: Atlas compiles for {descriptor.title} and deploys nothing to it; "
            f"{command('compile', '--target', target)} writes its files"
        )
    return descriptor.deployed


def _digest(compiled: Compiled) -> str:
    """Return the digest of the one file that stands for a Plan."""
    (text,) = compiled.files.values()
    return content.digest_of(text)


def _models(deployment: Deployment, services: Services, plans: Sequence[Plan]) -> Iterator[Part]:
    """Return the resource with the models' names, where there is a model.

    A release's inference may use another environment's model: it is that one's own.
    """
    trained = {
        plan.pipeline: plan.model for plan in plans if plan.model and plan.flow == "training"
    }
    named = ((plan.pipeline, trained.get(plan.pipeline, plan.model)) for plan in plans)
    members = {
        model.name: f"The model of pipeline {pipeline}."
        for pipeline, model in named
        if model is not None
    }
    if members:
        inputs = {
            "owner": owner_of(deployment, "models"),
            "members": dict(sorted(members.items())),
            **services.addresses(MODELS),
        }
        yield Part(MODELS, "models", inputs)


def _alerts(
    deployment: Deployment, services: Services, rules: Mapping[str, bytes]
) -> Iterator[Part]:
    """Return the resource with the groups of alert rules, where the Config asks for any.

    Raises:
        DeployError: D020, the platform has no place for them.
    """
    if rules:
        require_place(deployment, services)
        inputs = {
            "owner": owner_of(deployment, "alerts"),
            "members": {name: content.digest_of(text) for name, text in rules.items()},
            **services.addresses(ALERTS),
        }
        yield Part(ALERTS, "alerts", inputs)


def _monitor(
    deployment: Deployment, services: Services, monitor: CompiledMonitor | None
) -> Iterator[Part]:
    """Return the resource of the monitor, where there is one."""
    if monitor is not None:
        inputs = {
            "owner": owner_of(deployment, PART),
            "members": dict(monitor.members),
            "monitors": dict(monitor.monitors),
            **services.addresses(monitor.kind),
        }
        yield Part(monitor.kind, PART, inputs)
