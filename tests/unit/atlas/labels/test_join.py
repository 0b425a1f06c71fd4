"""A `LabelJoin`: what is joined, counted, replaced and measured."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from atlas import Batch, Context, LabelJoin
from atlas.errors import AtlasError

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)


def batch(number, rows, *, again=0, **more):
    """Return the predictions of one day; a repeat is started later."""
    start = START + number * DAY
    return Batch(
        pd.DataFrame(rows), run=f"inference-{number}-{again}", pipeline="shop",
        interval_start=start.isoformat(), interval_end=(start + DAY).isoformat(),
        created=(start + DAY + timedelta(hours=again)).isoformat(), **{"model": "m", "version": "1", **more},
    )  # fmt: skip


class Step:
    """A step whose metrics and warnings are kept."""

    def __init__(self, caplog=None, cls=LabelJoin, **params):
        self.metrics = {}
        context = Context(
            metric=self.metrics.__setitem__, interval_end=params.pop("end", "2026-03-05T00:00:00+00:00"),
            logger=logging.getLogger("atlas.labels.tests"),
        )  # fmt: skip
        given = {"key": ["id"], "prediction": "p", "label": "y", **params}
        self.step = cls(context=context, **given)

    def run(self, batches, labels, earlier=()):
        return self.step.run(list(batches), pd.DataFrame(labels), list(earlier))


def test_labels_find_their_predictions_and_are_measured():
    step = Step(metrics=["accuracy"], slices=["region"])
    one = batch(0, {"id": [1, 2], "p": [0, 1], "region": ["a", "b"]})
    two = batch(1, {"id": [3, 4], "p": [0, 1], "region": ["a", "b"]})
    out = step.run([one, two], {"id": [1, 2, 3, 9], "y": [0, 0, 0, 1]})
    assert out.rows[["id", "p", "y"]].to_numpy().tolist() == [[1, 0, 0], [2, 1, 0], [3, 0, 0]]
    assert out.counts == {
        "labels": 4, "labels_new": 4, "labels_unknown": 1, "predictions": 4,
        "predictions_labelled": 3, "predictions_unlabelled": 1,
    }  # fmt: skip
    first, second = out.batch_metrics
    assert (first["run"], first["labels"], first["predictions"]) == ("inference-0-0", 2, 2)
    assert first["metrics"] == {"accuracy": 0.5}
    assert first["sums"] == {"accuracy": {"n": 2, "sum": 1.0, "sum_squares": 1.0}}
    assert {name: part["metrics"] for name, part in first["slices"].items()} == {
        "region=a": {"accuracy": 1.0}, "region=b": {"accuracy": 0.0},
    }  # fmt: skip
    assert first["first_label"] == first["last_label"] == "2026-03-05T00:00:00+00:00"
    # The run's own metrics are those of the newest batch that has labels.
    assert second["metrics"] == {"accuracy": 1.0}
    assert step.metrics["accuracy"] == 1.0
    assert step.metrics["accuracy[region=a]"] == 1.0
    assert step.metrics["batch_coverage"] == 0.5
    assert step.metrics["coverage"] == 0.75


def test_a_changed_label_replaces_the_earlier_one_and_the_batch_is_measured_again(caplog):
    one = batch(0, {"id": [1, 2], "p": [1, 1]})
    first = Step(metrics=["accuracy"], end="2026-03-03T00:00:00+00:00").run(
        [one], {"id": [1, 2], "y": [1, 1]}
    )
    assert first.batch_metrics[0]["metrics"] == {"accuracy": 1.0}
    before = Batch(first.labels, run="labels-1", created="2026-03-03T00:00:00+00:00")
    step = Step(metrics=["accuracy"])
    with caplog.at_level(logging.WARNING):
        second = step.run([one], {"id": [2, 1], "y": [0, 1]}, [before])
    record = second.batch_metrics[0]
    assert record["metrics"] == {"accuracy": 0.5}
    assert (record["first_label"], record["last_label"]) == (
        "2026-03-03T00:00:00+00:00", "2026-03-05T00:00:00+00:00",
    )  # fmt: skip
    assert second.counts["labels_changed"] == 1
    assert second.counts["labels_repeated"] == 1
    # Only what is new goes on to later runs.
    assert second.labels[["id", "y"]].to_numpy().tolist() == [[2, 0]]
    assert "labels that have changed, and replace the earlier ones: 1" in caplog.text
    # Who knows both deliveries finds the later one's label.
    later = Batch(second.labels, run="labels-2", created="2026-03-05T00:00:00+00:00")
    third = Step(metrics=["accuracy"], end="2026-03-06T00:00:00+00:00")
    assert third.run([one], {"id": [], "y": []}, [before, later]).batch_metrics[0]["metrics"] == {
        "accuracy": 0.5
    }


def test_a_label_before_its_prediction_is_found_later():
    early = Step().run([], {"id": [7], "y": [1]})
    assert early.counts["labels_unknown"] == 1
    before = Batch(early.labels, run="labels-1")
    out = Step(metrics=["accuracy"]).run(
        [batch(1, {"id": [7], "p": [1]})], {"id": [], "y": []}, [before]
    )
    assert out.batch_metrics[0]["metrics"] == {"accuracy": 1.0}


@pytest.mark.parametrize(("duplicates", "expected"), [("last", 0), ("first", 1)])
def test_duplicates_of_one_delivery(duplicates, expected):
    out = Step(duplicates=duplicates).run(
        [batch(0, {"id": [1, 2], "p": [1, 1]})], {"id": [1, 2, 1, 2], "y": [1, 1, 0, 1]}
    )
    assert out.rows["y"].tolist() == [expected, 1]
    assert (out.counts["labels_duplicate"], out.counts["labels_conflicting"]) == (2, 1)
    assert len(out.rows) == 2


def test_duplicates_that_differ_are_refused_where_the_recipe_says_so():
    batches = [batch(0, {"id": [1], "p": [1]})]
    same = Step(duplicates="error").run(batches, {"id": [1, 1], "y": [1, 1]})
    assert same.counts["labels_duplicate"] == 1
    with pytest.raises(
        AtlasError, match=r"labels: 1 labels of one delivery differ .* such as id=1"
    ):
        Step(duplicates="error").run(batches, {"id": [1, 1], "y": [1, 0]})


def test_a_row_that_was_predicted_twice_counts_once():
    """Two runs of other intervals have predicted it: the one that began last counts."""
    times = ["2026-03-01T10:00Z", "2026-03-01T11:00Z"]
    first = batch(0, {"id": [1, 1], "at": times, "p": [0, 0]}, version="1")
    again = batch(1, {"id": [1, 1], "at": times[::-1], "p": [1, 1]}, version="2")
    for order in ([first, again], [again, first]):
        step = Step(metrics=["accuracy"], time="at", label_time="at")
        out = step.run(order, {"id": [1, 1], "at": times, "y": [1, 1]})
        assert out.counts["predictions_repeated"] == 2
        assert step.metrics["accuracy"] == 1.0
        assert out.rows["p"].tolist() == [1, 1]
        assert [record["labels"] for record in out.batch_metrics if record["run"] == first.run] == [
            0
        ]


def test_several_versions_in_one_batch_are_measured_apart():
    rows = {"id": [1, 2, 3, 4], "p": [1, 1, 0, 0], "model_version": ["3", "3", "3", "4"]}
    step = Step(metrics=["accuracy"])
    out = step.run([batch(0, rows, version="3")], {"id": [1, 2, 4], "y": [1, 0, 0]})
    versions = out.batch_metrics[0]["versions"]
    assert {version: (part["predictions"], part["labels"]) for version, part in versions.items()} == {
        "3": (3, 2), "4": (1, 1),
    }  # fmt: skip
    assert versions["3"]["metrics"] == {"accuracy": 0.5}
    assert step.metrics["accuracy[model_version=4]"] == 1.0
    alone = Step(metrics=["accuracy"])
    alone.run([batch(0, {"id": [1], "p": [1]})], {"id": [1], "y": [1]})
    assert "accuracy[model_version=1]" not in alone.metrics


def test_batches_are_known_by_the_start_of_their_interval():
    """The same thing is predicted every day, and labels name the day."""
    days = [batch(number, {"id": [1], "p": [number]}) for number in range(3)]
    labels = {"id": [1, 1], "day": ["2026-03-02", "2026-03-03"], "y": [1, 5]}
    out = Step(metrics=["mae"], label_time="day").run(days, labels)
    assert [record["metrics"] for record in out.batch_metrics] == [{}, {"mae": 0.0}, {"mae": 3.0}]


def test_a_days_offset_is_noticed(caplog):
    """Labels that name local days, read as UTC: each is hours off, and the log says how many."""
    zone = "America/New_York"
    midnights = pd.date_range("2026-05-01", periods=10, tz=zone)
    predicted = {"id": range(10), "at": midnights, "p": [1] * 10}
    labels = {"id": range(10), "day": [f"{day:%Y-%m-%d}" for day in midnights], "y": [1] * 10}
    with caplog.at_level(logging.WARNING):
        wrong = Step(time="at", label_time="day").run([batch(0, predicted)], labels)
    assert len(wrong.rows) == 0
    assert wrong.counts["labels_unmatched"] == 10
    assert "predictions with a label whose time is exactly 4:00:00 earlier: 10" in caplog.text
    right = Step(time="at", label_time="day", timezone=zone).run([batch(0, predicted)], labels)
    assert len(right.rows) == 10


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_the_night_the_clocks_change_neither_drops_nor_doubles_a_row(zone):
    """Every quarter of an hour of a year, labelled in UTC: each prediction has its own label."""
    instants = pd.date_range("2026-01-01", "2027-01-01", freq="15min", tz="UTC", inclusive="left")
    values = np.arange(len(instants))
    predicted = {"id": ["a"] * len(instants), "at": instants.tz_convert(zone), "p": values}
    labels = {"id": ["a"] * len(instants), "t": [t.isoformat() for t in instants], "y": values}
    out = Step(metrics=["mae"], time="at", label_time="t").run([batch(0, predicted)], labels)
    assert out.batch_metrics[0]["metrics"] == {"mae": 0.0}
    assert out.counts["predictions_labelled"] == len(instants)
    naive = {**predicted, "at": instants.tz_convert(zone).tz_localize(None)}
    local = Step(time="at", label_time="t", prediction_timezone=zone).run([batch(0, naive)], labels)
    # The local times of the hour that comes twice are the same: the later rows replace the earlier.
    repeated = local.counts["predictions_repeated"]
    assert local.counts["prediction_times_ambiguous"] == 2 * repeated > 0
    assert local.counts["predictions_labelled"] + repeated == len(instants)


def test_what_is_left_out_is_counted():
    labels = {
        "id": [1, None, 2, 3],
        "t": ["2026-03-01", "2026-03-01", None, "2026-03-01"],
        "y": [1, 1, 1, None],
    }
    predicted = {"id": [1, None], "p": [1, 1]}
    counts = Step(label_time="t").run([batch(0, predicted)], labels).counts
    assert counts["labels_missing"] == 1
    assert counts["labels_without_key"] == 1
    assert counts["labels_without_time"] == 1
    assert counts["predictions_without_key"] == 1
    assert counts["predictions_labelled"] == 1


def test_an_old_batch_has_few_labels():
    step = Step(metrics=["accuracy"], least=2)
    out = step.run(
        [batch(0, {"id": [1, 2], "p": [1, 1]}), batch(1, {"id": [3], "p": [1]})],
        {"id": [1, 2, 3], "y": [1, 1, 0]},
    )
    assert [record["metrics"] for record in out.batch_metrics] == [{"accuracy": 1.0}, {}]
    assert out.batch_metrics[1]["sums"]["accuracy"]["n"] == 1
    assert step.metrics["accuracy"] == 1.0


def test_a_metric_that_a_batch_has_none_of(caplog):
    step = Step(metrics=["roc_auc", "log_loss"], prediction="", score="p")
    with caplog.at_level(logging.WARNING):
        out = step.run([batch(0, {"id": [1, 2], "p": [0.3, 0.4]})], {"id": [1, 2], "y": [1, 1]})
    assert list(out.batch_metrics[0]["metrics"]) == ["log_loss"]
    assert "roc_auc: some batches have none" in caplog.text


class Own(LabelJoin):
    def measure(self, rows):
        return {"most": float(rows["y"].max())}


def test_a_method_of_ones_own():
    step = Step(cls=Own)
    step.run([batch(0, {"id": [1, 2], "p": [1, 1]})], {"id": [1, 2], "y": [3, 4]})
    assert step.metrics["most"] == 4.0


def test_predictions_of_a_step_with_a_foreach_are_one_table():
    parts = [pd.DataFrame({"id": [1], "p": [1]}), pd.DataFrame({"id": [2], "p": [0]})]
    out = Step(metrics=["accuracy"]).run([Batch(parts, run="r")], {"id": [1, 2], "y": [1, 1]})
    assert out.batch_metrics[0]["metrics"] == {"accuracy": 0.5}


def test_nothing_at_all():
    out = Step(metrics=["accuracy"]).run([], {"id": [], "y": []})
    assert (len(out.rows), len(out.labels), out.batch_metrics, out.counts) == (0, 0, [], {})


ROWS = {"id": [1], "p": [1]}
BAD = {
    "no such column of labels": ({}, ROWS, {"id": [1], "z": [1]}, "labels: has no column 'y'; its columns are id, z"),
    "no such column of predictions": ({}, {"id": [1], "q": [1]}, {"id": [1], "y": [1]}, "run inference-0-0: has no column 'p'"),
    "no such slice": ({"slices": ["region"]}, ROWS, {"id": [1], "y": [1]}, "has no column 'region'"),
    "text and numbers": ({"metrics": ["accuracy"]}, ROWS, {"id": [1], "y": ["1"]}, "the label 'y' holds a text, and the prediction 'p' a number"),
    "keys of two kinds": ({}, ROWS, {"id": ["1"], "y": [1]}, "key 'id': found number .* and text"),
    "an unknown metric": ({"metrics": ["acuracy"]}, ROWS, {"id": [1], "y": [1]}, "metric 'acuracy': expected accuracy, .*"),
    "a metric without its column": ({"metrics": ["roc_auc"]}, ROWS, {"id": [1], "y": [1]}, "metric 'roc_auc' needs the param 'score'"),
    "no zone": ({"timezone": "Mars"}, ROWS, {"id": [1], "y": [1]}, "no time zone 'Mars'"),
    "no duration": ({"tolerance": "2 h"}, ROWS, {"id": [1], "y": [1]}, "tolerance: found '2 h', expected a duration"),
    "no key": ({"key": []}, ROWS, {"id": [1], "y": [1]}, "key: found no column"),
    "nothing to measure": ({"prediction": ""}, ROWS, {"id": [1], "y": [1]}, "neither names a column"),
    "no direction": ({"direction": "up"}, ROWS, {"id": [1], "y": [1]}, "direction: found 'up', expected nearest or forward or backward"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    params, predicted, labels, message = BAD[name]
    with pytest.raises(AtlasError, match=message):
        Step(**params).run([batch(0, predicted)], labels)


def test_too_many_slices():
    rows = {"id": range(300), "p": [1] * 300, "region": range(300)}
    with pytest.raises(
        AtlasError, match="'region' has 300 values in a batch; expected at most 200"
    ):
        Step(slices=["region"]).run([batch(0, rows)], {"id": range(300), "y": [1] * 300})


def test_what_is_no_table():
    with pytest.raises(
        AtlasError, match="predictions of run r: found a dict, expected a DataFrame"
    ):
        Step().run([Batch({}, run="r")], {"id": [], "y": []})
