"""What `atlas build` and `atlas images` share: the pipelines, the store and the registry.

`atlas.images` is imported when an image is asked for: it knows engines, registries and installed
packages, and to compile for Airflow none of that is needed.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from atlas.plan import resolve
from atlas.store import open_store
from atlas.targets import CompileSite, compiler_named
from atlas.uris import uri_of
from atlas_deploy.desired.deployment import deployed_flows
from atlas_deploy.platforms.references import services_here

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from atlas.environment import Project
    from atlas.images import Builder, ImageRegistry
    from atlas.plan import Pipeline, Plan
    from atlas.recipe import Image
    from atlas.store import Store
    from atlas.targets import Compiler


@dataclass(frozen=True, slots=True)
class ImageStorage:
    """Where images are recorded and pushed.

    Attributes:
        project: the project.
        pipelines: the pipelines of a PATH.
        store: the artifact store.
        registry: the platform's registry; None where it has none, or isn't up.
    """

    project: Project
    pipelines: Sequence[Pipeline]
    store: Store
    registry: ImageRegistry | None


def storage_at(path: Path, environment: str) -> ImageStorage:
    """Return where images of a PATH's pipelines are recorded and pushed.

    Raises:
        InvalidError: the pipelines aren't right.
        PlatformError: the platform's outputs can't be read.
    """
    return storage_of(resolve(path, environment=environment))


def storage_of(pipelines: Sequence[Pipeline]) -> ImageStorage:
    """Return where images of pipelines are recorded and pushed.

    Raises:
        PlatformError: the platform's outputs can't be read.
    """
    project = pipelines[0].project
    services = services_here(project, pipelines[0].environment)
    return ImageStorage(
        project, pipelines, open_store(_store(project, services)), _registry(project, services)
    )


def builder_of(storage: ImageStorage, choice: str = "") -> Callable[[], Builder]:
    """Return what gives the builder: looked for once, and only when it is needed."""
    from atlas.images import find_builder

    return cache(lambda: find_builder(storage.project.state, choice))


def references_of(
    pipelines: Sequence[Pipeline], platform: Mapping[str, Any] | None = None
) -> Callable[[Plan], Mapping[str, str]]:
    """Return what gives the references of a Plan's images: pinned where pushed, else by tag.

    Args:
        pipelines: the pipelines that the Plans are of.
        platform: the services of their platform; read when they are first needed by default.
    """
    folders = {
        plan.digest: pipeline.folder for pipeline in pipelines for plan in pipeline.plans.values()
    }

    @cache
    def place() -> tuple[Store, str]:
        from atlas.images import host_at

        first = pipelines[0]
        services = platform or services_here(first.project, first.environment)
        url = services.get("registry", {}).get("workload_url", "")
        return open_store(_store(first.project, services)), host_at(url)

    @cache
    def tag(image: Image, folder: Path, code: str) -> str:
        from atlas.images import tag_of

        return tag_of(image, folder, code)

    by_digest: dict[str, Mapping[str, str]] = {}

    def references(plan: Plan) -> Mapping[str, str]:
        from atlas.images import known_images

        if plan.digest not in by_digest:
            by_digest[plan.digest] = known_images(plan, folders[plan.digest], *place(), tag=tag)
        return by_digest[plan.digest]

    return references


def compilers_of(
    pipelines: Sequence[Pipeline], options: Mapping[str, bool] | None = None
) -> Callable[[str], Compiler]:
    """Return what gives a target's compiler by its name, for the platform of pipelines.

    Args:
        pipelines: of one project and Environment.
        options: what is asked of one target's compiler.
    """

    @cache
    def compiler(name: str) -> Compiler:
        first = pipelines[0]
        services = services_here(first.project, first.environment)
        return compiler_named(name, CompileSite(services, first.project.root, options or {}))

    return compiler


def pushed_members(pipelines: Sequence[Pipeline], store: Store) -> dict[str, str]:
    """Return repository and digest of each pushed image of deployed flows, by the image's name.

    An image that two Recipes mean differently has the Recipe's name behind its own.

    Args:
        pipelines: whose images; a flow whose target is ``local`` isn't deployed.
        store: where builds are recorded.
    """
    from atlas.images import pushed_images

    pushed = pushed_images(deployed_flows(pipelines), store)
    count = Counter(image.name for image, _ in pushed)
    names = (
        image.name or "default"
        if count[image.name] == 1
        else f"{image.name}/{'+'.join(image.recipes)}"
        for image, _ in pushed
    )
    return {name: built.pinned for name, (_, built) in sorted(zip(names, pushed, strict=True))}


def require_images(pipelines: Sequence[Pipeline]) -> None:
    """Refuse images of deployed flows that were pushed and are gone; without a registry, none.

    Raises:
        DeployError: I201, the registry hasn't got one of them any more.
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    from atlas.images import require_pushed

    storage = storage_of(pipelines)
    if storage.registry is not None:
        require_pushed(deployed_flows(pipelines), storage.store, storage.registry)


def _store(project: Project, services: Mapping[str, Any]) -> str:
    chosen = os.environ.get("ATLAS_STORE") or services.get("store", {}).get("url")
    return str(chosen or uri_of(project.state / "store"))


def _registry(project: Project, services: Mapping[str, Any]) -> ImageRegistry | None:
    """Return the platform's registry, with its credentials: a secret, or the standard files."""
    service = services.get("registry")
    if service is None:
        return None
    from atlas.images import ImageRegistry

    name = service.get("credentials")
    secret = project.state / "secrets" / f"{name}.json" if name else None
    return ImageRegistry.at(service["url"], secret)
