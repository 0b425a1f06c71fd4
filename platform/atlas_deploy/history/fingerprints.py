"""What deployments were last made from, so that of many only those are opened that change.

    <store>/deployments/basis/<stack>   digest of all that the stack's resources follow from

It is written at the end of an update that succeeded and removed before the next one begins. What is
lost with it is time alone: without it a deployment is compiled and compared as a whole.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.registered import LOCAL_TARGET
from atlas.store import open_location
from atlas.targets import compiler_named
from atlas.values import digest
from atlas_deploy.desired.identity import identity_of
from atlas_deploy.desired.images import images_of
from atlas_deploy.live import snapshot, state
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.kinds.handler import Live
    from atlas.plan import Plan
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services

_FOLDER = "deployments/basis"
_READERS = 16
_MANY = 2
_UNSEEN = ("StepImages",)
"""Kinds that are looked at when their stack is opened: images are pushed under other names."""


def bases_of(deployments: Sequence[Deployment], services: Services) -> dict[str, str]:
    """Return the digest of all that each deployment's resources follow from, by its stack."""
    images = images_of([pipeline for each in deployments for pipeline in each.pipelines])
    found: Mapping[str, Any] = {name: dict(one) for name, one in services.found.items()}
    around = digest({"services": found, "by": _compilers()})
    return {each.stack: _basis(each, images, around) for each in deployments}


def _basis(each: Deployment, images: Callable[[Plan], Mapping[str, str]], around: str) -> str:
    """Return the digest of all that a deployment's resources follow from."""
    plans = {plan.digest: plan for _, plan in each.plans()}
    used = {name: images(p) for name, p in plans.items() if _uses_images(p.target)}
    of = identity_of(each.project)
    return digest({"plans": sorted(plans), "images": used, "around": around, "project": of})


def remember(deployment: Deployment, services: Services) -> None:
    """Keep what a deployment was made from."""
    place = open_location(services.store)
    (basis,) = bases_of([deployment], services).values()
    place.write(_key(deployment.stack), basis.encode())


def forget(deployment: Deployment, services: Services) -> None:
    """Forget what a deployment was made from: it is about to change."""
    open_location(services.store).remove(_key(deployment.stack))


def unchanged(deployments: Sequence[Deployment]) -> dict[str, str]:
    """Return the stacks that are as they should be, with their bases; of few, none is looked for.

    Their Plans, images and platform are those of their last update, and a list or two of each
    service shows nothing that isn't as it was deployed.

    Raises:
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the state of a stack can't be read.
    """
    if len(deployments) < _MANY:
        return {}
    services = services_of(deployments[0])
    wanted = bases_of(deployments, services)
    kept = _kept(services.store, [*wanted])
    same = [each for each in deployments if kept[each.stack] == wanted[each.stack]]
    found = {each.stack: snapshot.resources(each) for each in same}
    present = {stack: resources for stack, resources in found.items() if resources}
    snapshot.require(services, [one.kind for each in present.values() for one in each])
    drifted = _drifted(present)
    return {stack: wanted[stack] for stack in present if stack not in drifted}


def _kept(store: str, stacks: Sequence[str]) -> dict[str, str]:
    """Return the bases that are kept; empty for none."""
    place = open_location(store)

    def read(stack: str) -> str:
        try:
            return place.read(_key(stack)).decode()
        except FileNotFoundError:
            return ""

    with ThreadPoolExecutor(_READERS) as pool:
        return dict(zip(stacks, pool.map(read, stacks), strict=True))


def _drifted(found: Mapping[str, Sequence[Resource]]) -> set[str]:
    """Return the stacks that aren't as they were deployed: one look for all of a kind and place."""
    ones = [(stack, one) for stack, resources in found.items() for one in resources]
    seen = [(stack, one) for stack, one in ones if one.kind not in _UNSEEN]
    lives = state.live_together([one for _, one in seen])
    return {stack for (stack, one), live in zip(seen, lives, strict=True) if _differs(one, live)}


def _differs(one: Resource, live: Live | None) -> bool:
    """Tell whether a resource isn't as it was deployed."""
    inputs = live.inputs if live else {}
    return any(
        inputs.get(name, {}).get(member) != value
        for name in ("members", "plans")
        for member, value in one.inputs.get(name, {}).items()
    )


@cache
def _uses_images(name: str) -> bool:
    """Tell whether what a target's files hold depends on images."""
    return name != LOCAL_TARGET and compiler_named(name).uses_images


@cache
def _compilers() -> list[str]:
    """Return what the compiled form of a Plan depends on besides the Plan."""
    import atlas.targets

    folder = Path(atlas.targets.__file__).parent
    texts = [path.read_text("utf-8") for path in sorted(folder.rglob("*.py"))]
    return [version("atlas-ml"), _kfp(), digest(texts)]


def _kfp() -> str:
    """Return the version of Kubeflow's compiler; empty where it isn't installed."""
    from importlib.metadata import PackageNotFoundError

    try:
        return version("kfp")
    except PackageNotFoundError:
        return ""


def _key(stack: str) -> str:
    return f"{_FOLDER}/{stack}"
