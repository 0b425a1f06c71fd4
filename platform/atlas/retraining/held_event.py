"""One event while it is held: each move is recorded before the next is made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.models.actor import this_process
from atlas.retraining import state as states
from atlas.retraining.asking import other_champion, wanted
from atlas.retraining.ending import end_of, promoted_after_approval
from atlas.retraining.ledger import StartEntry, StartLedger
from atlas.retraining.lineage import TRAINING
from atlas.retraining.records import (
    APPROVED_TRAINING,
    EventRecords,
    RetrainingEnd,
    RetrainingRequest,
    StartedRetraining,
)
from atlas.retraining.starting import RetrainingPlace, check_rule, code_of, run, trained_plan
from atlas.retraining.state import Retraining, stands
from atlas.retraining.stops import RetrainingStop, blocking
from atlas.step.binding import run_id
from atlas.step.parameters import checked_parameters

if TYPE_CHECKING:
    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.plan import Plan


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """One event while this process holds it.

    Attributes:
        place: where retrainings are recorded, and what has them done.
        monitored: the pipeline, with its Config's rule.
        event: the event.
        records: what is recorded of it.
        now: the present.
        again: whether a retraining that failed is to be tried once more.
    """

    place: RetrainingPlace
    monitored: MonitoredPipeline
    event: TriggerEvent
    records: EventRecords
    now: datetime
    again: bool

    def advance(self) -> Retraining:
        """Go as far as possible; return how it stands."""
        try:
            page = self._advance()
        except RetrainingStop as stop:
            known = stands(self.records) or unknown(self.event)
            why = "; ".join(filter(None, (stop.why, known.why)))
            return replace(known, state=stop.state, why=why, until=stop.until)
        known = stands(self.records) or unknown(self.event)
        return replace(known, page=page)

    def _advance(self) -> str:
        end = self.records.end
        if end is not None and not (self.again and end.result == states.FAILED):
            return self._after(end)
        if end is None and self._is_declined():
            return ""
        request = self.records.request or self._asked()
        if request is None:
            return ""
        started = self.records.started
        if started is None or end is not None:
            started = self._started(request, started)
        return self._ran(request, started) if started else ""

    def obstacle(self) -> str:
        """Return why the event is over before it begins; empty where it would begin."""
        why = other_champion(self.place, self.event)
        if why:
            raise RetrainingStop(states.SUPERSEDED, why)
        request = self.records.request or wanted(self.place, self.monitored, self.event, self.now)
        self._require_approval(request)
        _, note = self._plan(request)
        self._check_terms(StartLedger(self.place.store, request.config), is_held=False)
        return note

    def _check_terms(self, ledger: StartLedger, *, is_held: bool = True) -> list[StartEntry]:
        """Return the starts in a ledger, if the terms let another one be made now."""
        entries = ledger.entries(self.now, is_held=is_held)
        wait = ledger.wait(entries, self.monitored.pipeline, self.monitored.rule, self.now)
        if wait is not None:
            raise RetrainingStop(states.WAITING, wait.why, wait.until)
        return entries

    # What is asked for ------------------------------------------------------------------------

    def _asked(self) -> RetrainingRequest | None:
        """Record what the event asks for; None where it is over before it began."""
        why = other_champion(self.place, self.event)
        if why:
            self._finish(RetrainingEnd(states.SUPERSEDED, why))
            return None
        return self.records.ask(wanted(self.place, self.monitored, self.event, self.now))

    # Whether and what to start ------------------------------------------------------------------

    def _started(
        self, request: RetrainingRequest, before: StartedRetraining | None
    ) -> StartedRetraining | None:
        """Record the run that is to be started; None where the event is over before it began."""
        self._require_approval(request)
        why = other_champion(self.place, self.event)
        if why:
            self._finish(RetrainingEnd(states.SUPERSEDED, why))
            return None
        plan, note = self._plan(request)
        attempt = before.attempt + 1 if before else 1
        started = StartedRetraining(
            run=_run_id(self.event, attempt),
            attempt=attempt,
            target=request.target,
            plan=plan.digest,
            started=self.now.isoformat(timespec="milliseconds"),
            by=str(this_process()),
            note=note,
        )
        ledger = StartLedger(self.place.store, request.config)
        with ledger.held():
            entries = self._check_terms(ledger)
            entry = StartEntry(self.monitored.pipeline, self.event.id, attempt, started.started)
            ledger.enter(entries, entry, self.now)
            self.records.start(started)
        return started

    def _is_declined(self) -> bool:
        """Tell whether somebody has declined what isn't under way elsewhere; then it is over."""
        approval = self.records.approval
        if approval is None or approval.approved or self.records.is_elsewhere:
            return False
        why = _declined(approval.by, approval.reason)
        self._finish(RetrainingEnd(states.DECLINED, why))
        return True

    def _require_approval(self, request: RetrainingRequest) -> None:
        if request.approval == APPROVED_TRAINING and self.records.approval is None:
            raise RetrainingStop(
                states.WAITING, f"its training waits for an approval: {self._command()}"
            )

    def _plan(self, request: RetrainingRequest) -> tuple[Plan, str]:
        """Return the Plan to train, once all that it takes is there."""
        with blocking():
            plan = self.place.store.plan(request.plan)
            deployed = self.monitored.plans.get(TRAINING, "")
            trained, note = trained_plan(self.place, request.target, plan, deployed)
            code_of(self.place, trained, request.commit)
            known = {n: v for n, v in request.parameters.items() if n in trained.parameters}
            checked_parameters(trained, {**known, **request.changed})
            check_rule(trained, request.promotion)
        return trained, note

    # Running it ---------------------------------------------------------------------------------

    def _ran(self, request: RetrainingRequest, started: StartedRetraining) -> str:
        """Start the run or go on with it; record how it ended, once it has."""
        plan = self._own_plan(started)
        with blocking():
            folder = code_of(self.place, plan, request.commit)
            found = run(self.place, request, started, folder)
        if found.finished is None:
            raise RetrainingStop(states.RUNNING, found.why or found.page)
        end = end_of(self.place, self.event, started, found)
        if end is None:
            raise RetrainingStop(states.RUNNING, "; ".join(found.finished.warnings))
        if end.result == states.REQUESTED:
            self._request_release(request, end)
        self._finish(end)
        return found.page if end.result != states.REGISTERED else self._after(end)

    def _own_plan(self, started: StartedRetraining) -> Plan:
        """Return the Plan of a run that is recorded, if it is one of this event's.

        Raises:
            StoreError: the record names another run, or a Plan of something else.
        """
        plan = self.place.store.plan(started.plan)
        is_own = plan.name == self.monitored.pipeline and plan.flow == TRAINING
        if not is_own or started.run != _run_id(self.event, started.attempt):
            text = f"its record names run {clean(started.run, 80)} of {plan.name}/{plan.flow}"
            where = f"retraining {self.event.id} of {self.monitored.pipeline}"
            raise StoreError(f"{where}: {text}; who wrote it? Nothing is run")
        return plan

    def _request_release(self, request: RetrainingRequest, end: RetrainingEnd) -> None:
        from atlas.retraining.requests import RequestedRelease, request_release

        request_release(
            self.place.store,
            RequestedRelease.of(
                self.place.registry,
                request.environment,
                self.event,
                end,
                self.now.isoformat(timespec="milliseconds"),
            ),
        )

    def _after(self, end: RetrainingEnd) -> str:
        """Promote what was approved since, or take note that it was declined."""
        started, approval = self.records.started, self.records.approval
        if end.result != states.REGISTERED or started is None:
            return ""
        if approval is None:
            raise RetrainingStop(states.REGISTERED, self._command())
        if not approval.approved:
            why = _declined(approval.by, approval.reason)
            self._finish(replace(end, result=states.DECLINED, why=why))
        else:
            self._finish(promoted_after_approval(self.place, self.event, started, end))
        return ""

    def _finish(self, end: RetrainingEnd) -> None:
        """Record how it ended; now, which is later than when this process looked at the clock."""
        started = self.records.started
        attempt = started.attempt if started else 0
        ended = max(self.now, datetime.now(UTC)) if attempt else self.now
        moment = ended.isoformat(timespec="milliseconds")
        self.records.finish(replace(end, attempt=attempt, ended=moment))

    def _command(self) -> str:
        return command("approve", self.event.id, env=self.monitored.environment)


def _run_id(event: TriggerEvent, attempt: int) -> str:
    """Return the id of an event's run, which only one run of the pipeline can have."""
    suffix = f"-{attempt}" if attempt > 1 else ""
    return run_id(TRAINING, f"retraining-{event.id}{suffix}")


def _declined(by: str, reason: str) -> str:
    return f"{by} declined it{f': {reason}' if reason else ''}"


def unknown(event: TriggerEvent) -> Retraining:
    """Return how an event stands of which nothing is recorded but itself."""
    return Retraining(
        event.id,
        event.pipeline,
        event.trigger,
        states.OPEN,
        champion=event.version,
        why=event.why,
    )
