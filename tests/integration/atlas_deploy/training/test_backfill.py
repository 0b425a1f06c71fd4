"""Back-fills: which intervals run under which ids, and what becomes of their output."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.errors import AtlasError
from atlas.registered import LOCAL_TARGET
from atlas.step.upstream import latest
from atlas.step.versions import AT_INTERVAL
from atlas.tracking.registry import CHAMPION, LocalRegistry
from atlas_deploy.training.backfill import COMPLETED, FAILED, NONE, Backfill, planned_runs
from atlas_deploy.training.request import RESUME, RUN, SKIP, PlannedRun, Request
from atlas_deploy.training.start import start
from tests.scoring import Project

BERLIN = {"inference": {"cron": "0 6 * * *", "timezone": "Europe/Berlin", "start": "2100-01-01"}}
NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
THREE = Backfill("2026-03-28", "2026-03-31")
IDS = ["inference-20260328T050000Z", "inference-20260329T040000Z", "inference-20260330T040000Z"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with a champion of weight 2, scheduled in Berlin."""
    columns = {"version": "model_version", "run": "run_id", "start": "since", "end": "until"}
    project = Project(tmp_path, schedule=BERLIN, predictions=columns)
    project.train(2.0)
    return project


def planned(project: Project, backfill: Backfill = THREE, now: datetime = NOW) -> list[PlannedRun]:
    pipeline = project.pipeline()
    return planned_runs(project.store, [(pipeline, pipeline.plans["inference"])], backfill, now)


def actions(runs: list[PlannedRun]) -> list[tuple[str, str]]:
    return [(run.run, run.action) for run in runs]


def filled(project: Project, backfill: Backfill = THREE) -> Any:
    """Run a back-fill on this machine."""
    pipeline = project.pipeline()
    runs = [run for run in planned(project, backfill) if run.action != SKIP]
    request = Request(
        target=LOCAL_TARGET,
        chosen=[(pipeline, pipeline.plans["inference"])],
        planned=runs,
    )
    return start(request, lambda _: None, lambda _: None).result


def parts(project: Project) -> list[pd.DataFrame]:
    files = sorted((project.folder / ".atlas/store").rglob("part.parquet"))
    return [pd.read_parquet(file) for file in files]


def test_each_interval_has_the_id_that_the_schedule_gives_it(project: Project) -> None:
    runs = planned(project)
    assert actions(runs) == [(run, RUN) for run in IDS]
    assert runs[1].interval == ("2026-03-29T04:00:00+00:00", "2026-03-30T04:00:00+00:00")
    assert runs[0].interval == ("2026-03-28T05:00:00+00:00", "2026-03-29T04:00:00+00:00")


def test_a_range_can_begin_so_long_ago(project: Project) -> None:
    runs = planned(project, Backfill("2d"))
    assert [run.interval[0] for run in runs] == [
        "2026-04-14T04:00:00+00:00", "2026-04-15T04:00:00+00:00"
    ]  # fmt: skip
    assert [run.action for run in runs] == [RUN, SKIP], "the last isn't over"
    (first,) = planned(project, Backfill("2d", "1d"))
    assert first == runs[0], "its end likewise"


def test_each_interval_writes_its_own_part_and_is_no_newest_result(project: Project) -> None:
    result = filled(project)
    assert result.ok
    assert [run.run.trigger for run in result.runs] == ["backfill"] * 3
    frames = parts(project)
    assert [set(frame["run_id"]) for frame in frames] == [{run} for run in IDS]
    assert [set(frame["since"]) for frame in frames] == [
        {pd.Timestamp(run.interval[0])} for run in planned(project)
    ]
    assert latest(project.store, "prices", "score") == ""
    project.run(run="now")
    assert latest(project.store, "prices", "score") == "prices/inference-now"


def test_what_is_done_stays_and_is_replaced_where_that_is_asked_for(project: Project) -> None:
    filled(project)
    assert actions(planned(project)) == [(run, SKIP) for run in IDS]
    second = project.train(5.0)
    LocalRegistry(project.store).set_alias("prices", CHAMPION, second)
    again = Backfill(THREE.first, THREE.end, COMPLETED)
    assert actions(planned(project, again)) == [(f"{run}-2", RUN) for run in IDS]
    assert filled(project, again).ok
    frames = parts(project)
    assert len(frames) == 3, "each interval replaces its own output"
    assert {version for frame in frames for version in frame["model_version"]} == {second}
    assert [set(frame["run_id"]) for frame in frames] == [{f"{run}-2"} for run in IDS]
    assert actions(planned(project)) == [(f"{run}-2", SKIP) for run in IDS]


def test_one_that_was_killed_is_gone_on_with_under_the_same_id(project: Project) -> None:
    filled(project)
    folder = project.folder / ".atlas/store/prices" / IDS[1]
    (folder / "outcome.json").unlink()
    (folder / "save" / "outcome.json").unlink()
    for reprocess in (NONE, FAILED):
        runs = planned(project, Backfill(THREE.first, THREE.end, reprocess))
        assert actions(runs) == [(IDS[0], SKIP), (IDS[1], RESUME), (IDS[2], SKIP)]
    result = filled(project)
    assert result.ok
    assert [run.run.id for run in result.runs] == [IDS[1]]
    assert actions(planned(project)) == [(run, SKIP) for run in IDS]


def test_one_that_failed_keeps_no_other_from_running_and_is_tried_again(project: Project) -> None:
    steps = (project.folder / "steps.py").read_text()
    broken = steps.replace(
        '        price = rows["size"] * model["weight"]\n',
        '        if self.context.interval_start.startswith("2026-03-29"):\n'
        '            raise ValueError("no rates on that day")\n'
        '        price = rows["size"] * model["weight"]\n',
    )
    (project.folder / "steps.py").write_text(broken)
    result = filled(project)
    assert [run.ok for run in result.runs] == [True, False, True]
    assert not result.ok
    runs = planned(project)
    assert actions(runs) == [(run, SKIP) for run in IDS]
    assert runs[1].reason == "has failed"
    (project.folder / "steps.py").write_text(steps)
    failed = Backfill(THREE.first, THREE.end, FAILED)
    assert actions(planned(project, failed))[1] == (f"{IDS[1]}-2", RUN)
    assert filled(project, failed).ok
    assert len(parts(project)) == 3


def test_all_intervals_are_scored_with_one_version(project: Project) -> None:
    assert {run.version for run in planned(project)} == {"local-1"}
    project.train(5.0)
    chosen = Backfill(THREE.first, THREE.end, version="local-2")
    result = filled(project, chosen)
    assert {run.run.model.version for run in result.runs} == {"local-2"}


def test_a_version_that_is_not_there_is_refused_before_anything_runs(project: Project) -> None:
    with pytest.raises(AtlasError, match="M001: model prices: there is no version '9'"):
        planned(project, Backfill(THREE.first, THREE.end, version="9"))


def test_the_champion_of_each_intervals_end_is_taken_from_the_log(project: Project) -> None:
    result = filled(project, Backfill(THREE.first, THREE.end, version=AT_INTERVAL))
    assert [run.error.partition(":")[0] for run in result.runs] == ["M007"] * 3
    assert not parts(project)


def test_an_interval_that_is_not_over_is_left(project: Project) -> None:
    runs = planned(project, THREE, datetime(2026, 3, 29, 12, tzinfo=UTC))
    assert actions(runs) == [(IDS[0], RUN), (IDS[1], SKIP), (IDS[2], SKIP)]
    assert runs[1].reason == "isn't over yet"


@pytest.mark.parametrize(
    ("backfill", "message"),
    [
        (Backfill("2026-03-28", "2026-03-28"), "B002: the range 2026-03-27T23:00:00.* is empty"),
        (Backfill("2026-03-28T07:00", "2026-03-28T08:00"), "B002: no interval of the schedule"),
        (Backfill("1950-01-01", "2026-01-01"), "B002: the range has 27,759 intervals"),
        (Backfill("soon"), "--from: 'soon' isn't a date or time"),
    ],
)
def test_a_range_that_is_none(project: Project, backfill: Backfill, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        planned(project, backfill)


def test_a_pipeline_without_a_schedule(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with pytest.raises(AtlasError, match="B001: prices: inference has no schedule"):
        planned(project)
