"""Airflow as a launcher: a run of the DAG that is deployed, triggered over the REST API."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.advice import bring_up, command
from atlas.dataclass import dataclass
from atlas.errors import PlatformError, Problem, TargetError
from atlas.pods import cluster
from atlas.step.binding import launched_to
from atlas.step.intervals import dated, zone_of, zoned
from atlas.targets import launcher as states
from atlas.targets.airflow.dag_runs import REFUSED, AirflowRunsApi
from atlas.targets.airflow.pod_labels import label_of_task, pod_selector, task_of
from atlas.targets.launcher import LaunchedRun, RunStatus, TaskStatus
from atlas.targets.pod_watch import PodWatch
from atlas.targets.protocol import deployed_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.targets.airflow.api import Dag
    from atlas.targets.launcher import LaunchSite

_CONFLICT, _NOT_FOUND = 409, 404
_FINISH = "_finish"
_IN_IMAGES = ("docker", "kubernetes")
"""Kinds of tasks that need images; one that is gone is reported before a start."""
_KEYS = ".keys"
_RUN_STATES = {
    "queued": states.WAITING, "running": states.RUNNING,
    "success": states.DONE, "failed": states.FAILED,
}  # fmt: skip
_TASK_STATES = {
    "running": states.RUNNING, "restarting": states.RUNNING, "deferred": states.RUNNING,
    "up_for_retry": states.RETRYING, "up_for_reschedule": states.RETRYING,
    "success": states.DONE, "failed": states.FAILED,
    "upstream_failed": states.SKIPPED, "skipped": states.SKIPPED, "removed": states.SKIPPED,
}  # fmt: skip
_ACTIVE = ("running", "restarting", "deferred")
_SKEW_SECONDS = 120.0
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class AirflowLauncher:
    """Runs deployed DAGs.

    Attributes:
        airflow: the Airflow that has them.
        store: the artifact store.
        deployed: whether to run what is deployed, whatever the sources have become since.
        pods: the pods that its tasks are; None where they are none.
    """

    airflow: AirflowRunsApi
    store: Store
    deployed: bool = False
    pods: PodWatch | None = None
    _runs: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def target(self) -> str:
        """The target's name, as Environments write it."""
        return "airflow"

    def prepare(self, plan: Plan) -> tuple[Plan, Sequence[Problem]]:
        """Refuse a DAG that isn't there, is paused, is broken, is of another Plan or of the future.

        Raises:
            TargetError: T301 to T304, T310, T311.
            PlatformError: Airflow doesn't answer.
        """
        name = deployed_name(plan)
        self._require_import(name)
        dag = self.airflow.dags([name]).get(name)
        if dag is None:
            raise TargetError(f"{name} isn't deployed to Airflow; {_way_there(plan)}", code="T301")
        if dag.broken:
            raise TargetError(f"{name}: Airflow can't import its file any more", code="T304")
        if dag.paused:
            raise TargetError(
                f"{name} is paused in Airflow, where a run would wait without an end; unpause"
                f" it at {self.airflow.url}/dags/{quote(name)}",
                code="T303",
            )
        prepared = self._plan(plan, name, dag)
        _require_begun(prepared, name)
        return prepared, self._notes()

    def find(self, plan: Plan, run: Run) -> LaunchedRun | None:
        """Return the DAG run that is this Run, if there is one: Airflow may have started it."""
        name = deployed_name(plan)
        if self.airflow.dag_run(name, run.id):
            return self._launched(name, run.id)
        own = "" if launched_to(self.store, run) else self._own_id(name, run)
        if own:
            self._runs[own] = run.id
        return self._launched(name, own) if own else None

    def submit(self, plan: Plan, run: Run) -> LaunchedRun:
        """Trigger the DAG run.

        Raises:
            TargetError: T301, T311: Airflow refuses it.
        """
        name = deployed_name(plan)
        interval = (run.interval_start, run.interval_end)
        status, answer = self.airflow.trigger(name, run.id, run.parameters, interval)
        if status == _NOT_FOUND:
            raise TargetError(f"{name} isn't deployed to Airflow any more", code="T301")
        if status == _CONFLICT and self.airflow.dag_run(name, run.id):
            return self._launched(name, run.id)
        if status in REFUSED:
            detail = str(answer.get("detail", answer))[:_LONGEST]
            raise TargetError(f"{name}: Airflow refuses the run ({status}): {detail}", code="T311")
        return self._launched(name, run.id, is_new=True)

    def status(self, launched: LaunchedRun) -> RunStatus:
        """Return how the DAG run and its tasks stand."""
        dag_run = self.airflow.dag_run(launched.name, launched.id)
        if dag_run is None:
            return RunStatus(
                states.FAILED, (), "the run is gone from Airflow: it was deleted there"
            )
        raws = self.airflow.task_instances(launched.name, launched.id)
        state = _RUN_STATES.get(dag_run["state"], states.RUNNING)
        if any(raw["state"] in _ACTIVE for raw in raws) and state != states.WAITING:
            state = states.RUNNING
        waiting = self._waiting(launched, raws)
        tasks = [task for raw in raws if (task := self._task(launched, raw, waiting)) is not None]
        reason = self._reason(launched, raws) if state == states.FAILED else ""
        return RunStatus(state, tasks, reason)

    def log(self, launched: LaunchedRun, step: str, index: int | None, *, is_over: bool) -> str:
        """Return what a task's pod has printed; of one that is over and gone, Airflow's log of it.

        Raises:
            PlatformError: Airflow doesn't answer.
        """
        wanted = label_of_task(step, index)
        text = "" if self.pods is None else self.pods.log(
            pod_selector(launched.name, launched.id), lambda pod: task_of(pod.labels) == wanted,
            is_over=is_over,
        )  # fmt: skip
        if text or not is_over:
            return text
        place = (step, -1 if index is None else index)
        raws = self.airflow.task_instances(launched.name, launched.id)
        raw = next((raw for raw in raws if (raw["task_id"], raw["map_index"]) == place), None)
        entries = [] if raw is None else self._log(launched, raw, max(1, raw["try_number"]))
        return "".join(f"{entry['event']}\n" for entry in entries if entry.get("event"))

    def cancel(self, launched: LaunchedRun) -> None:
        """Fail the DAG run, which ends what runs of it."""
        self.airflow.fail(launched.name, launched.id)

    # Within ----------------------------------------------------------------------------------

    def _own_id(self, name: str, run: Run) -> str:
        """Return what Airflow calls a run that Atlas didn't start; empty when it has none.

        The reverse of what a DAG's tasks do: a run of an interval is called after its start, any
        other as Airflow calls it, with the flow before.
        """
        own = run.id.removeprefix(f"{run.flow}-")
        if run.interval_start and own == dated(run.interval_start):
            return self.airflow.run_of_interval(name, run.interval_start)
        return own if own != run.id and self.airflow.dag_run(name, own) else ""

    def _require_import(self, name: str) -> None:
        failure = self.airflow.import_failures().get(f"{name}.py")
        if failure is not None:
            last = failure.trace.strip().rpartition("\n")[2]
            raise TargetError(
                f"{name}: Airflow can't import its file: {last}; "
                f"{command('deploy')} writes it again",
                code="T304",
            )

    def _plan(self, plan: Plan, name: str, dag: Dag) -> Plan:
        """Return the Plan that is deployed, if it is the one of the sources or needn't be."""
        if dag.is_of(plan.digest):
            return plan
        if not self.deployed:
            raise TargetError(
                f"{name}: Plan {dag.plan[:12] or 'unknown'} is deployed, and the sources give"
                f" {plan.digest[:12]}; {command('deploy')} deploys them, --deployed runs what is "
                "there",
                code="T302",
            )
        return self.store.plan(self._digest(dag.plan))

    def _digest(self, tag: str) -> str:
        """Return the digest of the Plan that the store has and a tag means; the tag for none."""
        names = (name.removesuffix(".json") for name in self.store.location.names("plans"))
        return next((name for name in names if tag and name.startswith(tag)), tag)

    def _notes(self) -> list[Problem]:
        """Return what is odd about Airflow.

        Raises:
            TargetError: T310, nothing there would start a run.
        """
        status, heartbeat = self.airflow.scheduler()
        if status != "healthy":
            raise TargetError(
                "Airflow's scheduler doesn't run, so a run would wait without an end; "
                f"{bring_up('brings it back')}",
                code="T310",
            )
        return list(_skew(heartbeat))

    def _launched(self, name: str, run: str, *, is_new: bool = False) -> LaunchedRun:
        url = f"{self.airflow.url}/dags/{quote(name)}/runs/{quote(run, safe='')}"
        return LaunchedRun(run, name, url, is_new)

    def _waiting(
        self, launched: LaunchedRun, raws: Sequence[Mapping[str, Any]]
    ) -> dict[tuple[str, str], str]:
        """Return why pods of the run don't start, by the labels of their tasks."""
        if self.pods is None or not any(raw["state"] in _ACTIVE for raw in raws):
            return {}
        selector = pod_selector(launched.name, launched.id)
        return {task_of(pod.labels): pod.reason for pod in self.pods.waiting(selector)}

    def _task(
        self,
        launched: LaunchedRun,
        raw: Mapping[str, Any],
        waiting: Mapping[tuple[str, str], str],
    ) -> TaskStatus | None:
        """Return a task instance as a step's; None for one that isn't a step's."""
        name, state = raw["task_id"], _TASK_STATES.get(raw["state"] or "", states.WAITING)
        index = raw["map_index"] if raw["map_index"] >= 0 else None
        if name == _FINISH:
            return None
        if name.endswith(_KEYS):
            if state != states.FAILED:
                return None
            reason = f"its keys can't be counted: {self._last_words(launched, raw)}"
            return TaskStatus(name.removesuffix(_KEYS), state, None, reason)
        if state == states.RUNNING:
            return TaskStatus(name, state, index, waiting.get(label_of_task(name, index), ""))
        is_mute = state == states.FAILED and not self._has_outcome(launched, name, index)
        return TaskStatus(name, state, index, self._last_words(launched, raw) if is_mute else "")

    def _has_outcome(self, launched: LaunchedRun, step: str, index: int | None) -> bool:
        pipeline = launched.name.rpartition("-")[0]
        run = self._runs.get(launched.id, launched.id)
        return self.store.outcome(pipeline, run, step, index) is not None

    def _reason(self, launched: LaunchedRun, raws: Sequence[Mapping[str, Any]]) -> str:
        """Say why a run failed, where no step did."""
        failed = {raw["task_id"]: raw for raw in raws if raw["state"] == "failed"}
        if _FINISH in failed:
            words = self._last_words(launched, failed[_FINISH])
            return f"its end couldn't be recorded: {words}"
        return "" if failed else "the run was set to failed in Airflow"

    def _last_words(self, launched: LaunchedRun, raw: Mapping[str, Any]) -> str:
        """Return the last error of a task's log: what Airflow knows of one that recorded none."""
        entries = self._log(launched, raw, max(1, raw["try_number"]))
        errors = [entry for entry in entries if entry.get("level") in ("error", "critical")]
        for entry in reversed(errors):
            message = _exception(entry) or str(entry.get("event", ""))
            if message:
                return f"task {raw['task_id']}: {message[:_LONGEST]}"
        return (
            f"task {raw['task_id']}: Airflow says {raw['state']}, and no more: it was set so by "
            "hand, or its worker was lost"
        )

    def _log(
        self, launched: LaunchedRun, raw: Mapping[str, Any], attempt: int
    ) -> list[dict[str, Any]]:
        index = raw["map_index"]
        return self.airflow.log(launched.name, launched.id, raw["task_id"], attempt, index)


def launcher_at(site: LaunchSite) -> AirflowLauncher:
    """Return the launcher for a platform's Airflow.

    Raises:
        DeployError: I201, an image that steps need is gone from the registry.
        PlatformError: the platform has no Airflow.
    """
    service, secrets = site.services.get("airflow"), site.services.get("secrets")
    if not service or not secrets:
        named = site.pipelines[0].environment
        name = named.outputs or named.platform
        raise PlatformError(f"platform {name}: has no Airflow, or isn't up; {bring_up()}")
    if service.get("tasks") in _IN_IMAGES and not site.deployed:
        site.require_images()
    url, credentials = service["url"].rstrip("/"), service["credentials"] or ""
    pods = PodWatch(cluster()) if service.get("tasks") == "kubernetes" else None
    return AirflowLauncher(
        AirflowRunsApi(url, secrets["url"], credentials), site.store, site.deployed, pods
    )


def _way_there(plan: Plan) -> str:
    """Return how a flow comes to Airflow."""
    if plan.target == "airflow":
        return f"{command('deploy')} deploys it"
    return (
        f"environment {plan.environment} deploys it to {plan.target}: write 'airflow' in its "
        f"targets.{plan.flow}, then {command('deploy')}"
    )


def _exception(entry: Mapping[str, Any]) -> str:
    """Return type and text of the innermost exception that a log entry carries."""
    details = entry.get("error_detail") or []
    last = details[-1] if isinstance(details, list) and details else None
    if not isinstance(last, dict):
        return ""
    return f"{last.get('exc_type', '')}: {last.get('exc_value', '')}"


def _require_begun(plan: Plan, name: str) -> None:
    """Refuse a DAG whose schedule starts in the future: Airflow fails every run of it until then.

    Raises:
        TargetError: T311.
    """
    schedule = plan.schedule
    if schedule is None or not schedule.start:
        return
    begins = zoned(schedule.start, zone_of(schedule), "schedule.start")
    if begins > datetime.now(UTC):
        text = f"{name}: its schedule starts on {schedule.start}"
        hint = "give it an earlier start; without catch-up, no interval of the past is made up for"
        raise TargetError(
            f"{text}, and Airflow runs nothing of it before then ({hint})", code="T311"
        )


def _skew(heartbeat: str) -> Iterator[Problem]:
    """Tell that this machine's clock and Airflow's differ; its scheduler beats often."""
    try:
        beat = datetime.fromisoformat(heartbeat)
    except ValueError:
        return
    beat = beat if beat.tzinfo else beat.replace(tzinfo=UTC)
    age = (datetime.now(UTC) - beat).total_seconds()
    if abs(age) > _SKEW_SECONDS:
        where = "behind" if age > 0 else "ahead of"
        yield Problem(
            code="T312", severity="warning", found=f"{abs(age):.0f} s",
            message=f"Airflow's clock is {abs(age):.0f} s {where} this machine's; times of one run "
            "come from both",
            hint="set both by NTP",
        )  # fmt: skip
