"""The records of runs in a store: Plans, what is known at a run's start, and how steps ended."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.store.folder import FolderLocation
from atlas.store.keys import (
    LINKS,
    OUTCOME,
    RESERVED,
    RUN,
    changed_key,
    is_index,
    run_key,
    unit_key,
)
from atlas.store.location import TEMPORARY
from atlas.store.run import Run
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.store.location import Location


@dataclass(frozen=True)
class RunRecords:
    """Plans, runs and outcomes in one place.

    Attributes:
        location: where its files are.
    """

    location: Location

    @property
    def url(self) -> str:
        """Where it is, as `open_store` takes it."""
        return self.location.url

    # Plans and runs -------------------------------------------------------------------------

    def add_plan(self, plan: Plan) -> None:
        """Keep a Plan under its digest."""
        key = f"plans/{plan.digest}.json"
        if not self.location.exists(key):
            self.location.write(key, plan.text.encode())

    def plan(self, digest: str) -> Plan:
        """Return the Plan of a digest.

        Raises:
            StoreError: it isn't there, or isn't what was written.
        """
        from atlas.plan.model import Plan

        key = f"plans/{digest}.json"
        try:
            text = self.location.read(key)
        except FileNotFoundError:
            raise StoreError(f"{self.url}/{key}: there is no such Plan; deploy it again") from None
        if hashlib.sha256(text).hexdigest() != digest:
            raise StoreError(f"{self.url}/{key}: isn't the Plan of its name; deploy it again")
        try:
            return Plan.from_text(text.decode())
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise StoreError(f"{self.url}/{key}: isn't a Plan; deploy it again") from None

    def bind(self, run: Run) -> Run:
        """Write a run's facts once and for all, and return those that hold: the first writer's."""
        key = run_key(run.pipeline, run.id)
        if self.location.create(f"{key}/{RUN}", canonical(run.to_json()).encode()):
            return run
        return self.run(run.pipeline, run.id)

    def rebind(self, run: Run) -> Run:
        """Bind a run of the same id under another Plan, and return the facts that hold for it.

        The first one to do so for a Plan decides; the run's record then shows the latest Plan's.
        """
        key = run_key(run.pipeline, run.id)
        own = f"{key}/run-{run.plan[:16]}.json"
        if not self.location.create(own, canonical(run.to_json()).encode()):
            run = Run.from_json(json.loads(self.location.read(own)))
        self.location.write(f"{key}/{RUN}", canonical(run.to_json()).encode())
        self.note_changed(run.pipeline, run.id)
        return run

    def note_changed(self, pipeline: str, run: str) -> None:
        """Note that what was known of a run has changed, where no folder's time tells so."""
        if not isinstance(self.location, FolderLocation):
            for index in ("", LINKS):
                key = f"{changed_key(pipeline, index)}/{run}@{os.urandom(4).hex()}"
                self.location.write(key, b"{}")

    def run(self, pipeline: str, run: str) -> Run:
        """Return a run's facts.

        Raises:
            StoreError: there is no such run.
        """
        key = f"{run_key(pipeline, run)}/{RUN}"
        try:
            return Run.from_json(json.loads(self.location.read(key)))
        except FileNotFoundError:
            raise StoreError(f"{self.url}/{key}: there is no such run") from None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise StoreError(f"{self.url}/{key}: isn't a run's record") from None

    def run_digest(self, run: Run) -> str:
        """Return the sha256 of a run's record as it is stored; empty where there is none."""
        try:
            content = self.location.read(f"{run_key(run.pipeline, run.id)}/{RUN}")
        except FileNotFoundError:
            return ""
        return hashlib.sha256(content).hexdigest()

    def has_run(self, pipeline: str, run: str) -> bool:
        """Tell whether a run is bound."""
        return self.location.exists(f"{run_key(pipeline, run)}/{RUN}")

    def runs(self, pipeline: str) -> list[str]:
        """Return the ids of a pipeline's runs, by name."""
        return [name for name in self.location.names(pipeline) if self.has_run(pipeline, name)]

    def pipelines(self) -> list[str]:
        """Return the names of the pipelines that have runs here."""
        names = self.location.names("")
        return [name for name in names if name not in RESERVED and not name.startswith(TEMPORARY)]

    def run_outcome(self, pipeline: str, run: str) -> dict[str, Any] | None:
        """Return how a run ended; None when that isn't recorded."""
        try:
            outcome = json.loads(self.location.read(f"{run_key(pipeline, run)}/{OUTCOME}"))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return outcome if isinstance(outcome, dict) else None

    def indexes(self, run: Run, step: str) -> list[int]:
        """Return the indexes of the keys that a step has run for under a run's Plan, in order."""
        names = self.location.names(f"{run_key(run.pipeline, run.id)}/{step}")
        outcomes = (
            (index, self.outcome(run.pipeline, run.id, step, index))
            for index in map(int, filter(is_index, names))
        )
        return sorted(i for i, outcome in outcomes if outcome and outcome.get("plan") == run.plan)

    # Outcomes -------------------------------------------------------------------------------

    def write_outcome(
        self, pipeline: str, run: str, step: str, outcome: Mapping[str, Any], index: int | None
    ) -> None:
        """Record how a step, or one key of it, ended."""
        key = f"{unit_key(pipeline, run, step, index)}/{OUTCOME}"
        self.location.write(key, canonical(outcome).encode("utf-8", "replace"))

    def outcome(
        self, pipeline: str, run: str, step: str, index: int | None = None
    ) -> dict[str, Any] | None:
        """Return how a step, or one key of it, ended; None when it hasn't."""
        try:
            text = self.location.read(f"{unit_key(pipeline, run, step, index)}/{OUTCOME}")
            outcome = json.loads(text)
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return outcome if isinstance(outcome, dict) else None
