"""What Atlas previews is what the provider tells Pulumi: docs/decisions/0020.

Of random resources as they are, as Pulumi's state has them, and as they should be, the changes that
Atlas shows are held to what the provider's check and diff answer, which is what the engine executes
after it has refreshed a state that drifted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.environment import Environment, Project
from atlas.kinds.handler import Live
from atlas_deploy.desired.bundle import Part
from atlas_deploy.desired.deployment import Deployment
from atlas_deploy.diff.deployment import DeploymentDiff
from atlas_deploy.diff.members import ADD, CHANGE, REMOVE, SAME
from atlas_deploy.live.snapshot import Snapshot
from atlas_deploy.live.state import Resource, StackState
from atlas_deploy.platforms.services import Services
from atlas_provider.kinds import KINDS, PREFIX

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
MEMBERS = ("one-training", "two-training", "three-training")
ADDRESSES = {
    "AlertRules": {
        "store": "file:///s", "rules": "file:///r", "prometheus": "http://p",
        "secrets": "file:///x", "credentials": "prometheus",
    },
    "AirflowDags": {
        "store": "file:///s", "dags": "file:///d", "airflow": "http://a", "secrets": "file:///x",
        "credentials": "airflow",
    },
    "KubeflowPipelines": {"store": "file:///s"},
    "RegisteredModels": {"mlflow": "http://m"},
    "RetrainingMonitor": {
        "store": "file:///s", "dags": "file:///d", "airflow": "http://a", "secrets": "file:///x",
        "credentials": "airflow",
    },
    "StepImages": {"store": "file:///s", "registry": "http://r"},
}  # fmt: skip
OUTPUTS: Mapping[str, Mapping[str, Any]] = {
    "AirflowDags": {"held": []},
    "KubeflowPipelines": {"held": [], "versions": {}},
    "RetrainingMonitor": {"held": []},
}
IMAGE = f"shop/base@sha256:{A}"
VALUES = {
    "RegisteredModels": ("the model of one", "of two"),
    "StepImages": (IMAGE, IMAGE.replace(A, B)),
}
_PATH = re.compile(r'(members|plans|schedules|monitors)\["(.*)"\]')

Inputs = dict[str, Any]


@st.composite
def inputs(draw: st.DrawFn, kind: str, moved: bool) -> Inputs:
    """The inputs of a resource: some of the members, each of a few contents, Plans and times."""
    members = draw(st.dictionaries(st.sampled_from(MEMBERS), st.sampled_from((A, B))))
    if kind in VALUES:
        texts = st.sampled_from(VALUES[kind])
        members = {name: draw(texts) for name in members}
    made: Inputs = {"owner": "shop.local/x", "members": members, **ADDRESSES[kind]}
    if kind in ("AirflowDags", "KubeflowPipelines"):
        made["plans"] = {name: draw(st.sampled_from((B, C))) for name in members}
    if kind == "RetrainingMonitor":
        made["monitors"] = {name: draw(st.sampled_from((B, C))) for name in members}
    if kind == "KubeflowPipelines" and draw(st.booleans()):
        whens = st.sampled_from(("0 6 * * *", "0 7 * * *"))
        made["schedules"] = {name: draw(whens) for name in members if draw(st.booleans())}
    if moved and draw(st.booleans()) and "store" in made:
        made["store"] = "file:///elsewhere"
    return made


@st.composite
def edited(draw: st.DrawFn, kind: str, before: Inputs) -> Inputs:
    """Inputs that differ from others in one thing."""
    other = draw(inputs(kind, moved=True))
    if draw(st.booleans()):
        return {**before, "store": other.get("store", "")} if "store" in before else other
    if kind != "KubeflowPipelines":
        return other
    due = other.get("schedules", {})
    return {**before, "schedules": {n: due[n] for n in before["members"] if n in due}}


@st.composite
def deployment_diffs(draw: st.DrawFn) -> DeploymentDiff:
    """A deployment's diff: of each kind, what is there, what the state says, what should be."""
    parts, stated, live = [], [], {}
    for kind in sorted(ADDRESSES):
        name = f"resource-{kind}"
        there = draw(st.none() | inputs(kind, moved=False))
        if there is not None:
            state = {**there, **OUTPUTS.get(kind, {})}
            live[name] = Live(there, state)
            known = draw(st.just(there) | inputs(kind, moved=True))
            stated.append(Resource(f"{PREFIX}{kind}", name, "id", known, {**state, **known}))
        after = draw(st.none() | st.just(there) | inputs(kind, moved=True))
        if there is not None and draw(st.booleans()):
            after = draw(edited(kind, there))
        if after is not None:
            parts.append(Part(kind, name, after))
    project = Project(root=None, state=None)  # type: ignore[arg-type]
    services = Services("local", {"store": {"url": "file:///nowhere"}})
    snapshot = Snapshot(StackState(stated, {}, exists=True), stated, live)
    return DeploymentDiff(Deployment("shop", Environment(), project), services, parts, snapshot)


def provided(diff: DeploymentDiff) -> tuple[dict[tuple[str, str], str], bool]:
    """What the provider answers, member by member; and whether anything is to be done at all."""
    actions: dict[tuple[str, str], str] = {}
    is_empty = not diff.has_drifted
    before = {name: live.state for name, live in diff.snapshot.live.items()}
    after = {part.name: part for part in diff.parts}
    for name in {*before, *after}:
        old = before.get(name)
        new = after[name].inputs if name in after else None
        if old is None or new is None:
            is_empty = False
            word = REMOVE if new is None else ADD
            actions |= {(name, member): word for member in (old or new or {})["members"]}
            continue
        handler = KINDS[f"{PREFIX}{after[name].kind}"]
        assert handler.check(dict(new)) == []
        changes = handler.diff(dict(old), dict(new)).changes
        is_empty = is_empty and not changes
        actions |= {(name, member): SAME for member in {*old["members"], *new["members"]}}
        for path, change in changes.items():
            found = _PATH.fullmatch(path)
            # A mapping that one side hasn't got at all is one change; each of its entries counts.
            whole = (old.get(path) or new.get(path) or {}) if found is None else {}
            for member in [found[2]] if found else whole if isinstance(whole, dict) else []:
                _note(actions, (name, member), path, change)
    return actions, is_empty


def _note(actions: dict[tuple[str, str], str], key: tuple[str, str], path: str, how: str) -> None:
    """Take one change of the provider's for a member."""
    if path.startswith("members"):
        actions[key] = {"add": ADD, "delete": REMOVE}.get(how, CHANGE)
    elif actions.get(key) == SAME:
        actions[key] = CHANGE


@settings(max_examples=150, deadline=None)
@given(deployment_diffs())
def test_what_is_previewed_is_what_the_provider_says(diff: DeploymentDiff):
    actions, is_empty = provided(diff)
    assert {(one.kind, one.name): one.action for one in diff.changes} == actions
    assert diff.is_empty == is_empty


def test_the_strategy_reaches_every_action():
    seen = set()

    @settings(max_examples=60, deadline=None, database=None)
    @given(deployment_diffs())
    def look(diff: DeploymentDiff) -> None:
        seen.update(one.action for one in diff.changes)
        seen.add(diff.is_empty)

    look()
    assert seen >= {ADD, CHANGE, REMOVE, SAME, True, False}
