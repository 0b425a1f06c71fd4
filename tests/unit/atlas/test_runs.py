"""What has run: summaries and their index, filters, the best, tags and notes, comparisons."""

from __future__ import annotations

import os
import time
from xml.etree import ElementTree

import pytest

from atlas.errors import AtlasError, StoreError
from atlas.runner import RunSettings
from atlas.runs.annotations import annotate, parse_tags
from atlas.runs.best import best, direction_of
from atlas.runs.comparison import compare_runs
from atlas.runs.comparison_page import comparison_page
from atlas.runs.filters import filtered
from atlas.runs.history import history
from atlas.runs.index import RunIndex
from atlas.runs.summary import RunSummary, mlflow_page
from atlas.step.binding import remember_page, remember_target

SOURCE = """
class Number(NamedTuple):
    number: float

class Make(Template):
    start: float = 1.0
    mode: str = "a"
    def run(self) -> Number:
        self.context.metric("error", self.start)
        self.context.metric("hit", 1 - self.start)
        return Number(self.start)
"""
STEPS = {
    "make": {
        "class": "steps:Make",
        "params": {"start": {"parameter": "start"}, "mode": "fast"},
    }
}
PARAMETERS = {"start": {"type": "number", "default": 1.0}}
RULE = {"metric": "make.error", "direction": "lower", "at_most": 0.9}


@pytest.fixture
def runs(project):
    """Three runs of one pipeline: of 0.5, 0.25 and 0.75."""
    project.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    return [
        project.run(settings=RunSettings(parameters={"start": start})).id
        for start in (0.5, 0.25, 0.75)
    ]


def summary(run="r", **fields):
    usual = {"pipeline": "p", "flow": "training", "plan": "0", "status": "done"}
    return RunSummary(**{
        "run": run, **usual, "started": "2026-01-01T00:00:00+00:00", "seconds": 1.0,
        "trigger": "manual", **fields,
    })  # fmt: skip


def age(project):
    """Let all runs be older than what the index still reads again."""
    before = time.time_ns() - 10_000_000_000
    for folder in (project.state / "store" / "p").rglob("*"):
        os.utime(folder, ns=(before, before))


def test_a_summary_has_what_was_run_by_whom_and_what_came_out(project, runs):
    latest, *_ = history(project.store).runs
    assert latest.run == runs[-1]
    assert (latest.status, latest.flow, latest.target) == ("done", "training", "local")
    assert latest.params == {"start": "0.75", "make.mode": "fast"}
    assert latest.metrics == {"make.error": 0.75, "make.hit": 0.25}
    user, _, host = latest.user.partition("@")
    assert user
    assert host


def test_the_index_gives_the_same_and_reads_nothing_again(project, runs, monkeypatch):
    age(project)
    first = history(project.store).runs
    reads = []
    monkeypatch.setattr("atlas.runs.index.read_summary", lambda *given: reads.append(given))
    assert history(project.store).runs == first
    assert reads == []


def test_a_run_that_changes_is_read_again(project, runs):
    age(project)
    history(project.store)
    annotate(project.store, "p", runs[0], {"owner": "ann"})
    assert history(project.store).find(runs[0]).tags == {"owner": "ann"}
    assert history(project.store).find(runs[1]).tags == {}


def test_a_failed_run_that_is_resumed_is_read_again(project, runs):
    outcome = f"p/{runs[0]}/outcome.json"
    text = project.store.location.read(outcome).replace(b'"done"', b'"failed"')
    project.store.location.write(outcome, text)
    age(project)
    assert history(project.store).find(runs[0]).status == "failed"
    step = f"p/{runs[0]}/make/outcome.json"
    text = project.store.location.read(step).replace(b'"error":0.5', b'"error":0.125')
    project.store.location.write(step, text)
    assert history(project.store).find(runs[0]).metrics["make.error"] == 0.125


@pytest.mark.parametrize("damage", ["", "0\n{}", "no index"])
def test_an_index_that_is_damaged_or_lost_is_made_again(project, runs, damage):
    age(project)
    first = history(project.store).runs
    index = project.state / "store" / ".atlas-index" / "p.json"
    whole = index.read_bytes()
    index.write_text(damage) if damage else index.unlink()
    assert history(project.store).runs == first
    assert index.read_bytes() == whole
    index.write_bytes(whole.replace(b"0.25", b"0.99"))
    assert history(project.store).runs == first


def test_a_run_that_is_removed_leaves_the_index(project, runs):
    age(project)
    history(project.store)
    project.store.location.remove(f"p/{runs[0]}")
    assert [run.run for run in history(project.store).runs] == [runs[2], runs[1]]
    assert runs[0].encode() not in project.store.location.read(".atlas-index/p.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": 1}', b'{"parameters": 3}'])
def test_a_damaged_record_is_reported_and_hides_no_other_run(project, runs, content):
    project.store.location.write(f"p/{runs[0]}/run.json", content)
    past = history(project.store)
    assert [run.run for run in past.runs] == [runs[2], runs[1]]
    (text,) = past.damaged
    assert f"p/{runs[0]}" in text
    with pytest.raises(AtlasError, match=f"p/{runs[0]}"):
        past.find(runs[0])


def test_what_a_run_is_called(project, runs):
    past = history(project.store)
    assert past.find(f"p/{runs[0]}") == past.find(runs[0])
    with pytest.raises(AtlasError, match=r"no run 'training-no' of p"):
        past.find("training-no")
    with pytest.raises(AtlasError, match=f"did you mean '{runs[0]}'"):
        past.find(runs[0][:-1] + "~")
    past.runs.append(summary(runs[0], pipeline="q"))
    with pytest.raises(AtlasError, match=f"several pipelines .* p/{runs[0]}, q/{runs[0]}"):
        past.find(runs[0])


def test_runs_elsewhere_have_their_target_and_page(project, runs):
    run = project.store.run("p", runs[0])
    remember_target(project.store, run, "kubeflow")
    remember_page(project.store, run, "http://host/#/runs/details/1")
    found = history(project.store).find(runs[0])
    assert (found.target, found.page) == ("kubeflow", "http://host/#/runs/details/1")
    past = history(project.store).runs
    assert filtered(past, ["target=kubeflow"]) == [found]


# Filters ---------------------------------------------------------------------------------------

MANY = [
    summary("a", params={"rate": "0.1"}, metrics={"e.x": 0.5}, tags={"owner": "ann"}),
    summary("b", params={"rate": "0.05"}, metrics={"e.x": 10.0}, status="failed"),
    summary("c", params={"kind": "big"}, started="2026-02-01T00:00:00+00:00", target="airflow"),
]


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ([], "abc"),
        (["status=done"], "ac"),
        (["status!=done"], "b"),
        (["e.x>=0.5"], "ab"),
        (["metric.e.x > 2"], "b"),
        (["rate<0.1"], "b"),
        (["rate=0.10"], "a"),
        (["param.kind=big"], "c"),
        (["tag.owner=ann"], "a"),
        (["tag.team=x"], ""),
        (["started>=2026-01-15"], "c"),
        (["started<2026-02-01T01:00:00+01:00"], "ab"),
        (["target=airflow"], "c"),
        (["seconds<=1"], "abc"),
        (["status=done", "e.x<1"], "a"),
    ],
)
def test_filters(conditions, names):
    assert "".join(run.run for run in filtered(MANY, conditions)) == names


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("status", "'status' isn't a condition; expected NAME, one of"),
        ("=done", "isn't a condition"),
        ("e.y=1", r"no run has a metric, param or field 'e.y' \(did you mean 'e.x'\?\)"),
        ("e.x>high", "--where e.x: found 'high', expected a number"),
        ("e.x>nan", "expected a number"),
        ("started>soon", "--where started: 'soon' isn't a date or time"),
    ],
)
def test_conditions_that_are_none(condition, text):
    with pytest.raises(AtlasError, match=text):
        filtered(MANY, [condition])


# The best --------------------------------------------------------------------------------------


def test_the_best_comes_first_and_what_has_no_number_is_left_out():
    runs = [
        summary("a", metrics={"e.x": 0.5}),
        summary("b", metrics={"e.x": 0.25}),
        summary("nan", metrics={"e.x": float("nan")}),
        summary("none"),
        summary("failed", metrics={"e.x": 0.0}, status="failed"),
    ]
    ranked, warnings = best(runs, "e.x", "lower")
    assert [run.run for run in ranked] == ["b", "a"]
    assert warnings == [
        "left out: runs without the metric 'e.x': 1",
        "left out: runs whose 'e.x' is not a finite number: 1",
    ]
    assert best(runs, "e.x", "higher")[0][0].run == "a"
    with pytest.raises(AtlasError, match=r"has the metric 'e.z' \(did you mean 'e.x'\?\)"):
        best(runs, "e.z", "lower")
    with pytest.raises(AtlasError, match="not a finite number in any of the 1 runs"):
        best(runs[2:], "e.x", "lower")


def test_the_direction_is_the_rule_s_or_has_to_be_given(project, runs):
    past = history(project.store).runs
    with pytest.raises(AtlasError, match=r"no promotion rule of these runs states .* --direction"):
        direction_of(project.store, past, "make.error")
    model = {"name": "p", "from": {"number": "make.number"}}
    config = {"model": model, "promotion": RULE}
    project.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS, config=config)
    project.run()
    past = history(project.store).runs
    assert direction_of(project.store, past, "make.error") == "lower"
    with pytest.raises(AtlasError, match=r"'make.hit' are better"):
        direction_of(project.store, past, "make.hit")


# Tags and notes --------------------------------------------------------------------------------


def test_tags_and_notes_are_added_and_nothing_is_changed(project, runs):
    before = project.store.location.read(f"p/{runs[0]}/run.json")
    annotate(project.store, "p", runs[0], {"owner": "ann", "team": "x"}, "first")
    annotate(project.store, "p", runs[0], {"owner": "bob", "team": ""}, "second")
    found = history(project.store).find(runs[0])
    assert found.tags == {"owner": "bob"}
    assert [note["note"] for note in found.notes] == ["first", "second"]
    assert all("@" in note["by"] for note in found.notes)
    assert project.store.location.read(f"p/{runs[0]}/run.json") == before
    names = project.store.location.names(f"p/{runs[0]}")
    assert [name for name in names if "annotation" in name] == [
        "annotation-000001.json",
        "annotation-000002.json",
    ]


def test_two_that_annotate_at_once_lose_nothing(project, runs, monkeypatch):
    monkeypatch.setattr("atlas.runs.annotations._numbers", lambda *_: iter(()))
    annotate(project.store, "p", runs[0], {"a": "1"})
    annotate(project.store, "p", runs[0], {"b": "2"})
    monkeypatch.undo()
    assert history(project.store).find(runs[0]).tags == {"a": "1", "b": "2"}


@pytest.mark.parametrize("tags", [{"a b": "1"}, {"": "1"}, {"a": "1\n2"}, {"a": "x" * 501}])
def test_tags_that_are_none(project, runs, tags):
    with pytest.raises(AtlasError, match="--tag: "):
        annotate(project.store, "p", runs[0], tags)
    assert history(project.store).find(runs[0]).tags == {}


def test_annotations_that_are_none(project, runs):
    with pytest.raises(AtlasError, match="found 'owner', expected KEY=VALUE"):
        parse_tags(["owner"])
    with pytest.raises(AtlasError, match="has 4001 characters"):
        annotate(project.store, "p", runs[0], {}, "x" * 4001)
    with pytest.raises(StoreError, match="there is no such run"):
        annotate(project.store, "p", "training-none", {"a": "1"})
    project.store.location.write(f"p/{runs[0]}/annotation-000001.json", b'{"tags": 3}')
    past = history(project.store)
    assert "annotation-000001.json: isn't an annotation of a run" in past.damaged[0]
    assert len(past.runs) == 2


# Two runs --------------------------------------------------------------------------------------


def test_what_differs_between_two_runs(project, runs):
    project.pipeline("p", SOURCE + "\n# changed\n", STEPS, parameters=PARAMETERS)
    last = project.run(settings=RunSettings(parameters={"start": 0.75})).id
    past = history(project.store)
    comparison = compare_runs(project.store, past.find(runs[0]), past.find(last))
    differing = {(fact.section, fact.name): fact for fact in comparison.facts if fact.differs}
    assert differing["params", "start"].second == "0.75"
    assert differing["metrics", "make.error"].difference == 0.25
    assert ("code", "file steps.py") in differing
    assert ("artifacts", "make.number") in differing
    assert ("params", "make.mode") not in differing
    same = compare_runs(project.store, past.find(runs[0]), past.find(runs[0]))
    assert not any(fact.differs for fact in same.facts)


def test_the_page_has_every_fact_and_loads_nothing(project, runs):
    annotate(project.store, "p", runs[0], {"owner": "<b>"}, "<script>alert(1)</script>")
    past = history(project.store)
    comparison = compare_runs(project.store, past.find(runs[0]), past.find(runs[1]))
    page = comparison_page(comparison)
    assert "<script" not in page
    assert "<b>" not in page
    assert "src=" not in page
    start = page.index('<svg xmlns="http')
    plot = ElementTree.fromstring(page[start : page.index("</svg>", start) + 6])
    bars = [bar for bar in plot if bar.tag.endswith("rect")]
    widths = [float(bar.get("width")) for bar in bars]
    assert widths == [550.0, 275.0, 366.7, 550.0]  # of 0.5 and 0.25, of 0.5 and 0.75
    for run in runs[:2]:
        assert run in page


def test_pages_are_linked_only_where_they_are_web_pages():
    run = summary(tracked="abc", page="javascript:alert(1)", target="airflow")
    assert mlflow_page("http://host/", run) == "http://host/#/runs/abc"
    assert mlflow_page("", run) == ""
    from atlas.runs.comparison import RunComparison

    page = comparison_page(RunComparison(run, run, ()), "http://host")
    assert "http://host/#/runs/abc" in page
    assert "javascript" not in page


def test_plots_of_odd_numbers():
    from atlas.runs.comparison import RunComparison, RunFact

    numbers = ((-1.0, 2.0), (0.0, 0.0), (None, 1.0), (float("nan"), float("inf")))
    facts = tuple(RunFact("metrics", f"m{n}", *pair) for n, pair in enumerate(numbers))
    page = comparison_page(RunComparison(summary("a"), summary("b"), facts))
    start = page.index('<svg xmlns="http')
    plot = ElementTree.fromstring(page[start : page.index("</svg>", start) + 6])
    widths = [float(bar.get("width")) for bar in plot if bar.tag.endswith("rect")]
    assert widths == [183.3, 366.7, 0.0, 0.0, 550.0]


def test_an_index_of_nothing(project):
    assert RunIndex(project.store, "none").summaries() == []
    with pytest.raises(AtlasError, match="no run 'x' here: nothing has run"):
        history(project.store).find("x")
