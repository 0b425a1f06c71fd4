"""What a step is given is its own: whatever it does to it, no other step and no Plan sees it."""

from __future__ import annotations

import pytest

from atlas.runner import RunSettings
from tests.projects import project

__all__ = ["project"]

SOURCE = """
class Keys(NamedTuple):
    keys: list[int]

class Said(NamedTuple):
    said: str

class Keep(Template):
    def run(self) -> Keys:
        return Keys([1, 2, 3])

class Change(Template):
    columns: list[str]
    names: tuple[str, ...]
    deep: dict[str, Any]
    options: dict[str, Any] = {}
    seen: list[int] = []
    def run(self, key: int, keys: list[int]) -> Said:
        self.columns.append(f"own{key}")
        self.deep["a"]["b"].append(key)
        self.options["depth"] = self.options.get("depth", 0) + 1
        self.seen.append(key)
        keys.append(99)
        return Said(f"{self.columns} {self.names} {self.deep} {self.options} {self.seen} {keys}")

class Join(Template):
    columns: list[str]
    def run(self, said: list[str]) -> Said:
        return Said("; ".join([*said, str(self.columns)]))
"""


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_no_step_sees_what_another_has_done_to_its_params_and_inputs(project, isolate):
    columns = {"columns": {"feature": "columns"}}
    own = {**columns, "names": ["x"], "deep": {"a": {"b": []}}}
    steps = {
        "keep": {"class": "steps:Keep"},
        "change": {
            "class": "steps:Change",
            "foreach": {"key": "keep.keys"},
            "inputs": {"keys": "keep.keys"},
            "params": own,
        },
        "join": {"class": "steps:Join", "inputs": {"said": "change.said"}, "params": columns},
    }
    project.pipeline("p", SOURCE, steps, config={"features": {"columns": ["a"]}})
    ran = project.run("p", RunSettings(isolate=isolate, jobs=2))
    assert ran.ok, ran.errors()
    assert ran.first.finished.status == "done"
    each = "['a', 'own{0}'] ('x',) {{'a': {{'b': [{0}]}}}} {{'depth': 1}} [{0}] [1, 2, 3, 99]"
    assert ran.value("join", "said").split("; ") == [*map(each.format, (1, 2, 3)), "['a']"]
    plan = ran.first.plan
    assert plan.from_text(plan.text).digest == plan.digest == ran.first.run.plan
    assert project.run("p", RunSettings(isolate=isolate)).cached() == {"keep", "change", "join"}
