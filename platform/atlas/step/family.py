"""The members of a family: what each has trained, and their promotion together, or not at all.

Members train side by side, on whatever target. Each one that has registered its version enters it
in the family's round: of the command that started them together, or of the interval that the
schedule has started them for. Whoever enters the last one promotes them all; until then they wait.
A member that was trained by itself goes together with the latest version of each other member.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Protocol

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.models.champions import Champions, Ruling
from atlas.models.log_folder import FOLDER
from atlas.models.promotion import Candidate, Promotion, promote
from atlas.step.finish import amend, finished_run
from atlas.step.upstream import prefix_of
from atlas.tracking.registry import CHAMPION
from atlas.values import canonical

if TYPE_CHECKING:
    from atlas.models.decision import Judge
    from atlas.plan import Plan
    from atlas.step.finished import Finished
    from atlas.store import Run, Store
    from atlas.tracking.registry import ModelRegistry, RegisteredVersion

_LATEST = "latest"
"""The round of each member's latest version."""


class FamilyJudge(Protocol):
    """What `promote_family` leaves to its caller: deciding on a version, and mirroring it."""

    def judge(self, plan: Plan, run: Run) -> Judge:
        """Return what decides on the version of a run."""

    def mirror(self, plan: Plan, run: Run, version: str, promotion: Promotion) -> None:
        """Keep what became of a version wherever else it is known."""


@dataclass(frozen=True, slots=True)
class MemberVersion:
    """What a member of a family has trained.

    Attributes:
        pipeline: the member's name.
        run: its training run's id.
        version: the version's number.
        matrix: digest of the axis values that the family had.
    """

    pipeline: str
    run: str
    version: str
    matrix: str


@dataclass(frozen=True)
class FamilyVersions:
    """The versions of a family that wait for each other, by round.

    Attributes:
        store: the artifact store.
        registry: where the versions are registered.
        plan: a member's training Plan.
    """

    store: Store
    registry: ModelRegistry
    plan: Plan

    @property
    def model(self) -> str:
        """The registered name of this member."""
        assert self.plan.model is not None  # noqa: S101  (only of a Plan that makes a model)
        return self.plan.model.name

    def enter(self, run: Run, version: str) -> None:
        """Record the version of a run, for whoever enters the last one of its round."""
        entry = MemberVersion(run.pipeline, run.id, version, self._matrix)
        content = canonical(asdict(entry)).encode()
        for name in filter(None, (run.round, _LATEST)):
            self.store.location.write(f"{self._folder(name)}/{self.model}.json", content)

    def missing(self, run: Run) -> int:
        """Return how many members of a run's round have no version yet."""
        return max(0, run.round_members - len(self._entries(run.round))) if run.round else 0

    def together(self, run: Run) -> dict[str, MemberVersion]:
        """Return each member's version, by its model: of the run's round, or else its latest."""
        latest = self._entries(_LATEST)
        return {**latest, **(self._entries(run.round) if run.round else {})}

    def waiting(self) -> str:
        """Return the version of this member that waits for its family; empty for none."""
        latest = self._entry(_LATEST, self.model)
        try:
            run = self.store.run(latest.pipeline, latest.run) if latest else None
        except StoreError:
            return ""
        finished = finished_run(self.store, run) if run else None
        promotion = finished.promotion if finished else None
        return latest.version if latest and promotion and promotion.waits else ""

    def _entries(self, name: str) -> dict[str, MemberVersion]:
        files = self.store.location.names(self._folder(name))
        models = [file.removesuffix(".json") for file in files]
        entries = ((model, self._entry(name, model)) for model in models)
        return {model: entry for model, entry in entries if entry is not None}

    def _entry(self, name: str, model: str) -> MemberVersion | None:
        """Return an entry; None of one that isn't whole, or of the family with other axis values.

        A member that the Config doesn't name any more must not keep the others waiting.
        """
        try:
            raw = json.loads(self.store.location.read(f"{self._folder(name)}/{model}.json"))
            entry = MemberVersion(**raw)
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return entry if entry.matrix == self._matrix else None

    @property
    def _matrix(self) -> str:
        return self.plan.family.matrix if self.plan.family else ""

    def _folder(self, name: str) -> str:
        family = f"{prefix_of(self.plan)}{self.plan.config}"
        return f"{FOLDER}/rounds/{self.registry.identity}/{family}/{name}"


def waiting_version(store: Store, registry: ModelRegistry, plan: Plan) -> str:
    """Return the version of a Plan's model that waits for its family; empty for none."""
    return FamilyVersions(store, registry, plan).waiting() if plan.family else ""


def promote_family(
    family: FamilyVersions, run: Run, finished: Finished, judge: FamilyJudge
) -> Promotion:
    """Promote a member's version with those of its family, or say that it waits for them.

    Args:
        family: the family, as the member's Plan has it.
        run: the run that has made the version.
        finished: the run's end, with the version.
        judge: decides on versions.

    Raises:
        PlatformError: another process promotes for too long, or the registry doesn't answer.
        StoreError: the store can't be read or written, or a log was altered.
    """
    family.enter(run, finished.version)
    missing = family.missing(run)
    if missing:
        waiting = _waiting(family, run, missing)
        amend(family.store, run, replace(finished, promotion=waiting))
        # Looked at again: who has entered the last one meanwhile has found no end to amend.
        if family.missing(run):
            return waiting
    members = family.together(run)
    candidates = [_candidate(family, model, entry, judge) for model, entry in members.items()]
    outcomes = dict(zip(members, promote(candidates), strict=True))
    for model, entry in members.items():
        if model != family.model:
            _settle(family, entry, outcomes[model], judge)
    return outcomes[family.model]


def record_promotion(store: Store, run: Run, promotion: Promotion) -> bool:
    """Record in a run that is over what has become of its version since; tell whether it has."""
    finished = finished_run(store, run)
    before = finished.promotion if finished else None
    is_known = before is not None and before.promoted == promotion.promoted and not before.waits
    if finished is None or is_known:
        return False
    amend(store, run, replace(finished, promotion=promotion))
    return True


def promoted(store: Store, plan: Plan, run: Run, promotion: Promotion) -> tuple[str, ...]:
    """Tell whoever is to be notified that a run's version is the champion now; return warnings."""
    finished = finished_run(store, run) if promotion.promoted and plan.notify else None
    if finished is None:
        return ()
    from atlas.step.notifying import notify_promotion

    return notify_promotion(store, plan, run, promotion, finished)


def _settle(
    family: FamilyVersions, entry: MemberVersion, promotion: Promotion, judge: FamilyJudge
) -> None:
    """Record what became of another member's version; a run that was removed has no record."""
    try:
        run = family.store.run(entry.pipeline, entry.run)
        plan = family.store.plan(run.plan)
    except StoreError:
        return
    if record_promotion(family.store, run, promotion):
        _warn(family.store, run, promoted(family.store, plan, run, promotion))
        judge.mirror(plan, run, entry.version, promotion)


def _warn(store: Store, run: Run, warnings: tuple[str, ...]) -> None:
    """Record warnings with a run that is over: another member's process has nobody to show them."""
    finished = finished_run(store, run) if warnings else None
    if finished is not None:
        amend(store, run, replace(finished, warnings=(*finished.warnings, *warnings)))


def _waiting(family: FamilyVersions, run: Run, missing: int) -> Promotion:
    champion = family.registry.find(family.model, CHAMPION)
    number = f"{missing} of {run.round_members} members have no version of this training yet"
    later = f"it is decided when they have, or by {command('promote', env=family.plan.environment)}"
    text = f"a family is promoted as a whole, and {number}; {later}"
    return Promotion(False, text, champion.version if champion else "", waits=True)


def _candidate(
    family: FamilyVersions, model: str, entry: MemberVersion, judge: FamilyJudge
) -> Candidate:
    store = family.store

    def ruling(champion: RegisteredVersion | None) -> Ruling:
        try:
            run = store.run(entry.pipeline, entry.run)
            return judge.judge(store.plan(run.plan), run)(champion)
        except StoreError as error:
            return Ruling(False, f"can't be judged: {error}")

    return Candidate(Champions(store, family.registry, model), entry.version, ruling)
