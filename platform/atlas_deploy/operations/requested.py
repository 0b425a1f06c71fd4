"""Versions that retrainings ask to be released: pinned by the next release, and then the champions.

A retraining in an Environment that takes only releases promotes nothing. It leaves a request, and
whoever makes the next release of the Config takes it up: the release pins the version that was
asked for, and once the release is there, that version becomes the champion, with the release as the
reason. A crash between the two leaves a release that pins it; the repeat moves the alias.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import AtlasError
from atlas.models.champions import Champions, Ruling
from atlas.models.promotion import Candidate, promote
from atlas.retraining.requests import release_requests, take_up
from atlas.tracking.registry import CHAMPION
from atlas_deploy.releases.lock import LockedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.plan import Pipeline
    from atlas.retraining.requests import RequestedRelease
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry, RegisteredVersion


@dataclass(frozen=True, slots=True)
class RequestedVersions:
    """What retrainings ask a release to pin.

    Attributes:
        requests: pipeline's name → the request that is taken up.
        warnings: why others aren't.
    """

    requests: Mapping[str, RequestedRelease] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def locked(self, pipeline: str) -> LockedModel | None:
        """Return the version that a pipeline's request asks for; None without one."""
        request = self.requests.get(pipeline)
        return LockedModel(request.model, request.version, request.digest) if request else None


def requested_versions(
    store: Store, registry: ModelRegistry, pipelines: Sequence[Pipeline]
) -> RequestedVersions:
    """Return what is asked for of pipelines whose Config follows the champion.

    The latest request of a pipeline counts. One whose version isn't there as it was asked for, or
    that was made to replace another champion, is passed over with a warning.

    Raises:
        StoreError: a request can't be read.
        PlatformError: the registry doesn't answer.
    """
    requests: dict[str, RequestedRelease] = {}
    warnings = []
    for pipeline in pipelines:
        plan = pipeline.plans.get("training")
        if plan is None or plan.model is None or not _follows(pipeline):
            continue
        for request in release_requests(store, pipeline.environment.name, plan.name):
            fault = _fault(registry, request, plan.model.name)
            if fault:
                warnings.append(f"request {request.event} of {request.pipeline}: {fault}")
            else:
                requests[pipeline.name] = request
    return RequestedVersions(requests, tuple(warnings))


def _follows(pipeline: Pipeline) -> bool:
    plan = pipeline.plans.get("inference") or pipeline.plans.get("training")
    return plan is not None and plan.model is not None and plan.model.version == CHAMPION


def _fault(registry: ModelRegistry, request: RequestedRelease, model: str) -> str:
    """Return why a request isn't taken up; empty where it is."""
    found = registry.find(request.model, request.version) if request.model == model else None
    if found is None:
        return f"the registry has no version {request.version} of {model}"
    if found.resolved().digest != request.digest:
        return f"version {request.version} has other parts than the retraining made"
    champion = registry.find(model, CHAMPION)
    now = champion.version if champion else "none"
    if now not in (request.champion, request.version):
        return (
            f"it was to replace version {request.champion}, and {now} is the champion by now; "
            f"{command('promote')} compares the two"
        )
    return ""


def taken_up(
    store: Store, registry: ModelRegistry, requested: RequestedVersions, release: str
) -> None:
    """Make the versions that a release pins for requests the champions, and note the release.

    Args:
        store: the artifact store.
        registry: where the versions are.
        requested: the requests.
        release: the release's name, which is there.

    Raises:
        AtlasError: an alias can't be moved; the same release again goes on.
    """
    requests = [*requested.requests.values()]
    candidates = [
        Candidate(
            Champions(store, registry, request.model), request.version, _judge(request, release)
        )
        for request in requests
    ]
    for request, promotion in zip(requests, promote(candidates), strict=True):
        if not promotion.promoted:
            text = f"its version {request.version} isn't the champion: {promotion.reason}"
            raise AtlasError(f"{release}: is made, and {text}; the same command again goes on")
        take_up(store, request, release)


def _judge(request: RequestedRelease, release: str) -> Callable[[RegisteredVersion | None], Ruling]:
    """Return what decides for the version that a person has released."""
    reason = f"released as {release} for retraining {request.event}: {request.why}"
    ruling = Ruling(True, reason, evidence={"release": release, "event": request.event})
    return lambda _: ruling
