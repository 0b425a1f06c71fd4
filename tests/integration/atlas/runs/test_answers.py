"""What is asked of runs: the table of their metrics."""

from __future__ import annotations

import pytest

from atlas.errors import AtlasError
from atlas.runner import RunSettings
from atlas.runner.settings import THREADS
from atlas.runs.answers import RunQuery, answer
from tests.projects import Project, project

__all__ = ["project"]

SOURCE = """
class Value(NamedTuple):
    value: float

class Fit(Template):
    rate: float
    def run(self) -> Value:
        self.context.metric("error", self.rate)
        if self.rate > 1:
            self.context.metric("excess", self.rate - 1)
        return Value(self.rate)
"""
STEPS = {"fit": {"class": "steps:Fit", "params": {"rate": {"parameter": "rate"}}}}
PARAMETERS = {"rate": {"type": "number", "default": 0.5}}


def test_metrics_are_columns_and_best_sorts_by_one(project: Project) -> None:
    project.pipeline("p", SOURCE, STEPS, parameters=PARAMETERS)
    for rate in (0.5, 1.5, 0.25):
        ran = project.run("p", RunSettings(isolate=THREADS, parameters={"rate": rate}))
        assert ran.ok, ran.errors()
    found = answer(project.store, project.root / "p", RunQuery(metrics=True))
    assert found.headers == ("run", "pipeline", "status", "fit.error", "fit.excess")
    assert [row[2:] for row in found.rows] == [
        ("done", "0.25", "-"),
        ("done", "1.5", "0.5"),
        ("done", "0.5", "-"),
    ]
    assert [run.metrics["fit.error"] for run in found.data] == [0.25, 1.5, 0.5]
    query = RunQuery(metrics=True, best="fit.error", direction="higher", limit=2)
    ranked = answer(project.store, project.root / "p", query)
    assert [row[3] for row in ranked.rows] == ["1.5", "0.5"]
    by_excess = RunQuery(metrics=True, best="fit.excess", direction="lower")
    assert answer(project.store, project.root / "p", by_excess).headers[3:] == (
        "fit.excess",
        "fit.error",
    )


@pytest.mark.parametrize("other", [{"run": "a"}, {"compare": ("a", "b")}], ids=["run", "compare"])
def test_metrics_goes_with_a_list_alone(other: dict[str, object]) -> None:
    with pytest.raises(AtlasError, match="--metrics doesn't go with --"):
        RunQuery(metrics=True, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_rehearsal_has_its_end(project: Project, status: str) -> None:
    body = "raise ValueError(self.rate)" if status == "failed" else "return Value(self.rate)"
    source = SOURCE.replace("return Value(self.rate)", body)
    project.pipeline("p", source, STEPS, parameters=PARAMETERS)
    project.run("p", RunSettings(isolate=THREADS, rehearsal=True))
    found = answer(project.store, project.root / "p", RunQuery(metrics=True))
    assert [row[2] for row in found.rows] == [status]
