"""The model that a training run has made: its version, and whether that is the champion now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.config import PromotionRule
from atlas.dataclass import dataclass
from atlas.errors import PlatformError, StoreError
from atlas.models.champions import Champions, Ruling
from atlas.models.decision import Judge
from atlas.models.evidence import evidence_of
from atlas.models.origin import origin_tags
from atlas.models.promotion import Candidate, Promotion, promote
from atlas.models.signature import signature_tags
from atlas.step.batches import reference_tags, unlearnt
from atlas.step.carding import carded
from atlas.step.execute import recorded
from atlas.step.family import FamilyVersions, promote_family
from atlas.step.outcome import DONE
from atlas.step.secrets import mask_for
from atlas.step.skipping import skipped_steps
from atlas.store import ModelPart, artifact_key
from atlas.store.exclusive import exclusive
from atlas.store.keys import MODEL_OWNERS
from atlas.store.run import same_parts
from atlas.tracking.record import metrics_of, tags_of
from atlas.tracking.registry import CHAMPION, REFERENCE, LocalRegistry, ModelRegistration

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.plan import Plan
    from atlas.step.finished import Finished
    from atlas.store import Run, Store
    from atlas.tracking.registry import ModelRegistry, RegisteredVersion

WAIT_SECONDS = 60.0
"""For how long to wait for a process that registers a version of the same model."""
_HOLDS = {"approval": "an approval", "release": "a release"}
"""What a version waits for (`Run.hold`), in words."""


def registered(
    store: Store, plan: Plan, run: Run, registry: ModelRegistry, finished: Finished
) -> Finished:
    """Register the model that a training run has made, and promote it if it passes the rule.

    One process at a time does so for a model, so that each version is compared with the champion
    that it would follow.

    Raises:
        PlatformError: the registry doesn't answer, or refuses; or another process is at it.
    """
    model = plan.model
    if run.flow != "training" or model is None or not model.parts or finished.status != DONE:
        return finished
    skipped = skipped_steps(store, plan, run) if plan.skippable else {}
    absent = [part for part in model.parts.values() if part.rpartition(".")[0] in skipped]
    if absent:
        step = absent[0].rpartition(".")[0]
        text = f"no version of the model {model.name} is registered: "
        text += f"the step {step} was skipped, for {skipped[step]}"
        return replace(finished, warnings=(*finished.warnings, text))
    with exclusive(store.location, f"model {model.name}", wait=WAIT_SECONDS) as is_held:
        if not is_held:
            raise PlatformError(f"model {model.name}: another process is registering a version")
        return _registered(store, plan, run, registry, finished)


def _registered(
    store: Store, plan: Plan, run: Run, registry: ModelRegistry, finished: Finished
) -> Finished:
    registration = registration_of(store, plan, run)
    name = registration.model
    champion = registry.find(name, CHAMPION)
    is_same = champion is not None and _is_same(champion, registration)
    if champion is not None and is_same:
        version = champion.version
    else:
        version = registry.register(registration, finished.tracked)
    notes = () if is_same else (*_notes(store, plan, run), *unlearnt(plan, registration.tags))
    finished = replace(finished, warnings=(*finished.warnings, *notes))
    try:
        if is_same and plan.family is None:
            with Champions(store, registry, name).held():
                pass  # What an earlier try has begun is completed.
            promotion = Promotion(True, "this run made the very same", version)
        else:
            ended = replace(finished, model=name, version=version)
            promotion = _promoted(store, plan, run, registry, ended)
        if not isinstance(registry, LocalRegistry):
            mirror(store, registration, version, promotion)
    except StoreError as error:  # A log that was altered: the run itself is done.
        text = f"model {name}, version {version}: can't be promoted: {error}"
        raise PlatformError(text) from error
    champions = Champions(store, registry, name)
    cards = () if is_same else carded(champions, plan, version)
    warnings = (*finished.warnings, *cards)
    return replace(finished, model=name, version=version, promotion=promotion, warnings=warnings)


def _promoted(
    store: Store, plan: Plan, run: Run, registry: ModelRegistry, finished: Finished
) -> Promotion:
    """Promote the version of a run if it passes its rule: by itself, or with its family."""
    if plan.family is not None and not run.hold:
        family = FamilyVersions(store, registry, plan)
        return promote_family(family, run, finished, _FamilyJudge(store, registry))
    judge = judge_of(store, plan, run)
    candidate = Candidate(
        Champions(store, registry, finished.model),
        finished.version,
        _held(judge, _HOLDS.get(run.hold, run.hold)) if run.hold else judge,
    )
    return promote([candidate])[0]


@dataclass(frozen=True)
class _FamilyJudge:
    """Decides on the versions of a family, each by the rule of its own run's Plan."""

    store: Store
    registry: ModelRegistry

    def judge(self, plan: Plan, run: Run) -> Judge:
        return judge_of(self.store, plan, run)

    def mirror(self, plan: Plan, run: Run, version: str, promotion: Promotion) -> None:
        if not isinstance(self.registry, LocalRegistry):
            mirror(self.store, registration_of(self.store, plan, run), version, promotion)
        if plan.model is not None:  # Its card has said that it waits.
            carded(Champions(self.store, self.registry, plan.model.name), plan, version)


def judge_of(
    store: Store, plan: Plan, run: Run, *, made_by: Plan | None = None, spend: bool = True
) -> Judge:
    """Return what decides on the version that a training run has made.

    Args:
        store: the artifact store.
        plan: the Plan whose rule decides, unless the run has its own.
        run: the run.
        made_by: the run's own Plan, where somebody has the rule of another one decide.
        spend: whether the use of the test set is recorded.
    """
    assert plan.model is not None  # noqa: S101  (only of a run that made a version; for mypy)
    raw = plan.promotion if made_by else run.promotion_of(plan)
    rule = PromotionRule.parse(raw)
    evidence = evidence_of(store, made_by or plan, run, rule)
    return Judge(store, plan.model.name, rule, raw, evidence, spend)


def _held(judge: Judge, why: str) -> Callable[[RegisteredVersion | None], Ruling]:
    """Return what decides on a version that waits for somebody, although it passes its rule."""

    def ruling(champion: RegisteredVersion | None) -> Ruling:
        ruled = judge(champion)
        if not ruled.passes:
            return ruled
        reason = f"it passes its rule, and waits for {why}: {ruled.reason}"
        return replace(ruled, passes=False, reason=reason, on_hold=True)

    return ruling


def _notes(store: Store, plan: Plan, run: Run) -> tuple[str, ...]:
    """Return what the steps that scored the model say of their scoring the champion."""
    rule = run.rule(plan)
    judges = dict.fromkeys(metric.step for metric in rule.metrics) if rule else {}
    outcomes = (recorded(store, run, judge) for judge in judges if judge in plan.by_name)
    return tuple(note for outcome in outcomes if outcome for note in outcome.notes)


def _is_same(champion: RegisteredVersion, registration: ModelRegistration) -> bool:
    """Tell whether a version was made by the same Plan of the same rows, with the same parts.

    So a repeated training, cached or not, adds no version that differs in nothing.
    """
    names = ("atlas.digest.plan", REFERENCE)
    try:
        there = champion.resolved().parts
    except PlatformError:
        return False
    same = same_parts(registration.parts, there)
    return same and all(champion.tags.get(n) == registration.tags.get(n) for n in names)


def mirror(
    store: Store, registration: ModelRegistration, version: str, promotion: Promotion
) -> None:
    """Keep what MLflow knows in the store too, for runs while MLflow is down."""
    local = LocalRegistry(store)
    local.add(registration, version)
    if promotion.promoted:
        champions = Champions(store, local, registration.model)
        ruling = Ruling(True, f"as in MLflow: {promotion.reason}")
        promote([Candidate(champions, version, lambda _: ruling)])


def registration_of(store: Store, plan: Plan, run: Run) -> ModelRegistration:
    """Return the version that a training run has made, as it is registered."""
    model = plan.model
    assert model is not None  # noqa: S101  (the caller has looked; for mypy)
    parts = {name: _part(store, run, output) for name, output in model.parts.items()}
    origin = origin_tags(store, plan, run)
    learnt = reference_tags(store, plan, run)
    tags = {**tags_of(plan, run), **origin, **signature_tags(store, plan, run), **learnt}
    tags = mask_for(plan).plain(tags)
    metrics, is_deployed = metrics_of(store, plan, run), _is_deployed(store, model.name)
    return ModelRegistration(model.name, run.id, parts, tags, metrics, is_deployed)


def _is_deployed(store: Store, model: str) -> bool:
    """Tell whether a deployment on this store has a registered model's name."""
    try:
        return bool(store.location.read(f"{MODEL_OWNERS}/{model}"))
    except FileNotFoundError:
        return False


def _part(store: Store, run: Run, output: str) -> ModelPart:
    step, _, name = output.rpartition(".")
    key = artifact_key(run.pipeline, run.id, step, name, None)
    manifest = store.manifest_at(key)
    return ModelPart(f"{store.url}/{key}", manifest.sha256, manifest.digest)
