"""A family is promoted as a whole, whatever trains its members and whenever they end."""

from __future__ import annotations

import json
import os

import pytest

from atlas.models import log
from atlas.models.champions import Champions
from atlas.plan import Plan
from atlas.step import Job, RunRequest, bind, execute
from atlas.step.finish import finish, finished_run
from atlas.step.finished import Finished
from atlas.store import Run, add_code
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.registry import LocalRegistry
from atlas_deploy.operations.promotions import waiting_in
from tests.integration.atlas_cli.test_promote import LOOSE, STRICT, atlas, versions, write
from tests.projects import Project, project

__all__ = ["project"]

GOOD = {"apac": 5.0, "emea": 9.5}
BOTH = {"apac": 9.5, "emea": 9.5}


def champions(project: Project, member: str) -> Champions:
    return Champions(project.store, LocalRegistry(project.store), f"m-{member}")


def actions(project: Project, member: str) -> list[str]:
    return [entry.action for entry in champions(project, member).log.entries()]


def test_a_member_that_fails_its_rule_keeps_all_members_where_they_are(project):
    write(project, STRICT, GOOD)
    ran = project.run("p")
    by_name = {run.plan.name: run.finished.promotion for run in ran.result.runs}
    assert not by_name["p-apac"].promoted
    assert not by_name["p-emea"].promoted
    assert by_name["p-emea"].reason.startswith(
        "a family is promoted as a whole, and m-apac doesn't"
    )
    assert not any(promotion.waits for promotion in by_name.values())
    assert versions(project) == ["", ""]


def test_members_that_pass_are_promoted_together(project):
    write(project, STRICT, BOTH)
    done = project.atlas("run", "p")
    assert done.stdout.count("is the champion: train.quality is 9.5") == 2
    assert versions(project) == ["local-1", "local-1"]
    for member in BOTH:
        assert actions(project, member) == [log.INTENDED, log.PROMOTED]
    first, second = (list(champions(project, member).log.entries()) for member in BOTH)
    assert first[0].family == second[0].family != ""


def test_a_member_waits_for_one_whose_training_failed_and_its_repeat_promotes_both(project):
    write(project, STRICT, BOTH)
    source = (project.root / "p" / "steps.py").read_text()
    line = "self.context.metric"
    broken = source.replace(line, f'assert self.region != "emea"\n        {line}')
    (project.root / "p" / "steps.py").write_text(broken)
    failed = project.atlas("run", "p")
    assert failed.returncode == 1
    assert (
        "version local-1 isn't yet the champion: a family is promoted as a whole" in failed.stdout
    )
    assert "1 of 2 members have no version of this training yet" in failed.stdout
    assert versions(project) == ["", ""]
    apac, emea = atlas(project, "champion")
    assert (apac["waits"], emea["waits"]) == ("local-1", "")
    (waiting,) = json.loads(project.atlas("runs", "--where", "decision=waits", "--json").stdout)
    assert waiting["pipeline"] == "p-apac"
    shown = project.atlas("champion", "p").stdout
    assert "m-apac: no version is the champion; version local-1 waits for its family" in shown
    plans = [pipeline.plans["training"] for pipeline in project.resolve("p")]
    registry = LocalRegistry(project.store)
    assert waiting_in(registry, project.store, plans) == {"m-apac": "local-1"}
    (project.root / "p" / "steps.py").write_text(source)
    mended = project.atlas("run", "p", "--config", "p-emea")
    assert mended.returncode == 0, mended.stderr
    assert "version local-1 is the champion" in mended.stdout
    assert versions(project) == ["local-1", "local-1"]
    assert json.loads(project.atlas("runs", "--where", "decision=waits", "--json").stdout) == []
    assert (
        len(json.loads(project.atlas("runs", "--where", "decision=promoted", "--json").stdout)) == 2
    )
    assert [fact["waits"] for fact in atlas(project, "champion")] == ["", ""]
    assert waiting_in(registry, project.store, plans) == {}


def test_a_waiting_member_is_promoted_by_hand(project):
    write(project, LOOSE, BOTH)
    assert project.atlas("run", "p", "--config", "p-emea").returncode == 0
    write(project, LOOSE, {"apac": 9.5, "emea": 3.0})
    pipelines = project.resolve("p")
    for plan in [pipeline.plans["training"] for pipeline in pipelines]:
        finished = by_schedule(project, plan, "2026-01-01") if plan.name == "p-apac" else None
        assert finished is None or finished.promotion.waits
    assert versions(project) == ["", "local-1"]
    promoted = project.atlas("promote", "p")
    assert promoted.returncode == 0, promoted.stderr
    assert versions(project) == ["local-1", "local-1"]
    assert [fact["waits"] for fact in atlas(project, "champion")] == ["", ""]


def by_schedule(project: Project, plan: Plan, day: str) -> Finished:
    """Run a member as an orchestrator's schedule does: bound by an interval, and finished there."""
    return finish(project.store, plan, stepped(project, plan, day))


def stepped(project: Project, plan: Plan, day: str) -> Run:
    """Run a member's steps for an interval."""
    store, folder = project.store, project.root / "p"
    store.add_plan(plan)
    add_code(store, folder, plan.code)
    request = RunRequest(id=day, interval_start=day, interval_end=f"{day}T12:00")
    run = bind(store, plan, request)
    for step in plan.steps:
        assert execute(Job(store=store, plan=plan, run=run, step=step, folder=folder)).ok
    return run


@pytest.fixture
def on_mlflow(project, mlflow_server, monkeypatch):
    monkeypatch.setenv("ATLAS_MLFLOW_URL", mlflow_server)
    return MlflowTracker(mlflow_server)


def test_scheduled_members_of_one_interval_move_together_in_mlflow(project, on_mlflow):
    write(project, LOOSE, BOTH, model={"name": "sched", "from": {"part": "train.model"}})
    apac, emea = (pipeline.plans["training"] for pipeline in project.resolve("p"))
    first = by_schedule(project, apac, "2026-01-01")
    assert first.promotion.waits
    assert on_mlflow.find("sched-apac", "champion") is None
    other = by_schedule(project, emea, "2026-01-02")
    assert other.promotion.waits, "of another interval"
    last = by_schedule(project, emea, "2026-01-01")
    assert last.promotion.promoted
    assert [on_mlflow.find(f"sched-{of}", "champion").version for of in BOTH] == ["1", "2"]
    recorded = finished_run(project.store, project.store.run("p-apac", "training-2026-01-01"))
    assert recorded.promotion.promoted
    local = LocalRegistry(project.store)
    assert [local.find(f"sched-{of}", "champion").version for of in BOTH] == ["1", "2"], "mirrored"


WRITES = range(0, 60, 4)


def is_killed(project: Project, plan: Plan, run: Run, writes: int) -> bool:
    """Finish a run in a process that dies instead of the next change of the store; tell if it has."""
    child = os.fork()
    if child == 0:
        location, left = type(project.store.location), [writes]

        def counted(whole):
            def call(self, *arguments):
                left[0] -= 1
                if left[0] < 0:
                    os._exit(1)
                return whole(self, *arguments)

            return call

        for name in ("write", "create", "remove"):
            setattr(location, name, counted(getattr(location, name)))
        finish(project.store, plan, run)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_kill_between_any_two_writes_converges(project):
    """The last member's end is cut short after each of its writes; its repeat promotes both."""
    killed = 0
    for number in WRITES:
        day = f"2026-02-{1 + number // 4:02}"
        write(project, LOOSE, {"apac": 5.0 + number, "emea": 6.0 + number})
        apac, emea = (pipeline.plans["training"] for pipeline in project.resolve("p"))
        assert by_schedule(project, apac, day).promotion.waits
        run = stepped(project, emea, day)
        killed += is_killed(project, emea, run, number)
        finished = finish(project.store, emea, run)
        assert finished.promotion.promoted, (number, finished)
        now = {of: champions(project, of).current().tags["atlas.run"] for of in BOTH}
        assert now == dict.fromkeys(BOTH, f"training-{day}"), number
        assert [champions(project, of).faults() for of in BOTH] == [[], []]
    assert killed > len(WRITES) / 3
