"""What a release pins: the Plans of a commit, their images, and the versions of their models."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from atlas.config import FLOWS
from atlas.environment import LOCAL
from atlas.errors import AtlasError, DeployError, InvalidError, PlatformError
from atlas.images import desired_images, pushed_images
from atlas.plan import resolve
from atlas.tracking.registry import CHAMPION
from atlas.validate import check
from atlas_deploy.desired.deployment import is_config
from atlas_deploy.desired.images import storage_of
from atlas_deploy.desired.locked import image_key, of_flow
from atlas_deploy.operations.requested import RequestedVersions, requested_versions
from atlas_deploy.platforms.references import services_here
from atlas_deploy.platforms.services import services_of
from atlas_deploy.releases import pins
from atlas_deploy.releases.extraction import extracted
from atlas_deploy.releases.lock import LockedImage, LockedModel, ReleaseLock
from atlas_deploy.releases.tags import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas.environment import Project
    from atlas.git.repository import Checkout
    from atlas.images import Built
    from atlas.plan import Pipeline
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry

DISTRIBUTION = "atlas-ml"
"""The distribution that Atlas is."""


@dataclass(frozen=True, slots=True)
class ReleaseSource:
    """What is released: a commit of a project.

    Attributes:
        project: the project, where it is checked out.
        checkout: its repository.
        tree: the project's folder as the commit has it.
        warnings: what a person should know of it.
    """

    project: Project
    checkout: Checkout
    tree: Path
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A lock that has no number yet, and what goes with it.

    Attributes:
        lock: what is pinned.
        skipped: the environments that it can't be deployed to, and why.
        warnings: what a person should know of it.
        requested: what retrainings have asked for and it pins.
        pipelines: what is released.
    """

    lock: ReleaseLock
    skipped: Mapping[str, str]
    warnings: tuple[str, ...]
    requested: RequestedVersions
    pipelines: Sequence[Pipeline]


def configs_of(path: Path, environment: str) -> list[Path]:
    """Return the file of each Config that a PATH stands for.

    Raises:
        InvalidError: one of them isn't right.
        DeployError: there is none.
    """
    report = check(path, environment)
    if report.errors:
        raise InvalidError(report.errors)
    files = [file for checked in report.checked if is_config(file := checked.file.document.path)]
    if not files:
        raise DeployError(f"{path}: no Config, so there is nothing to release", code="L001")
    return files


def draft_of(source: ReleaseSource, file: Path, environment: str) -> Draft:
    """Return what a release of a Config pins.

    Args:
        source: the commit.
        file: the Config's file in the commit's tree.
        environment: the Environment whose model registry and records of images count.

    Raises:
        InvalidError: the Config's pipelines aren't right.
        DeployError: L017, inference needs a model version, and there is none.
        PlatformError: the registry doesn't answer.
    """
    pipelines = resolve(file, environment=environment)
    config = pipelines[0].config
    models, requested = _models(pipelines)
    images, warnings = _images(pipelines)
    plans, skipped = _plans(source, file, environment, models)
    lock = ReleaseLock(
        release=name_of(config, 1),
        config=config,
        project=source.checkout.inside,
        path=file.relative_to(source.tree).as_posix(),
        commit=source.checkout.head,
        atlas=version(DISTRIBUTION),
        environment=environment,
        plans=plans,
        images=images,
        models=models,
    )
    warnings += requested.warnings
    return Draft(lock, skipped, (*source.warnings, *warnings), requested, pipelines)


def _plans(
    source: ReleaseSource, file: Path, environment: str, models: Mapping[str, LockedModel]
) -> tuple[dict[str, dict[str, dict[str, str]]], dict[str, str]]:
    """Return the digests of the Plans of each environment, and why others have none."""
    there = (source.tree / "environments").glob("*.json")
    plans, skipped = {}, {}
    for name in sorted({LOCAL, environment, *(path.stem for path in there)}):
        try:
            pipelines = resolve(file, environment=name)
        except AtlasError as error:
            if name == environment:
                raise
            skipped[name] = str(error).partition("\n")[0]
        else:
            plans[name] = pins.digests(pins.pinned(pipelines, models))
    return plans, skipped


@dataclass(frozen=True, slots=True)
class Models:
    """Where an Environment's models are.

    Attributes:
        store: the artifact store.
        registry: MLflow's where the platform has one, else the store's own.
    """

    store: Store
    registry: ModelRegistry


@contextmanager
def opened_models(pipeline: Pipeline) -> Iterator[Models]:
    """Give the models of a pipeline's Environment.

    Raises:
        PlatformError: the Environment's platform is missing, or a service of it doesn't answer;
            only ``local`` has models without a platform.
    """
    from atlas.runner.process_environment import process_environment
    from atlas.step.versions import registry

    find = services_here if pipeline.environment.name == LOCAL else services_of
    find(pipeline.project, pipeline.environment)
    with process_environment(pipeline.project, pipeline.environment) as process:
        if process.missing:
            raise PlatformError(process.missing[0])
        yield Models(process.store, registry(process.store))


def _models(pipelines: Sequence[Pipeline]) -> tuple[dict[str, LockedModel], RequestedVersions]:
    """Return the model version that each pipeline uses now, or that a retraining has asked for.

    Raises:
        DeployError: L017, inference needs one, and there is none.
        PlatformError: the registry doesn't answer.
    """
    if all(plan.model is None for pipeline in pipelines for plan in pipeline.plans.values()):
        return {}, RequestedVersions()
    with opened_models(pipelines[0]) as models:
        requested = requested_versions(models.store, models.registry, pipelines)
        return _used(pipelines, models.registry, requested), requested


def _used(
    pipelines: Sequence[Pipeline], registry: ModelRegistry, requested: RequestedVersions
) -> dict[str, LockedModel]:
    models = {}
    for pipeline in pipelines:
        inference = pipeline.plans.get(pins.INFERENCE)
        plan = inference or next(iter(pipeline.plans.values()))
        if plan.model is None:
            continue
        followed = plan.model.version if inference else CHAMPION
        asked_for = requested.locked(pipeline.name)
        registered = registry.find(plan.model.name, followed)
        if asked_for is not None:
            models[pipeline.name] = asked_for
        elif registered is not None:
            models[pipeline.name] = LockedModel(**registered.resolved().facts())
        elif inference and pins.reads_model(inference):
            raise DeployError(
                f"{pipeline.name}: inference uses the model {plan.model.name}, and there is no "
                f"version '{followed}' of it in environment {pipeline.environment.name}; train and "
                "promote one first, or give the --env whose registry has it",
                code="L017",
            )
    return models


def _images(pipelines: Sequence[Pipeline]) -> tuple[dict[str, LockedImage], list[str]]:
    """Return the images that are pushed, and a warning for each other one."""
    storage = storage_of(pipelines)
    images: dict[str, LockedImage] = {}
    warnings = []
    for flow in FLOWS:
        parts = of_flow(pipelines, flow)
        for image, built in pushed_images(parts, storage.store):
            key = image_key(flow, image.name)
            images[key] = LockedImage(built.pinned, built.tag, _sbom(storage.store, built))
            if not images[key].sbom:
                warnings.append(f"image {key}: the store has no bill of materials of it")
        if storage.registry is not None:
            keys = [image_key(flow, image.name) for image in desired_images(parts)]
            warnings += [f"image {key}: isn't pushed, so that it isn't in the release"
                         for key in keys if key not in images]  # fmt: skip
    return images, warnings


def _sbom(store: Store, built: Built) -> str:
    """Return the digest of an image's bill of materials; empty where the store has none."""
    try:
        return hashlib.sha256(store.location.read(built.sbom)).hexdigest() if built.sbom else ""
    except FileNotFoundError:
        return ""


@contextmanager
def tree_of(project: Project, top: Path, commit: str, inside: str) -> Iterator[Path]:
    """Give a project's folder as a commit has it; the state folder stays the project's own.

    Args:
        project: the project, where it is checked out.
        top: the repository's top.
        commit: the commit's full id.
        inside: the project's folder in the repository.

    Raises:
        DeployError: L016, its files can't be taken out of git.
    """
    before = os.environ.get("ATLAS_STATE")
    os.environ["ATLAS_STATE"] = str(project.state)
    try:
        with extracted(top, commit, inside, project.state) as tree:
            yield tree
    finally:
        if before is None:
            del os.environ["ATLAS_STATE"]
        else:
            os.environ["ATLAS_STATE"] = before
