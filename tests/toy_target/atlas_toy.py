"""A target from outside of Atlas: an orchestrator that is a folder of job files and a process.

This is all that a package which adds a target has, besides its entry point::

    [project.entry-points."atlas.targets"]
    toy = "atlas_toy:TARGET"

A platform with a service ``toy`` has a folder of jobs. A job is a JSON file: which Plan, which
steps. `python -m atlas_toy JOB RUN …` runs one: each step as a process, in the Plan's order.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from atlas import files
from atlas.errors import PlatformError, Problem, TargetError
from atlas.kinds import content, ownership
from atlas.kinds.members import Owner, Plans, Store
from atlas.kinds.properties import properties
from atlas.kinds.protocol import Kind, State
from atlas.targets import NOWHERE, DeployedKind, Target, deployed_name, refuse
from atlas.targets.launcher import DONE, FAILED, RUNNING, LaunchedRun, RunStatus
from atlas.targets.operations import Operations
from atlas.uris import path_of

OWNED = "toy-jobs"


@dataclass(frozen=True)
class ToyCompiler:
    """Compiles a Plan to a job file."""

    uses_images = False

    def problems(self, plan):
        return [
            Problem(
                code="TOY01", path=f"steps.{step.name}.resources.gpu", message="a toy has no GPU"
            )
            for step in plan.steps
            if step.resources.gpu
        ]

    def compile(self, plan, images, origin=NOWHERE):
        refuse(self.problems(plan))
        job = {"plan": plan.digest, "steps": [step.name for step in plan.steps]}
        return {f"{deployed_name(plan)}.json": json.dumps(job, indent=1).encode()}


@properties
class ToyJobsInputs:
    """Job files in a folder."""

    owner: Owner
    members: Annotated[Mapping[str, str], "Digest of each job, by name."]
    plans: Plans
    store: Store
    jobs: Annotated[str, "URL of the folder of jobs."]


@properties
class ToyJobsOutputs:
    """Nothing but where the jobs are."""

    paths: Annotated[Mapping[str, str], "The file of each job, by name."]


class ToyJobsKind(Kind):
    """Handles the jobs of one Config and flow."""

    inputs, outputs = ToyJobsInputs, ToyJobsOutputs

    def create(self, inputs, context):
        return inputs.owner, self._write(inputs)

    def read(self, identity, state, context):
        found = {name: _job(state.inputs.jobs, name) for name in state.inputs.members}
        texts = {name: path.read_bytes() for name, path in found.items() if path.exists()}
        members = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
        plans = {name: json.loads(text)["plan"] for name, text in texts.items()}
        if not members and state.inputs.members:
            return None
        return State(replace(state.inputs, members=members, plans=plans), state.outputs)

    def update(self, identity, state, inputs, context):
        outputs = self._write(inputs)
        self._remove(
            inputs, {*ownership.owned(inputs.store, OWNED, inputs.owner)} - {*inputs.members}
        )
        return outputs

    def delete(self, identity, state, context):
        owned = ownership.owned(state.inputs.store, OWNED, state.inputs.owner)
        self._remove(state.inputs, {*owned, *state.inputs.members})

    def _write(self, inputs):
        texts = content.get_all(inputs.store, inputs.members)
        ownership.take(inputs.store, OWNED, texts, inputs.owner)
        for name, text in texts.items():
            files.write(_job(inputs.jobs, name), text.decode())
        return ToyJobsOutputs(paths={name: str(_job(inputs.jobs, name)) for name in texts})

    def _remove(self, inputs, names):
        for name in names:
            files.remove(_job(inputs.jobs, name))
        ownership.release(inputs.store, OWNED, names, inputs.owner)


class ToyOperations(Operations):
    """What is done with deployed jobs."""

    def addresses(self, services):
        return {"store": services.store, "jobs": services.url("toy")}

    def require_alive(self, services):
        if not path_of(services.url("toy")).is_dir():
            raise PlatformError(f"platform {services.platform}: its folder of jobs isn't there")

    def pages(self, inputs):
        return {name: f"{inputs['jobs']}/{name}.json" for name in inputs["members"]}

    def last_runs(self, inputs):
        found = {
            name: sorted(_runs(inputs["jobs"]).glob(f"{name}@*")) for name in inputs["members"]
        }
        return {
            name: (runs[-1].name.partition("@")[2], _state(runs[-1]))
            for name, runs in found.items()
            if runs
        }


@dataclass(frozen=True)
class ToyLauncher:
    """Runs jobs that are deployed."""

    jobs: str
    store: Any
    target = "toy"

    def prepare(self, plan):
        job = _job(self.jobs, deployed_name(plan))
        if not job.exists() or json.loads(job.read_bytes())["plan"] != plan.digest:
            raise TargetError(f"{deployed_name(plan)}: this Plan isn't deployed")
        return plan, ()

    def find(self, plan, run):
        folder = self._folder(plan, run)
        return LaunchedRun(str(folder), deployed_name(plan)) if folder.exists() else None

    def submit(self, plan, run):
        folder = self._folder(plan, run)
        folder.mkdir(parents=True)
        request = {"run": run.id, "trigger": "manual", "parameters": run.parameters}
        subprocess.Popen(
            [sys.executable, "-m", "atlas_toy", _job(self.jobs, deployed_name(plan)), folder],
            env={**os.environ, "ATLAS_STORE": self.store.url, "ATLAS_REQUEST": json.dumps(request)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return LaunchedRun(str(folder), deployed_name(plan), is_new=True)

    def status(self, launched):
        return RunStatus(_state(Path(launched.id)))

    def log(self, launched, step, index, *, is_over):
        return ""

    def cancel(self, launched):
        (Path(launched.id) / "state").write_text(FAILED)

    def _folder(self, plan, run):
        return _runs(self.jobs) / f"{deployed_name(plan)}@{run.id}"


def _job(jobs, name):
    return path_of(jobs) / f"{name}.json"


def _runs(jobs):
    return path_of(jobs) / "runs"


def _state(folder):
    file = folder / "state"
    return file.read_text() if file.exists() else RUNNING


def _launcher(site):
    return ToyLauncher(site.services["toy"]["url"], site.store)


TARGET = Target(
    name="toy",
    title="the toy",
    compiler=lambda site: ToyCompiler(),
    launcher=_launcher,
    deployed=DeployedKind(
        name="ToyJobs",
        noun="toy job",
        owned_as=OWNED,
        addresses=frozenset({"store", "jobs"}),
        handler=ToyJobsKind,
        operations=ToyOperations,
    ),
)


def main(job, folder):
    """Run a job to its end, as an orchestrator would."""
    known = json.loads(Path(job).read_bytes())
    command = [sys.executable, "-m", "atlas.step", "--plan", known["plan"]]
    codes = []
    with open(Path(folder) / "log", "wb") as log:
        for step in known["steps"]:
            if not any(codes):
                words = [*command, "--step", step, "--no-finish"]
                codes.append(subprocess.run(words, stdout=log, stderr=log).returncode)
        end = [*command, "--step", known["steps"][-1], "--finish", "--if-failed", "1"]
        codes.append(subprocess.run(end, stdout=log, stderr=log).returncode)
    (Path(folder) / "state").write_text(FAILED if any(codes) else DONE)


if __name__ == "__main__":
    main(*sys.argv[1:])
