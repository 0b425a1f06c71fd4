"""References are made at training, batches are measured beside them, and what breaks them is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas.monitor.batches import batch_profile, batches, refused_batches
from atlas.monitor.references import FEATURES, PREDICTIONS, load_reference
from atlas.step.finish import finish
from atlas.store import open_store
from atlas.tracking.registry import CHAMPION, REFERENCE, LocalRegistry
from tests import profiled
from tests.profiled import customers
from tests.projects import Project, project

__all__ = ["project"]

DAY, NEXT = "2026-01-31", "2026-02-01"


def day(seed=5, rows=200, first=DAY):
    return customers(rows, seed, first, 1)


@pytest.fixture
def trained(project: Project) -> Project:
    profiled.write(project)
    profiled.train(project)
    return project


def champion(project):
    return LocalRegistry(project.store).find("shop", CHAMPION)


def reference(project):
    return load_reference(project.store, champion(project).reference)


def test_training_leaves_a_reference_with_all_that_it_learnt(trained):
    found = reference(trained)
    assert found.schema(FEATURES) == {"age": "number", "region": "category", "visits": "number"}
    assert found.schema(PREDICTIONS) == {"probability": "number"}
    features = found.tables[FEATURES]
    assert (features.source, features.rows, features.time) == ("load.rows", 6000, "seen")
    assert features.block_seconds == 86_400.0
    assert features.tolerances.blocks == 30
    assert found.tables[PREDICTIONS].source == "judge.scored"
    assert sum(found.calibration.rows) == 6000
    assert found.tables[PREDICTIONS].score == "probability"


def test_a_run_has_its_models_reference_and_a_batch_is_measured_beside_it(trained):
    ran = profiled.score(trained, DAY, day())
    assert ran.ok, ran.errors()
    known = reference(trained)
    assert ran.first.run.model.reference == known.sha256
    assert trained.store.run(ran.first.run.pipeline, ran.id).model.reference == known.sha256
    (record,) = batches(trained.store, "shop")
    assert (record.run, record.rows, record.version) == (ran.id, 200, "local-1")
    assert record.reference == known.sha256
    assert record.digest == ran.first.run.model.digest
    assert record.batch == "20260131T000000Z-20260201T000000Z"
    assert record.breaches == ()
    for table in (FEATURES, PREDICTIONS):
        counts = batch_profile(trained.store, record, table, known).features
        assert {feature.rows for feature in counts.values()} == {200}


def test_equal_rows_give_equal_bytes_in_another_store_and_at_another_time(
    trained, tmp_path, monkeypatch
):
    other = Project(tmp_path / "other")
    profiled.write(other)
    profiled.train(other, use_cache=False)
    assert champion(other).reference == champion(trained).reference
    records = []
    for one in (trained, other):
        profiled.score(one, DAY, day())
        records += batches(one.store, "shop")
    assert records[0].profiles == records[1].profiles


def test_the_same_training_again_makes_no_other_version_and_other_rows_do(trained):
    first = champion(trained)
    ran = profiled.train(trained)
    assert ran.cached() == {"train", "judge"}  # The data have no version, and the same bytes.
    assert champion(trained).version == first.version
    profiled.give(trained, customers(6000, 2))
    ran = profiled.train(trained)
    assert champion(trained).version == "local-2"
    assert champion(trained).reference != first.reference


def test_a_version_that_an_earlier_atlas_registered_is_registered_again(trained):
    """So a training mends that a champion has no reference, though it makes the same parts."""
    key = "models/shop/versions/local-1.json"
    raw = trained.store.location.read(key)
    digest = champion(trained).reference
    trained.store.location.write(key, raw.replace(f'"{REFERENCE}":"{digest}",'.encode(), b""))
    assert champion(trained).reference == ""
    ran = profiled.score(trained, DAY, day())
    assert ran.ok
    (record,) = batches(trained.store, "shop")
    assert (record.reference, record.profiles, record.rows) == ("", {}, 200)
    profiled.give(trained, customers(6000, 1))
    profiled.train(trained)
    assert champion(trained).version == "local-2"
    assert champion(trained).reference == digest
    profiled.score(trained, DAY, day())
    (record,) = batches(trained.store, "shop")
    assert (record.reference, len(record.profiles)) == (digest, 2)


def test_quality_that_nothing_was_learnt_for_is_said(project):
    profiled.write(project, statistics={"features": {"from": "load.rows", "columns": ["age"]}})
    profiled.train(project)
    key = "models/shop/versions/local-1.json"
    digest = champion(project).reference
    raw = project.store.location.read(key)
    project.store.location.write(key, raw.replace(f'"{REFERENCE}":"{digest}",'.encode(), b""))
    profiled.write(project, quality={"on_breach": "fail"})
    ran = profiled.score(project, DAY, day())
    assert ran.ok
    expected = "quality: nothing is checked: model shop, version local-1: was registered without"
    assert any(note.startswith(expected) for note in ran.outcome("load").notes)


def test_a_back_fill_takes_the_place_of_what_was_scored_before(trained):
    first = profiled.score(trained, DAY, day())
    profiled.score(trained, NEXT, day(first=NEXT))
    again = profiled.score(trained, DAY, day(seed=9, rows=150), trigger="backfill")
    records = batches(trained.store, "shop")
    assert [(r.run, r.rows) for r in records] == [(again.id, 150), (records[1].run, 200)]
    assert first.id != again.id


def test_a_shadow_run_and_steps_by_themselves_record_nothing(trained):
    from atlas.runner import Selection

    profiled.score(trained, DAY, day(), trigger="shadow")
    profiled.score(trained, DAY, day(), selection=Selection(only=("load",)))
    assert batches(trained.store, "shop") == []


def test_the_end_of_a_run_is_recorded_twice_as_once(trained):
    ran = profiled.score(trained, DAY, day())
    (before,) = batches(trained.store, "shop")
    finish(trained.store, ran.first.plan, ran.first.run)
    assert batches(trained.store, "shop") == [before]


def test_a_result_of_the_cache_brings_its_profile_unless_that_is_gone(trained):
    environment = {"customers": {"uri": f"project:{profiled.FILE}", "version": "1"}}
    trained.environment(data=environment)
    first = profiled.score(trained, DAY, day(), run="a")
    second = profiled.score(trained, DAY, run="b")
    assert second.cached() == {"load", "score"}
    assert second.outcome("load").statistics == first.outcome("load").statistics
    (record,) = batches(trained.store, "shop")
    assert record.run == second.id
    name = first.outcome("load").statistics["profiles"]["features"]["profile"]
    trained.store.location.remove(f"profiles/counts/{name}.profile")
    third = profiled.score(trained, DAY, run="c")
    assert "load" not in third.cached()
    assert batch_profile(
        trained.store, batches(trained.store, "shop")[0], FEATURES, reference(trained)
    )


def broken(name):
    rows = day()
    return {
        "gone": rows.drop(columns="visits"),
        "renamed": rows.rename(columns={"region": "regions"}),
        "another type": rows.assign(age=[f"{a:.0f} years" for a in rows.age]),
        "mixed types": rows.assign(age=["old", *rows.age[1:]]),
        "all missing": rows.assign(age=float("nan")),
        "constant": rows.assign(age=40.5),
        "unseen category": rows.assign(region=["mars", *rows.region[1:]]),
        "empty": rows.head(0),
    }[name]


CHECKS = {
    "gone": [(FEATURES, "columns", "visits")],
    "renamed": [(FEATURES, "columns", "region")],
    "another type": [(FEATURES, "types", "age"), (PREDICTIONS, "constant", "probability")],
    "mixed types": [(FEATURES, "types", "age"), (PREDICTIONS, "constant", "probability")],
    "all missing": [(FEATURES, "missing", "age"), (PREDICTIONS, "missing", "probability")],
    "constant": [(FEATURES, "constant", "age"), (PREDICTIONS, "constant", "probability")],
    "unseen category": [(FEATURES, "categories", "region")],
    "empty": [(FEATURES, "rows", ""), (PREDICTIONS, "rows", "")],
}


@pytest.mark.parametrize("case", CHECKS)
def test_a_broken_batch_is_scored_with_a_warning(trained, case):
    ran = profiled.score(trained, DAY, broken(case))
    assert ran.ok, ran.errors()
    (record,) = batches(trained.store, "shop")
    assert [(b.table, b.check, b.column) for b in record.breaches] == CHECKS[case]
    warnings = ran.first.finished.warnings
    assert [*map(str, record.breaches)] == [w for w in warnings if w.startswith(("feat", "pred"))]


@pytest.mark.parametrize("case", CHECKS)
def test_a_broken_batch_fails_its_step_before_anything_is_written(project, case):
    profiled.write(project, quality={"on_breach": "fail"})
    profiled.train(project)
    good = profiled.score(project, DAY, day())
    assert good.ok, good.errors()
    ran = profiled.score(project, NEXT, broken(case))
    assert not ran.ok
    error = ran.errors()["load"]
    _, check, column = CHECKS[case][0]
    assert error.startswith("the batch breaks what the training data promise: features: ")
    assert column in error
    assert 'say "on_breach": "warn"' in error
    run = ran.first.run
    assert not project.store.location.exists(f"{run.pipeline}/{run.id}/load/rows")
    (refused,) = refused_batches(project.store, "shop")
    assert (refused.run, refused.breaches[0].check) == (run.id, check)
    assert [record.run for record in batches(project.store, "shop")] == [good.id]
    mended = profiled.score(project, NEXT, day(first=NEXT))
    assert mended.ok, mended.errors()
    assert refused_batches(project.store, "shop") == []
    assert [record.run for record in batches(project.store, "shop")] == [good.id, mended.id]


def test_predictions_that_break_their_promise_are_not_written_either(project):
    profiled.write(project, quality={"on_breach": "fail", "columns": {"age": {"checks": []}}})
    profiled.train(project)
    ran = profiled.score(project, DAY, broken("constant"))
    assert [*ran.errors()] == ["score"]
    run = ran.first.run
    assert project.store.location.exists(f"{run.pipeline}/{run.id}/load/rows")
    assert not project.store.location.exists(f"{run.pipeline}/{run.id}/score/scores")


def test_a_reference_that_was_altered_or_is_gone_fails_no_batch(trained):
    digest = champion(trained).reference
    trained.store.location.write(f"profiles/references/{digest}.json", b"{}")
    ran = profiled.score(trained, DAY, day())
    assert ran.ok, ran.errors()
    assert any("the batch can't be compared" in note for note in ran.outcome("load").notes)
    trained.store.location.remove("profiles/references")
    assert profiled.score(trained, DAY).ok
    assert batches(trained.store, "shop") == []


def test_a_reference_of_another_store_is_taken_along(trained, tmp_path):
    from atlas.step.profiling import reference_of

    ran = profiled.score(trained, DAY, day())
    own = open_store((tmp_path / "own").as_uri())
    plan = replace(ran.first.plan, stores=(trained.store.url,))
    found = reference_of(own, plan, ran.first.run)
    assert found.sha256 == champion(trained).reference
    assert load_reference(own, found.sha256).tables == found.tables


EACH = """
from pandas import DataFrame, read_csv
from atlas import Data, Source, Trainer

class Keys(NamedTuple):
    keys: list[str]

class List(Template):
    def run(self, source: Data) -> Keys:
        return Keys(sorted(source.read()["region"].unique()))

class Rows(NamedTuple):
    rows: DataFrame

class Load(Template):
    def run(self, key: str, source: Data) -> Rows:
        rows = source.read()
        return Rows(rows[rows["region"] == key].drop(columns="visits" if key == "gone" else []))

class Made(NamedTuple):
    model: dict[str, float]

class Train(Template):
    def run(self, rows: list[DataFrame]) -> Made:
        return Made({"n": float(len(rows))})

class Score(Template):
    def run(self, model: dict[str, float], rows: list[DataFrame]) -> None: ...
"""
BY_KEY = {
    "list": {"class": "steps:List", "inputs": {"source": "data.customers"}},
    "load": {
        "class": "steps:Load", "foreach": {"key": "list.keys"},
        "inputs": {"source": "data.customers"},
    },
}  # fmt: skip


@pytest.fixture
def keyed(project):
    training = {**BY_KEY, "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}}}
    score = {"class": "steps:Score", "inputs": {"model": "model.part", "rows": "load.rows"}}
    statistics = {"features": profiled.STATISTICS["features"]}
    config = {**profiled.CONFIG, "statistics": statistics}
    project.pipeline("shop", EACH, training, {**BY_KEY, "score": score}, config)
    project.environment(data={"customers": {"uri": f"project:{profiled.FILE}"}})
    profiled.give(project, customers(6000, 1))
    profiled.train(project)
    return project


def test_tables_of_all_keys_are_counted_together(keyed):
    found = reference(keyed)
    features = found.features.features
    assert found.tables[FEATURES].rows == features["age"].rows == 6000
    assert dict(
        zip(features["region"].cells, features["region"].counts.tolist(), strict=False)
    ) == (customers(6000, 1).region.value_counts().to_dict())
    rows = day()
    ran = profiled.score(keyed, DAY, rows)
    assert ran.ok, ran.errors()
    assert "features" not in ran.outcome("load", 0).statistics
    (record,) = batches(keyed.store, "shop")
    counts = batch_profile(keyed.store, record, FEATURES, found).features
    assert (record.rows, counts["age"].rows, record.breaches) == (200, 200, ())
    assert dict(zip(counts["region"].cells, counts["region"].counts.tolist(), strict=False)) == (
        rows.region.value_counts().to_dict()
    )


def test_all_keys_are_checked_together(keyed):
    ran = profiled.score(keyed, DAY, broken("unseen category"))
    (record,) = batches(keyed.store, "shop")
    assert [(b.check, b.column) for b in record.breaches] == [("categories", "region")]
    assert str(record.breaches[0]) in ran.first.finished.warnings


def test_keys_with_different_columns_fail_no_run(keyed):
    ran = profiled.score(keyed, DAY, day().assign(region=["gone", *day().region[1:]]))
    assert ran.ok, ran.errors()
    assert batches(keyed.store, "shop") == []
    assert any(
        "the batch isn't recorded: profiles of different columns" in w
        for w in ran.first.finished.warnings
    )


def test_a_training_of_which_nothing_was_learnt_says_so(project):
    profiled.write(project, statistics={"features": {"from": "train.model", "columns": ["age"]}})
    ran = profiled.train(project)
    assert champion(project).reference == ""
    assert any("nothing could be learnt of train.model" in w for w in ran.first.finished.warnings)
