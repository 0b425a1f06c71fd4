"""What the triggers look at: the life of a pipeline's champion; each thing is read once."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.models.measurements import measurements
from atlas.monitor.batches import batches
from atlas.monitor.events import ARMED_AGAIN, TriggerEvent, events, result_of
from atlas.monitor.ledger import LifeLedger
from atlas.monitor.looking import ALIKE_ROWS, row_counts
from atlas.monitor.references import load_reference
from atlas.tracking.registry import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.models.measurements import BatchMeasurement
    from atlas.monitor.batches import BatchRecord
    from atlas.monitor.checked import LookSummary
    from atlas.monitor.references import ModelReference
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.store import Run, Store
    from atlas.tracking.registry import RegisteredVersion


@dataclass(frozen=True, slots=True)
class Armed:
    """Whether a trigger may fire.

    Attributes:
        event: its event that it can't fire after; None where it is armed.
        before: its last event, which nothing more comes of; None for a trigger that hasn't fired.
    """

    event: TriggerEvent | None = None
    before: TriggerEvent | None = None

    @property
    def watermark(self) -> str:
        """Up to where causes are used up: the event before, or empty."""
        return self.before.id if self.before else ""

    def after(self, name: str) -> int:
        """Return a number of the event before: what is up to it is used up; 0 without one."""
        number = self.before.numbers.get(name, 0) if self.before else 0
        return number if isinstance(number, int) else 0


@dataclass(frozen=True)
class ChampionLife:
    """One pipeline and its champion.

    Attributes:
        store: the artifact store.
        monitored: what is monitored.
        champion: the champion as the check has found it; all that follows is about this one.
        now: the time, ISO 8601 in UTC.
        warnings: what keeps a trigger from seeing something; triggers add to it.
        looks: those that this check has made.
    """

    store: Store
    monitored: MonitoredPipeline
    champion: RegisteredVersion
    now: str
    warnings: list[str] = field(default_factory=list)
    looks: list[LookSummary] = field(default_factory=list)

    @cached_property
    def digest(self) -> str:
        """Digest of the champion's parts."""
        return self.champion.resolved().digest

    @cached_property
    def ledger(self) -> LifeLedger:
        """The ledger of its life."""
        champion, pipeline = self.champion, self.monitored.pipeline
        return LifeLedger(self.store, pipeline, champion.model, champion.version, self.digest)

    @cached_property
    def reference(self) -> ModelReference | None:
        """What it was trained on; None where that isn't known, of which a warning says why."""
        sha256 = self.champion.reference
        if not sha256:
            self.warnings.append(f"{self.name} has no profile of what it was trained on: {_TRAIN}")
            return None
        try:
            return load_reference(self.store, sha256)
        except StoreError as error:
            self.warnings.append(f"{self.name}: {error}")
            return None

    @property
    def name(self) -> str:
        """The champion, in words."""
        return f"{self.champion.model}, version {self.champion.version}"

    def is_champion(self, version: RegisteredVersion) -> bool:
        """Tell whether a version is the one that all this is about."""
        same = version.version == self.champion.version
        return same and version.tags.get(PARTS) == self.champion.tags.get(PARTS)

    # Batches --------------------------------------------------------------------------------

    @cached_property
    def records(self) -> list[BatchRecord]:
        """The batches of the pipeline, whichever version scored them, the oldest first."""
        return batches(self.store, self.monitored.pipeline)

    @cached_property
    def own(self) -> list[BatchRecord]:
        """Those that the champion has scored."""
        return [record for record in self.records if self.is_own(record)]

    def is_own(self, record: BatchRecord) -> bool:
        """Tell whether the champion has scored a batch."""
        scored = (record.model, record.version, record.digest)
        return scored == (self.champion.model, self.champion.version, self.digest)

    @cached_property
    def new(self) -> list[BatchRecord]:
        """The batches of rows that are newer than the champion's training.

        A run without an interval that the champion itself has scored is, whatever a clock said at
        its training.
        """
        alike: set[tuple[str, ...]] = set()
        found = []
        for record in self.records:
            scored = row_counts(record)
            if not record.interval_end and scored and record.rows >= ALIKE_ROWS:
                if scored in alike:
                    continue  # the same rows, scored again by hand
                alike.add(scored)
            if self._is_new(record):
                found.append(record)
        return found

    def is_new(self, measured: BatchMeasurement) -> bool:
        """Tell whether what was measured is of rows newer than the champion's training."""
        if measured.batch in self._names:
            return self._names[measured.batch]
        return self.trained is not None and measured.time > self.trained

    @cached_property
    def _names(self) -> Mapping[str, bool]:
        """The batches' names → whether they are new."""
        new = {record.batch for record in self.new}
        return {record.batch: record.batch in new for record in self.records}

    def _is_new(self, record: BatchRecord) -> bool:
        own = self.is_own(record)
        if own and not record.interval_end:
            return True
        since = self.trained
        return own if since is None else record.time > since

    @cached_property
    def trained(self) -> datetime | None:
        """Up to where the champion's training had data, or when it began; None if unknown.

        No batch was scored with the champion before its training: a clock that was ahead then
        doesn't count.
        """
        run = self.training
        if run is None:
            return None
        if run.interval_end:
            return datetime.fromisoformat(run.interval_end)
        began = [record.created for record in self.own if record.created]
        return min(map(datetime.fromisoformat, (run.created, *began))) if run.created else None

    @cached_property
    def training(self) -> Run | None:
        """The run that made the champion; None where the store doesn't have it any more."""
        tags = self.champion.tags
        pipeline = tags.get("atlas.pipeline", "") or self.monitored.pipeline
        try:
            return self.store.run(pipeline, tags.get("atlas.run", ""))
        except StoreError:
            text = "the store doesn't have the run that made it; only its own batches count"
            self.warnings.append(f"{self.name}: {text}")
            return None

    @cached_property
    def measured(self) -> list[BatchMeasurement]:
        """What labels say of the pipeline's batches, the oldest first."""
        return measurements(self.store, self.monitored.pipeline)

    @property
    def data_end(self) -> str:
        """Up to where there are data: the latest end of an interval; empty without any."""
        ends = [record.interval_end for record in self.records]
        ends += [measured.interval_end for measured in self.measured]
        return max(filter(None, ends), key=datetime.fromisoformat, default="")

    # Events ---------------------------------------------------------------------------------

    @cached_property
    def events(self) -> list[TriggerEvent]:
        """The events of the pipeline, the oldest first."""
        return events(self.store, self.monitored.pipeline)

    @cached_property
    def results(self) -> Mapping[str, str]:
        """An event's id → what has come of it."""
        pipeline = self.monitored.pipeline
        return {event.id: result_of(self.store, pipeline, event.id) for event in self.events}

    def armed(self, trigger: str) -> Armed:
        """Tell whether a trigger may fire in this life.

        Its events are a chain, each with the one before as its watermark: so however many processes
        find that it may fire again, they all write the same next one.
        """
        following = {event.watermark: event for event in self._own_events(trigger)}
        before: TriggerEvent | None = None
        while (event := following.pop(before.id if before else "", None)) is not None:
            if self.results[event.id] not in ARMED_AGAIN:
                return Armed(event, before)
            before = event
        return Armed(None, before)

    def _own_events(self, trigger: str) -> Sequence[TriggerEvent]:
        own = (self.champion.model, self.champion.version, self.digest, trigger)
        return [
            event
            for event in self.events
            if (event.model, event.version, event.digest, event.trigger) == own
        ]

    def draft(
        self, trigger: str, armed: Armed, numbers: Mapping[str, object], why: str
    ) -> TriggerEvent:
        """Return the event of a trigger that fires."""
        return TriggerEvent(
            pipeline=self.monitored.pipeline,
            model=self.champion.model,
            version=self.champion.version,
            digest=self.digest,
            trigger=trigger,
            watermark=armed.watermark,
            interval_end=self.data_end,
            created=self.now,
            numbers=numbers,
            why=why,
        )


_TRAIN = "train it again with `statistics` in its Config"
