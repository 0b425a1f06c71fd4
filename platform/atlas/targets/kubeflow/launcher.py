"""Running Plans on an API server of Kubeflow Pipelines."""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import PlatformError, RefusedError, TargetError
from atlas.pods import cluster
from atlas.step.binding import launched_to
from atlas.store.exclusive import exclusive
from atlas.store.orchestrated import keep_version, version_of
from atlas.targets import launcher
from atlas.targets.kubeflow import words
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from atlas.targets.kubeflow.run_pods import of_step, run_selector, unit_of, waiting
from atlas.targets.kubeflow.server import runs
from atlas.targets.kubeflow.server.pipelines import versions
from atlas.targets.kubeflow.server.publishing import own_pipelines, plan_of, publish
from atlas.targets.launcher import LaunchedRun, RunStatus, TaskStatus
from atlas.targets.pod_watch import PodWatch
from atlas.targets.protocol import NOWHERE, deployed_name, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.targets.kubeflow.server.api import Api
    from atlas.targets.kubeflow.server.pipelines import PipelineVersion
    from atlas.targets.launcher import DeployedMember
    from atlas.targets.protocol import Origin

_WAIT = 120.0
"""Seconds to wait for another process that starts the same run."""
_RUN_STATES = {
    "": launcher.WAITING, "PENDING": launcher.WAITING, "RUNNING": launcher.RUNNING,
    "PAUSED": launcher.RUNNING, "CANCELING": launcher.RUNNING, "SUCCEEDED": launcher.DONE,
    "SKIPPED": launcher.DONE, "FAILED": launcher.FAILED, "CANCELED": launcher.CANCELLED,
}  # fmt: skip
_TASK_STATES = {
    **_RUN_STATES, "SKIPPED": launcher.SKIPPED, "CANCELED": launcher.FAILED,
}  # fmt: skip
_WORST = (
    launcher.RUNNING, launcher.WAITING, launcher.FAILED, launcher.DONE, launcher.SKIPPED,
)  # fmt: skip
"""States of a step's tasks, that which speaks for all of them first: one may run yet."""


@dataclass(frozen=True, slots=True)
class KubeflowLauncher:
    """Starts and follows runs of one API server.

    Attributes:
        api: the server.
        store: the artifact store that its steps work on.
        images: returns a Plan's images: name → reference.
        origin_of: returns what a Plan is of; the same as a deployment's, lest one Plan has two
            versions.
        deployed_of: returns what is deployed under a Plan's name; None for nothing.
        deployed: whether to run what is deployed, whatever the sources have become since.
        published: whether to run a Plan as the version that was published of it before.
        in_images: whether steps run in their images, which have to be built.
        pods: the pods of the cluster that it is in, where there is a kubeconfig.
    """

    api: Api
    store: Store
    images: Callable[[Plan], Mapping[str, str]]
    origin_of: Callable[[Plan], Origin] = lambda _: NOWHERE
    deployed_of: Callable[[Plan], DeployedMember | None] = lambda _: None
    deployed: bool = False
    published: bool = False
    in_images: bool = True
    pods: PodWatch = field(default_factory=lambda: PodWatch(cluster()), repr=False, compare=False)
    _plans: dict[str, Plan] = field(default_factory=dict, init=False, repr=False, compare=False)
    _cancelling: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def target(self) -> str:
        """The target's name, as Environments write it."""
        return "kubeflow"

    def prepare(self, plan: Plan) -> tuple[Plan, Sequence[Problem]]:
        """Refuse what Kubeflow can't run, another Plan than is deployed, and unbuilt images.

        Raises:
            InvalidError: Kubeflow can't do this.
            PlatformError: the server doesn't answer, or no namespace is named where it takes one.
            TargetError: T301, T302; or an image isn't built and pushed.
        """
        self.api.check()
        plan = self._plan(plan)
        problems = KubeflowCompiler(schedules=True).problems(plan)
        refuse(problems)
        if self.in_images and not self.deployed and not self.published:
            self._require_images(plan)
        return plan, problems

    def find(self, plan: Plan, run: Run) -> LaunchedRun | None:
        """Return the run that is this Run, if Kubeflow has one: it may have started it itself."""
        experiment = runs.find_experiment(self.api, deployed_name(plan))
        server_runs = runs.runs_named(self.api, experiment, run.id) if experiment else []
        identity = server_runs[0].id if server_runs else self._own_id(plan, run)
        return self._launched(plan, identity) if identity else None

    def submit(self, plan: Plan, run: Run) -> LaunchedRun:
        """Start a run: experiment, pipeline, version and run, each where it isn't there.

        Kubeflow takes any number of runs of one name. So one process at a time starts a run, and
        of several that a network has made of one request, all but the first are ended.

        Raises:
            TargetError: Kubeflow refuses it.
            PlatformError: there is no answer, or another process has been starting it for too long.
        """
        with exclusive(
            self.store.location, f"start {run.pipeline}/{run.id}", wait=_WAIT
        ) as is_held:
            if not is_held:
                raise PlatformError(
                    f"run {run.id}: another process has been starting it on Kubeflow for "
                    f"{_WAIT:.0f} s; repeat the command once that has ended"
                )
            try:
                return self._found(plan, run) or self._started(plan, run)
            except RefusedError as error:
                raise TargetError(f"{error}", code="T311") from error

    def status(self, launched: LaunchedRun) -> RunStatus:
        """Return how a run stands now; one that is gone has failed."""
        server_run = runs.run(self.api, launched.id)
        if server_run is None:
            return RunStatus(launcher.FAILED, reason=f"Kubeflow has no run {launched.id} any more")
        state = _RUN_STATES.get(server_run.state, launcher.RUNNING)
        if server_run.state == runs.CANCELING:
            self._cancelling.add(launched.id)
        if state == launcher.FAILED and launched.id in self._cancelling:
            state = launcher.CANCELLED
        reason = server_run.error or _own_failure(server_run)
        if state == launcher.RUNNING:
            reason = reason or self._waiting(launched)
        return RunStatus(state, _tasks(self._plans[launched.id], server_run), reason)

    def _waiting(self, launched: LaunchedRun) -> str:
        """Return why pods of the run don't start; empty where nothing keeps one."""
        return "; ".join(waiting(self.pods, launched.id))

    def log(self, launched: LaunchedRun, step: str, index: int | None, *, is_over: bool) -> str:
        """Return what a step has printed, by its pod; empty where the cluster can't be asked."""
        unit = (words.task_name(step), index)
        text = self.pods.log(
            run_selector(launched.id), lambda pod: unit_of(pod.annotations) == unit, is_over=is_over
        )
        return of_step(text)

    def cancel(self, launched: LaunchedRun) -> None:
        """Ask for the end of a run; over already is fine."""
        runs.terminate(self.api, launched.id)

    def _plan(self, plan: Plan) -> Plan:
        """Return the Plan to run: that of the sources, or the one that is deployed.

        Raises:
            TargetError: T301, T302.
        """
        if self.published:
            self._published_version(plan)
            return plan
        member, name = self.deployed_of(plan), deployed_name(plan)
        if member is None and self.deployed:
            raise TargetError(
                f"{name} isn't deployed to Kubeflow; {command('deploy')} deploys it", code="T301"
            )
        if member is None or member.plan == plan.digest:
            return plan
        if not self.deployed:
            raise TargetError(
                f"{name}: Plan {member.plan[:12]} is deployed, and the sources give "
                f"{plan.digest[:12]}; {command('deploy')} deploys them, --deployed runs what is "
                "there",
                code="T302",
            )
        return self.store.plan(member.plan)

    def _require_images(self, plan: Plan) -> None:
        """Refuse images that no cluster could pull.

        Raises:
            TargetError: I201, one isn't built and pushed.
        """
        used = {step.image for step in plan.steps}
        references = self.images(plan)
        unbuilt = sorted({references[name] for name in used if "@" not in references[name]})
        if unbuilt:
            raise TargetError(
                f"{plan.name}: images not built: {', '.join(unbuilt)}; "
                f"{command('build')} builds them",
                code="I201",
            )

    def _own_version(self, plan: Plan) -> PipelineVersion:
        """Return the version of the sources' Plan; add it where it isn't there."""
        name, target = deployed_name(plan), KubeflowCompiler(exit_handler=True)
        (content,) = target.compile(plan, self.images(plan), self.origin_of(plan)).values()
        package = (hashlib.sha256(content).hexdigest(), content)
        version = publish(self.api, self.store.url, {name: package}, {name: plan.digest})[name]
        keep_version(self.store.location, plan.digest, version.ids)
        return version

    def _deployed_version(self, plan: Plan) -> PipelineVersion:
        """Return the version that is deployed.

        Raises:
            TargetError: T301, it was deleted on the server.
        """
        member, name = self.deployed_of(plan), deployed_name(plan)
        pipeline = own_pipelines(self.api, self.store.url, [name]).get(name)
        there = versions(self.api, pipeline, member.content) if member and pipeline else []
        if not there:
            raise TargetError(
                f"{name}: its version isn't in Kubeflow any more; "
                f"{command('deploy')} brings it back",
                code="T301",
            )
        return there[0]

    def _published_version(self, plan: Plan) -> PipelineVersion:
        """Return the version that was published of a Plan.

        Raises:
            TargetError: T301, it never was, or was deleted on the server.
        """
        name, known = deployed_name(plan), version_of(self.store.location, plan.digest)
        pipeline = own_pipelines(self.api, self.store.url, [name]).get(name)
        there = versions(self.api, pipeline) if pipeline and known else []
        for version in there:
            if version.ids == known and plan_of(version) in ("", plan.digest):
                return version
        raise TargetError(
            f"{name}: Kubeflow has no version of Plan {plan.digest[:12]}; "
            f"{command('deploy')} adds one of the sources",
            code="T301",
        )

    def _version(self, plan: Plan) -> PipelineVersion:
        """Return the version that is to run."""
        if self.published:
            return self._published_version(plan)
        return self._deployed_version(plan) if self.deployed else self._own_version(plan)

    def _started(self, plan: Plan, run: Run) -> LaunchedRun:
        name = deployed_name(plan)
        version = self._version(plan)
        experiment = runs.experiment(self.api, name, f"Runs of {name}.")
        started = runs.start(self.api, version, experiment, run.id, _parameters(run))
        first = self._first(experiment, run) or started.id
        return self._launched(plan, first, is_new=True)

    def _found(self, plan: Plan, run: Run) -> LaunchedRun | None:
        """Return the run that is there, if one is."""
        experiment = runs.find_experiment(self.api, deployed_name(plan))
        first = self._first(experiment, run) if experiment else ""
        return self._launched(plan, first) if first else None

    def _own_id(self, plan: Plan, run: Run) -> str:
        """Return Kubeflow's id of a run of the pipeline that Atlas didn't start; empty for none.

        Such a run has Kubeflow's own id, with the flow before (`atlas.step.kfp`).
        """
        own, name = run.id.removeprefix(f"{run.flow}-"), deployed_name(plan)
        if own == run.id or launched_to(self.store, run):
            return ""
        server_run = runs.run(self.api, own)
        pipeline = own_pipelines(self.api, self.store.url, [name]).get(name) if server_run else None
        is_own = server_run is not None and pipeline and server_run.pipeline == pipeline.id
        return own if is_own else ""

    def _first(self, experiment: str, run: Run) -> str:
        """Return Kubeflow's id of the first run of a name, or none, and end all others of it."""
        identities = [server_run.id for server_run in runs.runs_named(self.api, experiment, run.id)]
        for other in identities[1:]:
            runs.terminate(self.api, other)
            runs.archive(self.api, other)
        return identities[0] if identities else ""

    def _launched(self, plan: Plan, identity: str, *, is_new: bool = False) -> LaunchedRun:
        self._plans[identity] = plan
        page = f"{self.api.url.rstrip('/')}/#/runs/details/{identity}"
        return LaunchedRun(identity, deployed_name(plan), page, is_new)


def _parameters(run: Run) -> dict[str, Any]:
    """Return the parameters of the pipeline: the Run's own, and its facts."""
    return {
        **run.parameters,
        words.RUN: run.id,
        words.INTERVAL_START: run.interval_start,
        words.INTERVAL_END: run.interval_end,
    }


def _own_failure(run: runs.ServerRun) -> str:
    """Return which of the tasks that Kubeflow adds failed, of which the run itself says nothing."""
    failed = [task.name for task in run.tasks if task.state == "FAILED"]
    drivers = sorted(name for name in failed if name.endswith("-driver"))
    if run.state != "FAILED" or not drivers:
        return ""
    return (
        f"Kubeflow's own task {drivers[0]} failed, which prepares what runs; "
        "the log of its pod says why"
    )


def _tasks(plan: Plan, run: runs.ServerRun) -> list[TaskStatus]:
    """Return how the steps stand that Kubeflow has begun; those that it adds aren't steps."""
    by_name: dict[str, list[runs.ServerTask]] = {}
    for task in run.tasks:
        by_name.setdefault(task.name, []).append(task)
    names = {step.name: words.task_name(step.name) for step in plan.steps}
    return [_task(step, by_name[name]) for step, name in names.items() if name in by_name]


def _task(step: str, tasks: Sequence[runs.ServerTask]) -> TaskStatus:
    states = {_TASK_STATES.get(task.state, launcher.RUNNING) for task in tasks}
    reason = next((task.error for task in tasks if task.error), "")
    return TaskStatus(step, next(state for state in _WORST if state in states), reason=reason)
