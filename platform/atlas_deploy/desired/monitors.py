"""The monitor of a deployment: what it looks at, and the file that a target runs it by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from atlas.images import host_at, monitor_image
from atlas.images.records import read_record
from atlas.kinds import content
from atlas.monitor.bundle import MonitoredConfig
from atlas.monitor.spec import monitored_pipelines
from atlas.plan import Schedule
from atlas.registered import LOCAL_TARGET
from atlas.store import open_store
from atlas.targets import CompileSite, Monitor, monitor_target
from atlas.targets.monitors import SUFFIX
from atlas.validate.schedule import cron_line
from atlas_deploy.desired.locked import image_key
from atlas_deploy.desired.origins import origin_of
from atlas_deploy.platforms.services import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas.monitor.spec import MonitoredPipeline
    from atlas.plan import Plan
    from atlas.targets import MonitorTarget
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services

PART = "monitor"
"""The resource's name in the stack, and the part of its owner."""
_FLOWS = ("inference", "training")
"""The flows that a monitor follows: of new batches, and of how a retraining ended."""
_INFERENCE, _TRAINING = "inference", "training"
_WITHOUT_SERVER = ".local"
"""How the kind of a service ends that is none: ``kfp.local``."""


@dataclass(frozen=True, slots=True)
class CompiledMonitor:
    """A deployment's monitor, compiled.

    Attributes:
        kind: the kind of its resource.
        members: digest of each file, by its name on the orchestrator.
        monitors: digest of what each looks at, by the same name.
        contents: the files, and what they look at.
        unbuilt: reference of the image that their tasks run in, where that isn't built and pushed.
        needs_image: whether they can't be deployed then.
    """

    kind: str
    members: Mapping[str, str] = field(default_factory=dict)
    monitors: Mapping[str, str] = field(default_factory=dict)
    contents: Sequence[bytes] = ()
    unbuilt: str = ""
    needs_image: bool = False


def compiled_monitor(deployment: Deployment, services: Services) -> CompiledMonitor | None:
    """Return the monitor of a deployment; None where no Config asks for one, or nothing runs it.

    Args:
        deployment: the deployment.
        services: its platform.

    Raises:
        TargetError: the platform runs tasks in no known way.
    """
    target = monitor_target(services.by_name)
    monitored = [m for m in monitored_pipelines(deployment.pipelines) if _INFERENCE in m.plans]
    if target is None or not monitored:
        return None
    looked_at = MonitoredConfig.of(_placed(one, services) for one in monitored).to_bytes()
    site = CompileSite(services.by_name, deployment.project.root)
    image = _image(deployment, services) if target.uses_image(site) else ""
    monitor = _monitor(deployment, target, monitored, content.digest_of(looked_at), image)
    made = target.compile(monitor, site)
    names = {name.rpartition(".")[0]: text for name, text in made.items()}
    return CompiledMonitor(
        target.kind.name,
        {name: content.digest_of(text) for name, text in names.items()},
        dict.fromkeys(names, monitor.content),
        [*names.values(), looked_at],
        image if "@" not in image else "",
        target.kind.operations().needs_built_images(services),
    )


def _monitor(
    deployment: Deployment,
    target: MonitorTarget,
    monitored: Sequence[MonitoredPipeline],
    digest: str,
    image: str,
) -> Monitor:
    """Return what is compiled."""
    names = {one.pipeline for one in monitored}
    plans = [plan for _, plan in deployment.plans() if plan.name in names]
    own = monitored[0].rule.schedule
    schedule = _schedule(own, plans, target.target)
    return Monitor(
        name=f"{deployment.environment.prefix}{deployment.config}{SUFFIX}",
        content=digest,
        pipelines=[one.pipeline for one in monitored],
        after=() if schedule else _followed(plans, target.target),
        schedule=schedule,
        image=image,
        summary=summary(monitored[0]),
        origin=origin_of(deployment.pipelines, deployment.release)(plans[0]),
    )


def _image(deployment: Deployment, services: Services) -> str:
    """Return the reference of the image that tasks run in: pinned once it is pushed, else by tag.

    A release has the one that it was made with.
    """
    images = (monitor_image(pipeline) for pipeline in deployment.pipelines)
    image = next(image for image in images if image is not None)
    host = host_at(services.by_name.get(REGISTRY, {}).get("workload_url", ""))
    at = f"{host}/" if host else ""
    lock = deployment.release.lock.images if deployment.release else {}
    locked = lock.get(image_key(_INFERENCE, image.name))
    if locked is not None:
        return f"{at}{locked.reference}"
    built = read_record(open_store(services.store), image.repository, image.tag)
    return f"{at}{built.pinned}" if built and built.digest else image.full


def _placed(monitored: MonitoredPipeline, services: Services) -> MonitoredPipeline:
    """Return a pipeline with where a task starts its training: here, if there is no server."""
    target = monitored.targets.get(_TRAINING, LOCAL_TARGET)
    has_server = services.has(target) and not services.kind(target).endswith(_WITHOUT_SERVER)
    where = target if has_server else LOCAL_TARGET
    return replace(monitored, targets={**monitored.targets, _TRAINING: where})


def _followed(plans: Iterable[Plan], target: str) -> tuple[str, ...]:
    """Return the flows whose runs are seen where the monitor runs."""
    there = {plan.flow for plan in plans if plan.target == target}
    return tuple(flow for flow in _FLOWS if flow in there)


def _schedule(own: Mapping[str, str], plans: Sequence[Plan], target: str) -> Schedule | None:
    """Return when a monitor runs by itself: as its Config says, or when inference runs elsewhere.

    Where inference runs on the monitor's own target, the monitor follows its runs.
    """
    if own:
        return Schedule(cron_line(own["cron"]), own.get("timezone", "UTC"))
    inference = next((plan for plan in plans if plan.flow == _INFERENCE), None)
    if inference is None or inference.schedule is None or inference.target == target:
        return None
    return Schedule(inference.schedule.cron, inference.schedule.timezone)


def summary(monitored: MonitoredPipeline) -> list[str]:
    """Return what a monitor looks for, a line for each of its Config's words: ``drift: …``."""
    rule = monitored.rule.to_json()
    return [f"{name}: {_words(value)}" for name, value in rule.items()]


def _words(value: object) -> str:
    """Return a part of the rule in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_words, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
