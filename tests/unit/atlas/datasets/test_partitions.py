"""Folders of parts: which one a run writes and reads, what appends and merges do twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.errors import StepError
from atlas.plan import PlanData
from atlas.step.data import DataHandle
from atlas.step.opening import open_data
from atlas.store import FolderLocation

DAYS = [f"2024-01-0{day}T00:00:00+00:00" for day in (1, 2, 3, 4)]


def handle(
    folder: Path,
    day: int = -1,
    *,
    run: str = "r1",
    region: str = "",
    days: int = 1,
    writer: str = "",
    **declared: Any,
) -> DataHandle:
    start, end = (DAYS[day], DAYS[day + days]) if day >= 0 else ("", "")
    data = PlanData(type="table", uri=f"file://{folder}/scores/", **declared)
    axes = {"region": region} if region else {}
    return open_data(data, "scores", "save", start, "", end=end, run=run, axes=axes, writer=writer)


def rows(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({"n": list(numbers)})


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder / "scores").as_posix() for path in found)


def test_folders_are_those_of_the_placeholders(tmp_path: Path) -> None:
    handle(tmp_path, 0, region="emea", partition=("{interval}", "{axis:region}")).write(rows(1))
    handle(tmp_path, 0, region="emea", partition=("{axis:region}",)).write(rows(2))
    assert files(tmp_path) == [
        "interval=2024-01-01T00:00:00+00:00/region=emea/part.parquet",
        "region=emea/part.parquet",
    ]


@pytest.mark.parametrize(
    ("partition", "words"),
    [
        (("{interval}",), r"data.scores: partition: {interval} has no value: the run has no interval"),
        (("{axis:region}",), r"{axis:region} has no value: the pipeline isn't a member of a family with the axis 'region'"),
    ],
)  # fmt: skip
def test_a_placeholder_without_a_value_is_an_error(
    tmp_path: Path, partition: Any, words: str
) -> None:
    with pytest.raises(StepError, match=words):
        handle(tmp_path, partition=partition).write(rows(1))
    assert not (tmp_path / "scores").exists()


def test_a_run_reads_its_own_parts(tmp_path: Path) -> None:
    own = {"partition": ("{axis:region}", "{interval}")}
    for region, number in (("emea", 0), ("apac", 10)):
        for day in range(3):
            handle(tmp_path, day, region=region, **own).write(rows(number + day))
    assert handle(tmp_path, 1, region="apac", **own).read()["n"].tolist() == [11]
    assert handle(tmp_path, 0, region="emea", days=2, **own).read()["n"].tolist() == [0, 1]
    assert handle(tmp_path, region="emea", **own).read()["n"].tolist() == [0, 1, 2]
    assert handle(tmp_path).read()["n"].tolist() == [10, 11, 12, 0, 1, 2]
    with pytest.raises(StepError, match="nothing at"):
        handle(tmp_path, 1, region="latam", **own).read()


def test_an_interval_is_replaced(tmp_path: Path) -> None:
    for number in (1, 2):
        handle(tmp_path, 0, run=f"r{number}", mode="replace interval").write(rows(number))
    assert handle(tmp_path).read()["n"].tolist() == [2]
    with pytest.raises(StepError, match="'replace interval', and the run has no interval"):
        handle(tmp_path, mode="replace interval").write(rows(3))


def test_a_longer_interval_replaces_the_parts_in_it(tmp_path: Path) -> None:
    own = {"mode": "replace interval", "partition": ("{axis:region}", "{interval}")}
    for region in ("emea", "apac"):
        for day in range(3):
            handle(tmp_path, day, region=region, **own).write(rows(day))
    foreign = tmp_path / "scores" / "region=emea" / f"interval={DAYS[1]}" / "mine.parquet"
    rows(7).to_parquet(foreign)
    for _ in range(2):
        handle(tmp_path, 0, days=2, region="emea", **own).write(rows(10))
    assert handle(tmp_path, region="emea", **own).read()["n"].tolist() == [10, 7, 2]
    assert handle(tmp_path, region="apac", **own).read()["n"].tolist() == [0, 1, 2]


def test_a_replacement_that_is_cut_short_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"mode": "replace interval", "partition": ("{interval}",)}
    for day in range(3):
        handle(tmp_path, day, **own).write(rows(day))

    def killed(place: FolderLocation, key: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderLocation, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            handle(tmp_path, 0, days=3, **own).write(rows(10))
    assert handle(tmp_path).read()["n"].tolist() == [10, 1, 2]
    handle(tmp_path, 0, days=3, **own).write(rows(10))
    assert handle(tmp_path).read()["n"].tolist() == [10]


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_parts_with_other_columns_are_refused(tmp_path: Path, ending: str) -> None:
    data = PlanData(type="table", uri=f"file://{tmp_path}/scores/", format=ending)
    for name, column in (("a", "id"), ("b", "ID")):
        one = PlanData(type="table", uri=f"file://{tmp_path}/scores/{name}.{ending}")
        open_data(one, "s", "s", "", "").write(pd.DataFrame({column: [1], "n": [2]}))
    with pytest.raises(StepError) as caught:
        open_data(data, "scores", "load", "", "").read()
    words = f"the part b.{ending} lacks id and has ID besides, compared with a.{ending}"
    assert words in str(caught.value)


def test_rows_of_json_may_lack_what_has_no_value(tmp_path: Path) -> None:
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores/a.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "scores/b.jsonl").write_text('{"a": 1, "b": 2}\n')
    data = PlanData(type="table", uri=f"file://{tmp_path}/scores/", format="jsonl")
    assert len(open_data(data, "scores", "load", "", "").read()) == 2


def test_a_run_appends_once(tmp_path: Path) -> None:
    for run, number in (("r1", 1), ("r1", 2), ("r2", 3)):
        handle(tmp_path, 0, run=run, mode="append").write(rows(number))
    assert handle(tmp_path).read()["n"].tolist() == [2, 3]


def test_runs_of_one_id_append_beside_each_other(tmp_path: Path) -> None:
    own = {"run": "training-20240101T000000Z", "mode": "append", "partition": ("{interval}",)}
    for writer in ("one.training.save", "two.training.save", "one.training.save"):
        handle(tmp_path, 0, writer=writer, **own).write(rows(len(files(tmp_path))))
    assert files(tmp_path) == [
        f"interval={DAYS[0]}/part-training-20240101T000000Z-{name}.training.save.parquet"
        for name in ("one", "two")
    ]


@pytest.mark.parametrize("uri", ["scores/", "scores.parquet", "scores.csv.gz"])
def test_rows_are_merged_by_key(tmp_path: Path, uri: str) -> None:
    data = PlanData(type="table", uri=f"file://{tmp_path}/{uri}", mode="merge", key=("id",))
    one = open_data(data, "scores", "save", "", "")
    one.write(pd.DataFrame({"id": [1, 2], "x": ["a", "b"]}))
    for _ in range(2):
        one.write(pd.DataFrame({"x": ["c", "d"], "id": [2, 3]}))
    assert one.read().to_dict("list") == {"id": [1, 2, 3], "x": ["a", "c", "d"]}
    with pytest.raises(StepError, match="there is no column 'id'; found x"):
        one.write(pd.DataFrame({"x": [1]}))
    with pytest.raises(StepError, match="found the columns id, y, expected those there are: id, x"):
        one.write(pd.DataFrame({"id": [1], "y": [1]}))
    assert one.read()["id"].tolist() == [1, 2, 3]


KEYS: dict[str, list[Any]] = {
    "texts of digits": ["01234", "80331"],
    "texts for missing": ["NA", "null"],
    "an empty text": ["", "x"],
    "times": [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02 10:00")],
    "times with a zone": [
        pd.Timestamp("2026-01-01", tz="UTC"),
        pd.Timestamp("2026-01-02", tz="UTC"),
    ],
    "dates": [date(2026, 1, 1), date(2026, 1, 2)],
    "large numbers": [2**53, 2**53 + 1],
    "numbers": [0.1, 1e22],
    "booleans": [True, False],
}


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("name", ["m.csv", "m.csv.gz", "m.jsonl", "m.json", "m.parquet"])
def test_a_merge_that_is_repeated_changes_nothing(tmp_path: Path, name: str, keys: str) -> None:
    data = PlanData(type="table", uri=f"file://{tmp_path}/{name}", mode="merge", key=("id",))
    one = open_data(data, "scores", "save", "", "")
    for number in range(3):
        new = pd.DataFrame({"id": KEYS[keys], "code": ["007", "NA"], "v": [number, number]})
        one.write(new)
    assert one.read()["v"].tolist() == [2, 2]
    one.write(new.iloc[:1].assign(v=9))  # The row that stays is as it was.
    assert sorted(one.read()["v"]) == [2, 9]
    if name.startswith("m.csv"):
        texts = open_data(replace(data, options={"types": {"code": "string"}}), "s", "s", "", "")
        assert sorted(texts.read()["code"].fillna("NA")) == ["007", "NA"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ([2**53, 2**53 + 1], [float(2**53)], "'id': found float64, expected integer"),
        ([1, 2], ["1"], "'id': found text, expected integer"),
        ([pd.Timestamp("2026-01-01")], [pd.Timestamp("2026-01-01", tz="UTC")], "found time with a zone, expected time"),
    ],
)  # fmt: skip
def test_keys_of_another_kind_are_refused(tmp_path: Path, old: Any, new: Any, words: str) -> None:
    uri = f"file://{tmp_path}/m.parquet"
    one = open_data(PlanData(uri=uri, mode="merge", key=("id",)), "scores", "save", "", "")
    one.write(pd.DataFrame({"id": old}))
    with pytest.raises(StepError) as caught:
        one.write(pd.DataFrame({"id": new}))
    assert words in str(caught.value)
    assert one.read()["id"].tolist() == old


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = handle(tmp_path, 0)
    one.write(rows(1))
    with pytest.raises(StepError, match="can't be written as parquet"):
        one.write(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert one.read()["n"].tolist() == [1]
    assert files(tmp_path) == ["interval=2024-01-01T00:00:00+00:00/part.parquet"]


def test_a_folder_is_each_file_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes" / "a").mkdir(parents=True)
    (tmp_path / "notes" / "a" / "one.txt").write_text("1")
    (tmp_path / "notes" / "two.txt").write_text("2")
    data = PlanData(type="folder", uri=f"file://{tmp_path}/notes/", format="text")
    assert open_data(data, "d", "s", "", "").read() == {"a/one.txt": "1", "two.txt": "2"}
    data = PlanData(type="folder", uri=f"file://{tmp_path}/notes/two.txt")
    with pytest.raises(StepError, match="is one file, and its type is 'folder'"):
        open_data(data, "d", "s", "", "").read()
