"""What comes before the update of a stack: images, contents in the store, runs, and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.images import require_pushed, require_there
from atlas.kinds import content
from atlas.store import add_code, open_store
from atlas_deploy.apply import runs
from atlas_deploy.desired.locked import locked_members
from atlas_deploy.history import fingerprints, ownership
from atlas_deploy.platforms.services import REGISTRY
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from atlas_deploy.apply.options import DeployOptions, Runs, Say
    from atlas_deploy.desired.bundle import Bundle
    from atlas_deploy.diff.deployment import DeploymentDiff


def prepare(diff: DeploymentDiff, say: Say, options: DeployOptions) -> Runs:
    """Do all that comes before the update of a stack; return the runs under way.

    Raises:
        DeployError: an image is gone, another project has a name, or runs don't end.
        PlatformError: nothing would read what is deployed.
        StoreError: the store can't be written.
    """
    _require_images(diff)
    if diff.bundle:
        write(diff.bundle)
    under_way = runs.drain(diff, say) if options.wait else runs.under_way(diff)
    if not diff.is_empty:
        take_names(diff)
    return under_way


def take_names(diff: DeploymentDiff) -> None:
    """Take a deployment's names, before anything of it is made.

    Raises:
        DeployError: D017, another project has one.
        PlatformError: nothing would read what is deployed.
    """
    _require_running(diff)
    ownership.take(diff.deployment, diff.services, diff.parts)
    fingerprints.forget(diff.services.store, diff.deployment.stack)


def write(bundle: Bundle) -> None:
    """Put Plans, code and compiled files into the store, each under its digest.

    Raises:
        StoreError: something can't be written, or the code has changed since it was read.
    """
    store = open_store(bundle.store)
    for plan in bundle.plans.values():
        store.add_plan(plan)
    folders = {plan.code: pipeline.folder for pipeline, plan in bundle.deployment.plans()}
    for code, folder in folders.items():
        add_code(store, folder, code)
    for text in bundle.contents:
        content.put(bundle.store, text)


def _require_images(diff: DeploymentDiff) -> None:
    """Refuse images that were pushed and are gone; without a registry, none.

    Raises:
        DeployError: I201, the registry hasn't got one of them any more.
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    services = diff.services
    if services.has(REGISTRY) and diff.deployment.release is not None:
        require_there(services.registry(), locked_members(diff.deployment).values())
    elif services.has(REGISTRY):
        store = open_store(services.store)
        require_pushed(diff.deployment.deployed, store, services.registry())


def _require_running(diff: DeploymentDiff) -> None:
    """Refuse a platform on which nothing would read what is deployed.

    Raises:
        PlatformError: a process of an orchestrator doesn't run, though its API answers.
    """
    dead = diff.snapshot.dead
    for kind in dict.fromkeys(part.kind for part in diff.parts) if dead else ():
        of_target = kind_of_target(kind)
        if of_target is not None:
            of_target.operations().require_running(dead, diff.services)
