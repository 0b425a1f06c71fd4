"""A run as OpenLineage events: all of it read from the store, so that it can be sent at any time.

A pipeline's flow is a job, each of its steps another; a run of either is a run of the job, with an
id that follows from Atlas's own. An artifact is a dataset whose name has no run in it, so that a
catalogue follows it from run to run: which run's it is, its version and data source say.
The client that the events are made with is an extra, so importing this module may fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openlineage.client import facet_v2
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.serde import Serde

from atlas.dataclass import dataclass
from atlas.tracking.openlineage.datasets import RunDatasets, TriedStep
from atlas.tracking.openlineage.naming import moment_of, producer, run_id
from atlas.tracking.record import outcomes_of
from atlas.version import atlas_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openlineage.client.event_v2 import InputDataset, OutputDataset

    from atlas.plan import Plan
    from atlas.store import Run as AtlasRun
    from atlas.store import Store
    from atlas.tracking.openlineage.datasets import Columns

_INTEGRATION = "ATLAS"
_DONE, _SKIPPED = "done", "skipped"


def events(store: Store, plan: Plan, run: AtlasRun, columns: Columns) -> list[dict[str, Any]]:
    """Return a run's events in the order of their times, as plain data.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: a run that is over.
        columns: reads the columns of a table in the store.
    """
    made = _RunEvents(store, plan, run, RunDatasets(store, plan, run, columns))
    return [Serde.to_dict(event) for event in made.all()]


@dataclass(frozen=True, slots=True)
class _RunEvents:
    """Makes the events of one run."""

    store: Store
    plan: Plan
    run: AtlasRun
    data: RunDatasets

    def all(self) -> list[RunEvent]:
        """Return all events: the run's first, those of its steps by time, the run's last."""
        units = [*self._units()]
        steps = [event for unit in units for event in self._of_unit(unit)]
        ends = [unit.outcome["ended"] for unit in units if unit.outcome.get("ended")]
        inner = sorted(steps, key=lambda event: moment_of(event.eventTime))
        return [
            self._of_run("START", self.run.created, units),
            *inner,
            self._of_run(self._status(units), max([self.run.created, *ends], key=moment_of), units),
        ]

    def _units(self) -> Iterator[TriedStep]:
        for name, outcome in outcomes_of(self.store, self.plan, self.run):
            if outcome["status"] == _SKIPPED:
                continue  # It has neither begun nor failed.
            known = self.plan.by_name
            step = known.get(name) or known[name.rpartition(".")[0]]
            yield TriedStep(name, step, outcome)

    def _status(self, units: list[TriedStep]) -> str:
        recorded = self.store.run_outcome(self.run.pipeline, self.run.id) or {}
        has_failed = any(unit.outcome["status"] != _DONE for unit in units)
        return "FAIL" if has_failed or recorded.get("status") == "failed" else "COMPLETE"

    def _of_run(self, state: str, time: str, units: list[TriedStep]) -> RunEvent:
        """Return an event of the whole run, with the data from outside that its steps used."""
        failed = [unit for unit in units if unit.outcome["status"] != _DONE]
        error = "; ".join(f"{unit.name}: {unit.outcome.get('error', '')}" for unit in failed)
        facets = self._facets(error=(error or "not all steps were done") * (state == "FAIL"))
        job = self._job("", self.plan.description, "PIPELINE")
        done = units if state != "START" else []
        data = (
            [one for unit in done for one in self.data.external(unit)],
            [one for unit in done for one in self.data.written(unit)],
        )
        return _event(state, time, Run(run_id(self.run), facets), job, data)

    def _of_unit(self, unit: TriedStep) -> list[RunEvent]:
        """Return the start and the end of one step."""
        outcome, is_done = unit.outcome, unit.outcome["status"] == _DONE
        job = self._job(unit.step.name, unit.step.description, "STEP")
        identity = run_id(self.run, unit.name)
        inputs = [one for source in unit.step.sources() for one in self.data.read(unit, source)]
        outputs = [*self.data.made(unit), *self.data.written(unit)] if is_done else []
        error = "" if is_done else outcome.get("error") or "it failed"
        ended = self._facets(error=error, traceback=outcome.get("traceback", ""), is_step=True)
        started = outcome.get("started") or self.run.created
        begun = Run(identity, self._facets(is_step=True))
        end = outcome.get("ended") or started
        state = "COMPLETE" if is_done else "FAIL"
        return [
            _event("START", started, begun, job, (inputs, [])),
            _event(state, end, Run(identity, ended), job, (inputs, outputs)),
        ]

    def _namespace(self) -> str:
        return f"atlas.{self.plan.environment or 'local'}"

    def _job_name(self, step: str = "") -> str:
        return ".".join(filter(None, (self.plan.name, self.plan.flow, step)))

    def _job(self, step: str, description: str, kind: str) -> Job:
        own: dict[str, Any] = {
            "jobType": facet_v2.job_type_job.JobTypeJobFacet(
                processingType="BATCH", integration=_INTEGRATION, jobType=kind, producer=producer()
            )
        }
        if description:
            own["documentation"] = facet_v2.documentation_job.DocumentationJobFacet(
                description=description, producer=producer()
            )
        if self.run.commit:
            commit = self.run.commit
            own["sourceCodeLocation"] = (
                facet_v2.source_code_location_job.SourceCodeLocationJobFacet(
                    type="git", url=f"git:{commit}", version=commit, producer=producer()
                )
            )
        return Job(self._namespace(), self._job_name(step), own)

    def _facets(
        self, *, error: str = "", traceback: str = "", is_step: bool = False
    ) -> dict[str, Any]:
        """Return what is known of a run, or of one of its steps."""
        own: dict[str, Any] = {
            "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet(
                version=atlas_version(), name="Atlas", producer=producer()
            )
        }
        if self.run.interval_start:
            own["nominalTime"] = facet_v2.nominal_time_run.NominalTimeRunFacet(
                nominalStartTime=moment_of(self.run.interval_start).isoformat(),
                nominalEndTime=moment_of(self.run.interval_end).isoformat(),
                producer=producer(),
            )
        if is_step:
            parent = facet_v2.parent_run
            own["parent"] = parent.ParentRunFacet(
                run=parent.Run(run_id(self.run)),
                job=parent.Job(self._namespace(), self._job_name()),
                producer=producer(),
            )
        if error:
            own["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(
                message=error,
                programmingLanguage="PYTHON",
                stackTrace=traceback or None,
                producer=producer(),
            )
        return own


def _event(
    state: str, time: str, run: Run, job: Job, data: tuple[list[InputDataset], list[OutputDataset]]
) -> RunEvent:
    """Return an event; a dataset that is read in several ways is in it once."""
    inputs, outputs = data
    return RunEvent(
        eventTime=moment_of(time).isoformat(),
        eventType=RunState(state),
        producer=producer(),
        run=run,
        job=job,
        inputs=[*{(one.namespace, one.name): one for one in inputs}.values()],
        outputs=[*{(one.namespace, one.name): one for one in outputs}.values()],
    )
