"""Going back to a release: its pipelines first, then the champions of its models.

Both are repeated until they are so: a crash between the two leaves pipelines that are pinned to
their version, and the repeat moves the aliases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas.models.champions import Champions, Ruling
from atlas.models.promotion import Candidate, promote
from atlas_deploy.apply.options import DeployOptions
from atlas_deploy.operations.deploy import deploy
from atlas_deploy.operations.pinning import opened_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.tracking.registry import RegisteredVersion
    from atlas_deploy.apply.options import DeployResult, Say
    from atlas_deploy.operations.released import ReleasedDeployment


@dataclass(frozen=True, slots=True)
class ReleaseRollback:
    """What a rollback to a release did.

    Attributes:
        release: the release's name.
        result: what became of the pipelines.
        champions: model → version that was its champion before and that is it now.
    """

    release: str
    result: DeployResult
    champions: Mapping[str, tuple[str, str]]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        moved = {model: {"from": old, "to": new} for model, (old, new) in self.champions.items()}
        return {**self.result.to_json(), "release": self.release, "champions": moved}


def rollback_to(released: ReleasedDeployment, say: Say) -> ReleaseRollback:
    """Deploy a release, and make the versions that it pins the champions where these are followed.

    Raises:
        PlatformError: the platform is down, or somebody else promotes for too long.
        DeployError: the update failed, or an alias can't be moved; a repeat goes on.
    """
    (result,) = deploy([released.deployment], say, DeployOptions(is_rollback=True))
    return ReleaseRollback(released.release.name, result, _move_champions(released))


def _move_champions(released: ReleasedDeployment) -> dict[str, tuple[str, str]]:
    """Move the aliases of a family together; return those of models that weren't there."""
    deployment, lock = released.deployment, released.release.lock
    versions = {
        model: lock.models[pipeline].version
        for pipeline, model in released.followed.items()
        if pipeline in lock.models and lock.models[pipeline].name == model
    }
    if not versions:
        return {}
    environment = deployment.environment.name
    reason = f"rolled back to {released.release.name} in environment {environment}"
    evidence = {"release": released.release.name, "environment": environment}

    def judge(_champion: RegisteredVersion | None) -> Ruling:
        return Ruling(True, reason, evidence=evidence)

    with opened_models(deployment.pipelines[0]) as models:
        candidates = [
            Candidate(Champions(models.store, models.registry, model), version, judge)
            for model, version in versions.items()
        ]
        outcomes = dict(zip(versions, promote(candidates), strict=True))
    kept = [f"{model}: {told.reason}" for model, told in outcomes.items() if not told.promoted]
    if kept:
        raise DeployError(
            f"{released.release.name}: its pipelines are deployed, and its champions aren't moved: "
            f"{'; '.join(kept)}; the same command again goes on"
        )
    return {
        model: (told.previous, versions[model])
        for model, told in outcomes.items()
        if told.previous != versions[model]
    }
