"""A deployment goes one way through the rooms of atlas_deploy: no room is entered again.

Every call of a function of one module by another is recorded while a real deployment is made, over
a platform that is a store; the stack's update alone is made by the provider itself, without an
engine. Methods of values (what a `Deployment` or a `DeploymentDiff` says of itself) are no entries.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import atlas_deploy
from atlas_deploy import DeployOptions, deploy, deployments, preview
from atlas_deploy.desired.deployment import Deployment
from atlas_deploy.stacks.stack import Update
from tests import laid
from tests.integration.atlas_deploy.operations.test_folders import edit, project

__all__ = ["project"]

PACKAGE = Path(atlas_deploy.__file__).parent


class Trace:
    """The entries of modules: who called whom, function by function."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str]] = []
        self._generators: list[FrameType] = []

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        module = module_of(frame)
        name = frame.f_code.co_qualname
        if event != "call" or not module or "." in name or "<" in name:
            return
        if frame.f_code.co_flags & inspect.CO_GENERATOR:
            if any(frame is one for one in self._generators):
                return
            self._generators.append(frame)
        caller = frame.f_back
        while caller and not module_of(caller):
            caller = caller.f_back
        by = module_of(caller) if caller else "test"
        if by != module:
            self.entries.append((by, module, name))


def module_of(frame: FrameType) -> str:
    file = frame.f_code.co_filename
    return file.removeprefix(f"{PACKAGE}/") if file.startswith(str(PACKAGE)) else ""


def room_of(module: str) -> str:
    return module.partition("/")[0]


class Stack:
    """Updates a stack by the provider itself."""

    def __init__(self, deployment: Deployment, parts: Any) -> None:
        self.deployment, self.parts = deployment, parts

    def up(self, *, refresh: bool) -> Update:
        laid.write_state(self.deployment, self.parts)
        return Update({}, {})


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Trace:
    def open_stack(deployment: Deployment, parts: Any, say: Any, provider: int = 0) -> Stack:
        return Stack(deployment, parts)

    monkeypatch.setattr("atlas_deploy.apply.update.open_stack", open_stack)
    return Trace()


def traced(trace: Trace, work: Any) -> Any:
    sys.setprofile(trace)
    try:
        return work()
    finally:
        sys.setprofile(None)


READ = [
    ("platforms/services.py", "services_of"),
    ("desired/bundle.py", "compile_bundle"),
    ("live/snapshot.py", "read"),
    ("history/ownership.py", "require_names"),
]
MADE = [
    ("apply/update.py", "locked"),
    ("apply/prepare.py", "prepare"),
    ("history/ownership.py", "take"),
    ("history/fingerprints.py", "forget"),
    ("apply/update.py", "update"),
    ("history/records.py", "add"),
    ("history/fingerprints.py", "remember"),
]
"""What is made: `history` is written to, and nothing is read again."""
LOCK = ("apply/locks.py", "number_of")
"""Read before everything else: whoever had the lock since has changed what is read afterwards."""
BELOW = ("stacks",)
"""Rooms whose functions are tools of `live` and `apply`."""
TABLES = ("platforms/deployed_kinds.py",)
"""Modules that read and change nothing: what is looked up in them is constant."""


def way(trace: Trace) -> list[tuple[str, str]]:
    """The entries of rooms from other rooms, in order."""
    return [
        (module, name)
        for by, module, name in trace.entries
        if room_of(by) != room_of(module)
        and room_of(module) not in ("operations", *BELOW)
        and module not in TABLES
    ]


def test_a_deployment_enters_each_room_once(project: Path, trace: Trace):
    found = deployments(project / "one", "local")
    (result,) = traced(trace, lambda: deploy(found, print))
    assert (result.number, len(result.changed)) == (1, 1)
    assert way(trace) == [LOCK, *READ, *MADE]

    edit(project / "one/config.json", parameters={"test_fraction": 0.4})
    found, trace.entries = deployments(project / "one", "local"), []
    (result,) = traced(trace, lambda: deploy(found, print))
    assert (result.number, len(result.changed)) == (2, 1)
    assert way(trace) == [LOCK, *READ, *MADE]


def test_a_deployment_that_is_as_it_should_be_takes_no_name(project: Path, trace: Trace):
    deploy(deployments(project / "one", "local"), print)
    found = deployments(project / "one", "local")
    (result,) = traced(trace, lambda: deploy(found, print))
    assert (result.number, result.changed) == (0, [])
    kept = [entry for entry in MADE if entry[1] not in ("take", "forget")]
    assert way(trace) == [LOCK, *READ, *kept]


def test_a_preview_makes_nothing(project: Path, trace: Trace):
    found = deployments(project / "one", "local")
    (result,), _ = traced(trace, lambda: preview(found))
    assert [change.action for change in result.changes] == ["add"]
    last, runs = ("history/records.py", "last"), ("apply/runs.py", "under_way")
    shown, planned = ("apply/update.py", "result_of"), ("diff/plan_file.py", "planned_stacks")
    assert way(trace) == [*READ, last, runs, shown, planned]


def test_of_several_the_platform_is_read_once_for_all(project: Path, trace: Trace):
    laid.lay_down(deployments(project, "local"))
    edit(project / "one/config.json", parameters={"test_fraction": 0.4})
    found = deployments(project, "local")
    results = traced(trace, lambda: deploy(found, print))
    assert [len(one.changed) for one in results] == [1, 0, 0]
    several = [("history/fingerprints.py", "read"), ("desired/fingerprint.py", "fingerprints")]
    drifted = [("diff/deployment.py", "drifted")] * 2
    read = [READ[0], *several, *READ[1:3], *drifted, READ[3]]
    assert way(trace) == [*[LOCK] * 3, *read, *MADE]


def test_what_somebody_has_changed_meanwhile_is_read_again(project: Path, trace: Trace):
    found = deployments(project / "one", "local")
    numbers = iter((7, 8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("atlas_deploy.apply.locks.number_of", lambda _one: next(numbers))
        traced(trace, lambda: deploy(found, print))
    assert way(trace) == [*READ, MADE[0], *READ, *MADE[1:]]


def test_options_are_no_other_way(project: Path, trace: Trace):
    found = deployments(project / "one", "local")
    traced(trace, lambda: deploy(found, print, DeployOptions(wait=True)))
    assert way(trace) == [LOCK, *READ, *MADE]
