"""The model versions of a run, decided once at its start and checked there, on every target.

An alias is resolved, and the version it stands for is recorded; a number is taken as it is. Either
must be there, with every part that the run reads, byte for byte as it was registered, and trained
on what this Plan gives it. Otherwise the run doesn't begin.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.config import PromotionRule
from atlas.errors import AtlasError, PlatformError, StoreError
from atlas.step.parts import check_part, located

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from atlas.plan import Plan
    from atlas.store import ModelVersion, Store
    from atlas.tracking.registry import ModelRegistry, RegisteredVersion

AT_INTERVAL = "@interval"
"""In place of a version: the champion at the end of the run's interval, by the champion log."""
_FEATURES = "atlas.digest.features"
_ANY_TIME = "9"
"""Behind every moment in ISO 8601."""


def model_of(
    store: Store, plan: Plan, desired: str = "", interval_end: str = ""
) -> ModelVersion | None:
    """Return the model version that a new run of a Plan uses; None when it reads no model.

    A training begins with a version only where one is desired: the champion that it retrains.

    Args:
        store: the artifact store.
        plan: the Plan.
        desired: a version's number, an alias or `AT_INTERVAL`, in place of what the Plan says.
        interval_end: end of the run's interval, for `AT_INTERVAL`.

    Raises:
        PlatformError: the registry doesn't answer, or has no such version.
        StoreError: the version isn't what it has to be.
    """
    parts = parts_read(plan, "model")
    if plan.model is None or not parts or (plan.flow == "training" and not desired):
        return None
    name, models = plan.model.name, registry(store)
    version = desired or plan.model.version
    if version == AT_INTERVAL:
        version = _champion_then(store, models, name, interval_end)
    found = registered_version(models, name, version)
    pin = plan.model.digest if version == plan.model.version else ""
    return checked(store, plan, found, parts, pin)


def challenger_of(
    store: Store, plan: Plan, model: ModelVersion | None
) -> tuple[ModelVersion | None, str]:
    """Return the challenger that scores in a new run, and why there is none where there isn't.

    A challenger that can't be used isn't a failure: the model's own predictions don't depend on it.
    """
    from atlas.tracking.registry import CHALLENGER

    parts = parts_read(plan, CHALLENGER)
    if plan.model is None or not parts:
        return None, ""
    name = plan.model.name
    try:
        found = registry(store).find(name, CHALLENGER)
        if found is None:
            return None, f"model {name}: no version is the {CHALLENGER}"
        if model is not None and found.version == model.version:
            return None, f"model {name}: the {CHALLENGER} is version {found.version} as well"
        return checked(store, plan, found, parts), ""
    except AtlasError as error:
        return None, f"the {CHALLENGER} can't be used: {error}"


def champion_of(
    store: Store, plan: Plan, promotion: Mapping[str, Any] | None = None
) -> ModelVersion | None:
    """Return the champion that a new training run has to beat; None without one, or unreachable.

    Args:
        store: the artifact store.
        plan: the training Plan.
        promotion: the rule that decides (`Run.promotion`); None for the Plan's.
    """
    model = plan.model
    rule = PromotionRule.parse(plan.promotion if promotion is None else promotion)
    if model is None or not model.parts or rule is None or not rule.compares:
        return None
    from atlas.tracking.registry import CHAMPION

    with suppress(PlatformError):
        version = registry(store).find(model.name, CHAMPION)
        return version.resolved() if version else None
    return None


def registry(store: Store) -> ModelRegistry:
    """Return MLflow's registry where the platform has one, else the store's own."""
    url = os.environ.get("ATLAS_MLFLOW_URL")
    if not url:
        from atlas.tracking.registry import LocalRegistry

        return LocalRegistry(store)
    from atlas.tracking.mlflow import MlflowTracker

    return MlflowTracker(url)


def parts_read(plan: Plan, kind: str) -> Collection[str]:
    """Return the parts of the model that a Plan's steps read, of the model or of a challenger."""
    return sorted({s.name for step in plan.steps for s in step.sources() if s.kind == kind})


def checked(
    store: Store, plan: Plan, found: RegisteredVersion, parts: Collection[str], pin: str = ""
) -> ModelVersion:
    """Return a registered version that a run may use.

    Args:
        store: the run's store.
        plan: the Plan.
        found: the version.
        parts: those that are read.
        pin: the digest that it has to have, or empty.

    Raises:
        PlatformError: its parts can't be read from the registry.
        StoreError: M003 to M006.
    """
    version = found.resolved()
    where = f"model {version.name}, version {version.version}"
    if pin and version.digest != pin:
        text = f"its digest is {version.digest[:12]}…, and {pin[:12]}… is pinned"
        hint = "somebody has registered other parts under that number; release again"
        raise StoreError(f"{where}: {text} ({hint})", code="M003")
    missing = sorted(set(parts) - set(version.parts))
    if missing:
        has = ", ".join(sorted(version.parts))
        raise StoreError(f"{where}: has no part '{missing[0]}'; it has {has}", code="M004")
    _check_features(plan, found, where)
    for name in parts:
        _check_part(store, plan, version, name, where)
    return version


def _check_features(plan: Plan, found: RegisteredVersion, where: str) -> None:
    """Refuse a version that was trained on other features than this Plan gives it."""
    trained, own = found.tags.get(_FEATURES, ""), plan.digests.get("features", "")
    if trained and own and trained != own:
        text = "was trained with other features than the Config has now"
        hint = f"train a new version: {command('run', '--flow', 'training')}"
        raise StoreError(f"{where}: {text} ({hint})", code="M006")


def _check_part(store: Store, plan: Plan, version: ModelVersion, name: str, where: str) -> None:
    part = version.parts[name]
    of_store, key = located(store, plan.stores, part.uri)
    try:
        manifest = of_store.manifest_at(key)
    except StoreError as error:
        raise StoreError(f"{where}, part {name}: {error}", code="M004") from None
    try:
        check_part(part, manifest, own=of_store is store)
    except StoreError as error:
        raise StoreError(f"{where}, part {name}: {error}", code="M005") from None
    if not of_store.has(manifest):
        text = f"{part.uri}: its data are gone, or aren't of the size that was written"
        raise StoreError(f"{where}, part {name}: {text}; train the model again", code="M004")


def registered_version(models: ModelRegistry, name: str, version: str) -> RegisteredVersion:
    """Return the version that a number or an alias stands for now.

    Raises:
        PlatformError: M001, M002: there is none.
    """
    found = models.find(name, version)
    if found is not None:
        return found
    text = f"model {name}: there is no version '{version}'"
    if version.isdigit():
        hint = "it was deleted, or never registered; pin another one"
        raise PlatformError(f"{text} ({hint})", code="M001")
    hint = "run the training first, and promote its version"
    raise PlatformError(f"{text} ({hint})", code="M002")


def _champion_then(store: Store, models: ModelRegistry, name: str, moment: str) -> str:
    """Return the version that was the champion at a moment.

    Raises:
        StoreError: M007, its log doesn't say.
    """
    from atlas.models.champions import Champions
    from atlas.models.log import champion_at

    if not moment:
        text = f"model {name}: the run has no interval, so there is no moment to look at"
        raise StoreError(f"{text} (give it one, or a version)", code="M007")
    champions = Champions(store, models, name)
    faults = champions.log.faults({champions.folder: champions.log.head()})
    if faults:
        raise StoreError(
            f"model {name}: its champion log can't be trusted: {faults[0]}", code="M007"
        )
    entry = champion_at(champions.log.entries(), moment)
    if entry is None or not entry.champion:
        text = f"model {name}: no version was the champion at {moment}"
        raise StoreError(f"{text} (choose a version)", code="M007")
    return entry.champion
