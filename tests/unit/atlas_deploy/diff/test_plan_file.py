"""Plan files: private, read strictly, and refused when something has changed since."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from atlas.errors import DeployError
from atlas_deploy.diff.plan_file import PlanFile, PlannedStack, load, require_same, save

A, B = "a" * 64, "b" * 64
PLANNED = PlannedStack(
    number=3, platform=A, desired=A, plans={"dags/p-inference": A}, live={"dags/p-inference": A},
    state={"dags/p-inference": A},
)  # fmt: skip
SAVED = PlanFile("/shop", "prod", {"p.prod": PLANNED, "q.prod": PlannedStack(fingerprint=A)})


def test_a_plan_file_is_private_and_read_back(tmp_path):
    file = tmp_path / "plan.json"
    save(file, SAVED)
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert load(file) == SAVED


def test_a_plan_that_cant_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeployError, match="the plan can't be written"):
        save(tmp_path / "file" / "plan.json", SAVED)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"version": 2, "path": "/", "environment": "e", "stacks": {}}',
     '{"version": 1, "path": "/", "environment": "e", "stacks": {"p": {"odd": 1}}}'],
)  # fmt: skip
def test_what_is_no_plan_is_reported(tmp_path, text):
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(DeployError, match=r"D011: .*plan\.json: no plan can be read"):
        load(file)


def test_a_missing_plan_is_reported(tmp_path):
    with pytest.raises(DeployError, match=r"D011: .*no such file"):
        load(tmp_path / "absent.json")


def test_the_same_snapshot_is_accepted(tmp_path):
    file = tmp_path / "plan.json"
    save(file, SAVED)
    require_same(load(file).stacks, SAVED.stacks)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"number": 4}, "p.prod: history: deployment 4 is the last, was 3"),
        ({"platform": B}, "p.prod: platform: its outputs have changed"),
        ({"plans": {"dags/p-inference": B}}, "Plan of dags/p-inference: aaaaaaaaaaaa→bbbbbbbbbbbb"),
        ({"live": {}}, "live member dags/p-inference: aaaaaaaaaaaa→nothing"),
        ({"state": {"dags/x": A}}, "state of dags/x: nothing→aaaaaaaaaaaa"),
        ({"desired": B}, "what is to be deployed: its compiled files differ"),
        ({"fingerprint": A}, "p.prod: doesn't change any more"),
    ],
)
def test_anything_that_changed_is_refused(changes, line):
    now = {**SAVED.stacks, "p.prod": replace(PLANNED, **changes)}
    with pytest.raises(DeployError) as caught:
        require_same(SAVED.stacks, now)
    assert str(caught.value).startswith("D010: something has changed since this plan was saved")
    assert line in str(caught.value)
    assert "q.prod" not in str(caught.value)


def test_stacks_that_come_and_go_are_reported():
    with pytest.raises(DeployError, match=r"p\.prod: is gone\n  r\.prod: is new"):
        require_same(SAVED.stacks, {"q.prod": PlannedStack(fingerprint=A), "r.prod": PLANNED})
    with pytest.raises(DeployError, match=r"q\.prod: now changes"):
        require_same(SAVED.stacks, {**SAVED.stacks, "q.prod": PLANNED})


def test_of_many_differences_the_first_are_reported():
    many = {f"dags/p{number}": A for number in range(40)}
    with pytest.raises(DeployError, match=r"and 29 more differences$"):
        require_same({"p.prod": PLANNED}, {"p.prod": replace(PLANNED, live=many)})


def test_a_plan_holds_digests_only(tmp_path):
    save(tmp_path / "plan.json", SAVED)
    raw = json.loads((tmp_path / "plan.json").read_text())
    assert sorted(raw) == ["environment", "path", "release", "stacks", "version"]


def test_a_plan_of_an_older_atlas_is_read(tmp_path):
    save(tmp_path / "plan", SAVED)
    raw = json.loads((tmp_path / "plan").read_text())
    for stack in raw["stacks"].values():
        stack["basis"], stack["wanted"] = stack.pop("fingerprint"), stack.pop("desired")
    (tmp_path / "plan").write_text(json.dumps(raw))
    assert load(tmp_path / "plan") == SAVED
