"""Kubeflow without a cluster: the compiled package through `kfp.local`, over Docker or Podman."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.containers import need_engine, stop_container
from atlas.dataclass import dataclass
from atlas.errors import CommandError, TargetError
from atlas.step import contained
from atlas.step.secrets import secret
from atlas.targets import launcher as states
from atlas.targets.kubeflow import words
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from atlas.targets.kubeflow.folder import RunFolder
from atlas.targets.launcher import LaunchedRun, RunStatus, TaskStatus
from atlas.targets.protocol import (
    NOWHERE,
    deployed_name,
    refuse,
    secret_names,
    secret_variable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.containers import ContainerEngine
    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.targets.protocol import Origin

    Images = Callable[[Plan], Mapping[str, str]]

_LABEL = "atlas.run"
_GRACE_SECONDS = "10"


@dataclass(frozen=True, slots=True)
class LocalKubeflow:
    """Runs compiled pipelines by `kfp.local`, each in a process of its own.

    Attributes:
        state: the state folder.
        project: the project's folder.
        store: the artifact store, which containers see at the same path.
        images: returns what the engine calls a Plan's images; builds those that aren't there.
        origin_of: returns what a Plan is of.
    """

    state: Path
    project: Path
    store: Store
    images: Images
    origin_of: Callable[[Plan], Origin] = lambda _: NOWHERE

    @property
    def target(self) -> str:
        """The target's name, as Environments write it."""
        return "kubeflow"

    def prepare(self, plan: Plan) -> tuple[Plan, Sequence[Problem]]:
        """Refuse what kfp.local can't do, and a machine that hasn't got what it takes.

        Raises:
            InvalidError: it can't do this Plan.
            PlatformError: I202, there is no container engine.
            DeployError: an image can't be built.
            TargetError: T309, kfp or Docker's client isn't installed.
        """
        problems = KubeflowCompiler(local=True).problems(plan)
        refuse(problems)
        missing = [name for name in ("kfp", "docker") if find_spec(name) is None]
        if missing:
            raise TargetError(
                f"kfp.local takes the packages kfp and docker, and {' and '.join(missing)} "
                "isn't installed; `pip install 'atlas-ml[kubeflow]'` installs them",
                code="T309",
            )
        need_engine(self.state)
        self.images(plan)
        return plan, problems

    def find(self, plan: Plan, run: Run) -> LaunchedRun | None:
        """Return the run if a process was ever started for it."""
        folder = self._folder(run.pipeline, run.id)
        return _launched(plan, run, folder) if folder.is_started else None

    def submit(self, plan: Plan, run: Run) -> LaunchedRun:
        """Compile the Plan and start kfp.local's process.

        Raises:
            StepError: a secret that a step needs isn't there.
        """
        images = self.images(plan)
        target = KubeflowCompiler(local=True)
        (package,) = target.compile(plan, images, self.origin_of(plan)).values()
        engine = need_engine(self.state)
        secrets = _secrets(plan)
        job = self._job(plan, run, engine, images)
        job["variables"] |= {name: name for name in secrets}
        folder = self._folder(run.pipeline, run.id)
        is_new = folder.start(job, package, {**_own_environment(), **secrets})
        return _launched(plan, run, folder, is_new=is_new)

    def status(self, launched: LaunchedRun) -> RunStatus:
        """Return how the run stands: which task runs, and whether the process is there."""
        folder = RunFolder(Path(launched.url).parent)
        plan = self.store.plan(self._run(launched).plan)
        steps = {words.task_name(step.name): step.name for step in plan.steps}
        step = steps.get(folder.task(), "")
        if folder.is_alive:
            return RunStatus(states.RUNNING, [TaskStatus(step, states.RUNNING)] if step else [])
        ended = folder.ended
        if ended is None:
            self._sweep(launched)
            return RunStatus(states.FAILED, (), "kfp.local's process was killed")
        if "cancelled" in ended:
            return RunStatus(states.CANCELLED, (), "the run was cancelled")
        if "error" in ended:
            failed = [TaskStatus(step, states.FAILED, reason=ended["error"])] if step else []
            return RunStatus(states.FAILED, failed, ended["error"])
        return RunStatus(states.DONE)

    def log(self, launched: LaunchedRun, step: str, index: int | None, *, is_over: bool) -> str:
        """Return nothing: kfp.local keeps no log of a task by itself."""
        return ""

    def cancel(self, launched: LaunchedRun) -> None:
        """End kfp.local, then the container that it has started, which may still record that."""
        RunFolder(Path(launched.url).parent).stop()
        self._sweep(launched)

    def _folder(self, pipeline: str, run: str) -> RunFolder:
        return RunFolder(self.state / "kfp.local" / pipeline / run)

    def _run(self, launched: LaunchedRun) -> Run:
        pipeline, _, run = launched.id.partition("/")
        return self.store.run(pipeline, run)

    def _job(
        self, plan: Plan, run: Run, engine: ContainerEngine, images: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return what the process reads; its secrets are in its environment."""
        folders = [*contained.folders(self.store, plan, plan.steps, self.project)]
        folders += [Path(file) for file in _secret_files(plan)]
        return {
            "state": str(self.state),
            "engine": engine.name,
            "images": sorted({images[step.image] for step in plan.steps}),
            "arguments": _arguments(run),
            "variables": {name: name for name in contained.variables()},
            "folders": sorted({str(folder) for folder in folders}),
            "files": sorted({str(file) for file in contained.credentials()}),
            "container": {
                "user": contained.user(),
                "labels": {_LABEL: f"{run.pipeline}/{run.id}"},
                **_network(),
                **_podmans_own(engine),
            },
        }

    def _sweep(self, launched: LaunchedRun) -> None:
        """Stop the containers that a run has left."""
        engine = need_engine(self.state)
        with suppress(CommandError):
            label = f"label={_LABEL}={launched.id}"
            for name in engine.call(
                "ps", "--all", "--quiet", "--filter", label, timeout=60
            ).split():
                with suppress(CommandError):
                    engine.call("stop", "--time", _GRACE_SECONDS, name, timeout=60)
                stop_container(engine, name)


def _launched(plan: Plan, run: Run, folder: RunFolder, *, is_new: bool = False) -> LaunchedRun:
    return LaunchedRun(f"{run.pipeline}/{run.id}", deployed_name(plan), str(folder.log), is_new)


def _arguments(run: Run) -> dict[str, Any]:
    """Return the pipeline's arguments: the Run's parameters and facts."""
    facts = {
        words.RUN: run.id,
        words.INTERVAL_START: run.interval_start,
        words.INTERVAL_END: run.interval_end,
    }
    return {**run.parameters, **facts}


def _secrets(plan: Plan) -> dict[str, str]:
    """Return the values of the secrets that steps need, by the variable that hands them on."""
    return {
        secret_variable(name): secret(plan, step.name, name)
        for step in plan.steps
        for name in secret_names(plan, step)
    }


def _secret_files(plan: Plan) -> list[str]:
    return [place["file"] for place in plan.secrets.values() if "file" in place]


def _own_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


def _network() -> dict[str, str]:
    """Return the network that containers are in: on Linux this machine's, to reach the platform."""
    network = contained.network()
    return {"network_mode": network} if platform.system() == "Linux" or network != "host" else {}


def _podmans_own(engine: ContainerEngine) -> dict[str, Any]:
    """Return what podman takes to let a container write as the caller."""
    if engine.name != "podman":
        return {}
    own = {} if os.geteuid() == 0 else {"userns_mode": "keep-id"}
    return {"security_opt": ["label=disable"], **own}
