"""When an earlier result is taken, and when not; and that it says why."""

from __future__ import annotations

import pytest

from atlas.runner import RunSettings
from atlas.store import open_store

SOURCE = """
class Number(NamedTuple):
    number: int

class Make(Template):
    start: int = 1
    def run(self) -> Number:
        self.context.metric("made", self.start)
        return Number(self.start)

class Double(Template):
    def run(self, number: int) -> Number:
        return Number(2 * number)

class Read(Template):
    def run(self, source: Any) -> Number:
        return Number(len(source.read()))

class Write(Template):
    def run(self, number: int, target: Any) -> Number:
        target.write({"number": number})
        return Number(number)

class Tell(Template):
    def run(self, number: int) -> None:
        pass
"""
STEPS = {
    "make": {"class": "steps:Make", "params": {"start": {"parameter": "start"}}},
    "double": {"class": "steps:Double", "inputs": {"number": "make.number"}},
}
PARAMETERS = {"start": {"type": "integer", "default": 1}}


def chain(project, source: str = SOURCE, steps=None, **more):
    project.pipeline("p", source, steps or STEPS, parameters=PARAMETERS, **more)


def reasons(ran) -> dict[str, str]:
    return {unit.step: one.reason for unit, one in ran.first.outcomes.items()}


def test_nothing_changed(project):
    chain(project)
    first = project.run()
    again = project.run()
    assert again.cached() == {"make", "double"}
    assert again.value("double", "number") == 2
    assert again.outcome("make").metrics == {"made": 1.0}
    assert reasons(first)["make"] == "it hasn't run before"
    assert reasons(again)["make"] == f"p/{first.id}"


def test_a_param_changed(project):
    chain(project)
    project.run()
    again = project.run(settings=RunSettings(parameters={"start": 2}))
    assert again.cached() == set()
    assert reasons(again) == {"make": "params.start changed", "double": "inputs.number changed"}
    assert again.value("double", "number") == 4


def test_a_result_that_comes_out_the_same_stops_the_change(project):
    chain(project)
    project.run()
    chain(project, SOURCE.replace("Number(self.start)", "Number(abs(self.start))"))
    again = project.run()
    assert reasons(again)["make"] == "code changed"
    moved = SOURCE.replace("class Double", "class Other(Template): pass\n\nclass Double")
    chain(project, moved)
    assert project.run().cached() == set()


def test_code_of_another_module_doesn_t_matter(project):
    steps = {**STEPS, "double": {**STEPS["double"], "class": "more:Double"}}
    chain(project, steps=steps)
    more = "from atlas import Template\nfrom steps import Number\n"
    body = "class Double(Template):\n    def run(self, number: int) -> Number:\n        return Number(2 * number)\n"
    project.write("p/more.py", more + body)
    project.run()
    project.write("p/more.py", more + "# changed\n" + body)
    assert project.run().cached() == {"make"}


def test_the_cache_is_off(project):
    steps = {**STEPS, "make": {**STEPS["make"], "cache": False}}
    chain(project, steps=steps)
    project.run()
    again = project.run()
    assert again.cached() == {"double"}
    assert reasons(again)["make"] == "its cache is off"
    assert project.run(settings=RunSettings(use_cache=False)).cached() == set()


def test_a_version_of_one_s_own(project):
    chain(project)
    project.run()
    chain(project, steps={**STEPS, "make": {**STEPS["make"], "cache": "v2"}})
    assert reasons(project.run())["make"] == "step changed"


@pytest.mark.parametrize("version", ["1", None])
def test_data_without_a_version_is_read_each_time(project, version):
    project.write(".atlas/store/data/x.json", "[1, 2]")
    where = {"uri": "store:data/x.json", **({"version": version} if version else {})}
    project.environment(data={"x": where})
    steps = {"read": {"class": "steps:Read", "inputs": {"source": "data.x"}}}
    chain(project, steps=steps, config={"data": {"x": {"type": "file"}}})
    project.run()
    again = project.run()
    assert again.cached() == ({"read"} if version else set())
    assert again.value("read", "number") == 2
    if not version:
        assert reasons(again)["read"] == "data.x has no version"


def test_what_writes_data_or_gives_nothing_isn_t_kept(project):
    project.environment(data={"x": {"uri": "store:data/x.json", "version": "1"}})
    steps = {
        **STEPS,
        "write": {
            "class": "steps:Write",
            "inputs": {"number": "double.number", "target": "data.x"},
        },
        "tell": {"class": "steps:Tell", "inputs": {"number": "double.number"}},
    }
    chain(project, steps=steps, config={"data": {"x": {"type": "file"}}})
    project.run()
    again = project.run()
    assert again.cached() == {"make", "double"}
    assert reasons(again)["tell"] == "it has no output to keep"
    assert project.store.location.read("data/x.json") == b'{"number": 2}'


def test_a_result_that_is_gone_is_made_again(project):
    chain(project)
    first = project.run()
    manifest = project.store.manifest("p", first.id, "make", "number")
    project.store.location.remove(manifest.data)
    again = project.run()
    assert again.cached() == {"double"}
    assert reasons(again)["make"] == "its earlier result is gone"


def test_a_broken_entry_is_no_entry(project):
    chain(project)
    project.run()
    place = open_store(project.url).location
    for entry in list(place.entries("cache")):
        place.write(entry.key, b"{")
    assert project.run().cached() == set()


def test_an_interval_is_part_of_the_key(project):
    chain(project)
    one = RunSettings(interval_start="2026-01-01", interval_end="2026-01-02")
    two = RunSettings(interval_start="2026-01-02", interval_end="2026-01-03")
    project.run(settings=one)
    assert project.run(settings=one).cached() == {"make", "double"}
    assert project.run(settings=two).cached() == set()
