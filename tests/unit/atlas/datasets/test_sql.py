"""Tables and queries of a database: bound values, one transaction, messages without a password."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.datasets.databases.queries import placeholders_of
from atlas.errors import StepError
from atlas.plan import PlanData
from atlas.step.data import DataHandle
from atlas.step.opening import open_data

DAY, NEXT = "2024-01-02T00:00:00+00:00", "2024-01-03T00:00:00+00:00"
ROWS = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "time": pd.to_datetime(
            ["2024-01-01T12", "2024-01-02", "2024-01-02T23", "2024-01-03"], format="ISO8601"
        ),
        "region": ["emea", "emea", "apac", "emea"],
        "price": [1.0, 2.5, 3.0, 4.0],
    }
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shop.db"


def handle(
    url: str, *, run: str = "r1", interval: bool = False, axes: Any = None, **declared: Any
) -> DataHandle:
    start, end = (DAY, NEXT) if interval else ("", "")
    data = PlanData(type="table", uri="sql:warehouse", credential="warehouse", **declared)
    return open_data(data, "sales", "load", start, "", end=end, run=run, axes=axes, secret=url)


def test_a_table_is_written_and_read(url: str) -> None:
    one = handle(url, table="sales", time="time")
    one.write(ROWS)
    one.write(ROWS)
    back = one.read()
    pd.testing.assert_frame_equal(back, ROWS, check_dtype=False)
    assert one.uri == "sql:warehouse/sales"
    assert one.observed["read"]["rows"] == 4


def test_the_bounds_of_an_interval_are_bound(url: str) -> None:
    handle(url, table="sales").write(ROWS)
    query = (
        "SELECT id FROM sales WHERE time >= :interval_start AND time < :interval_end ORDER BY id"
    )
    assert handle(url, query=query, interval=True).read()["id"].tolist() == [2, 3]
    with pytest.raises(StepError, match="names :interval_start, and the run has no interval"):
        handle(url, query=query).read()
    query = "SELECT id FROM sales WHERE region = :axis_region AND '12:30' <> ':no' ORDER BY id"
    assert handle(url, query=query, axes={"region": "apac"}).read()["id"].tolist() == [3]


def test_values_are_never_part_of_the_text(url: str) -> None:
    handle(url, table="sales").write(ROWS)
    query = "SELECT id FROM sales WHERE region = :axis_region"
    evil = "x' OR 1=1 --"
    assert handle(url, query=query, axes={"region": evil}).read().empty
    with pytest.raises(StepError, match="there is no table 'sales; DROP TABLE sales'"):
        handle(url, table="sales; DROP TABLE sales").read()
    assert len(handle(url, table="sales").read()) == 4


def test_a_query_changes_nothing(url: str, tmp_path: Path) -> None:
    handle(url, table="sales").write(ROWS)
    with pytest.raises(StepError):
        handle(url, query="DELETE FROM sales").read()
    with pytest.raises(StepError, match="a query can't be written to"):
        handle(url, query="SELECT 1").write(ROWS)
    assert len(handle(url, table="sales").read()) == 4


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (
            {"table": "sale"},
            r"data.sales: there is no table 'sale'; the database has sales \(did you mean 'sales'",
        ),
        ({"query": "SELECT nope FROM sales"}, "sql:warehouse/query-.*: no such column: nope"),
        ({"query": "SELEC"}, "syntax error"),
        ({"query": "SELECT :axis_x"}, "the query names :axis_x; this run has none"),
    ],
)
def test_what_a_database_refuses_is_told(url: str, declared: Any, words: str) -> None:
    handle(url, table="sales").write(ROWS)
    with pytest.raises(StepError, match=words) as caught:
        handle(url, **declared).read()
    assert str(caught.value).startswith("step load: data.sales: ")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:hunter2word@127.0.0.1:1/shop", "nonsense hunter2word",
        "mysql+nothere://me:hunter2word@h/d", "sqlite:////nowhere/hunter2word/x.db",
    ],
)  # fmt: skip
def test_no_message_has_the_password(url: str) -> None:
    with pytest.raises(StepError) as caught:
        handle(url, table="sales").read()
    whole: BaseException | None = caught.value
    while whole is not None:
        assert "hunter2word" not in str(whole) or "nowhere" in url
        whole = whole.__cause__
    assert "sql:warehouse" in str(caught.value)


def test_an_interval_is_replaced(url: str) -> None:
    handle(url, table="sales").write(ROWS)
    own = {"table": "sales", "time": "time", "mode": "replace interval"}
    new = ROWS.iloc[1:2].assign(price=9.0)
    for run in ("r2", "r3"):
        handle(url, interval=True, run=run, **own).write(new)
    back = handle(url, table="sales").read()
    assert sorted(back["id"]) == [1, 2, 4]
    assert back.set_index("id")["price"][2] == 9.0
    with pytest.raises(StepError, match="the run has no interval whose rows it could replace"):
        handle(url, **own).write(new)


def test_members_have_rows_of_their_own(url: str) -> None:
    own = {"table": "sales", "partition": ("{axis:region}", "{interval}"), "time": "time"}
    handle(url, table="sales").write(ROWS)
    for region in ("emea", "apac"):
        rows = ROWS.iloc[1:3][ROWS.iloc[1:3]["region"] == region]
        handle(url, axes={"region": region}, interval=True, **own).write(rows)
    assert sorted(handle(url, table="sales").read()["id"]) == [1, 2, 3, 4]
    handle(url, axes={"region": "apac"}, interval=True, **own).write(ROWS.iloc[:0])
    assert sorted(handle(url, table="sales").read()["id"]) == [1, 2, 4]
    assert handle(url, axes={"region": "emea"}, interval=True, **own).read()["id"].tolist() == [2]


def test_a_run_appends_once(url: str) -> None:
    own = {"table": "sales", "mode": "append"}
    for run in ("r1", "r1", "r2"):
        handle(url, run=run, **own).write(ROWS)
    assert len(handle(url, table="sales").read()) == 8


def test_an_append_that_fails_leaves_nothing(url: str, tmp_path: Path) -> None:
    own = {"table": "sales", "mode": "append"}
    handle(url, run="r0", **own).write(ROWS)
    with pytest.raises(StepError, match="the table has no column 'other'"):
        handle(url, run="r1", **own).write(ROWS.assign(other=1))
    handle(url, run="r1", **own).write(ROWS)
    assert len(handle(url, table="sales").read()) == 8


def test_rows_are_merged_by_key(url: str) -> None:
    own = {"table": "sales", "mode": "merge", "key": ("id", "region")}
    handle(url, **own).write(ROWS)
    new = pd.concat([ROWS.iloc[:1].assign(price=9.0), ROWS.iloc[:1].assign(id=7)])
    for _ in range(2):
        handle(url, **own).write(new)
    back = handle(url, table="sales").read().set_index("id")["price"]
    assert back.to_dict() == {1: 9.0, 2: 2.5, 3: 3.0, 4: 4.0, 7: 1.0}
    with pytest.raises(StepError, match="1 rows repeat another's id, region"):
        handle(url, **own).write(pd.concat([new, new.iloc[:1]]))
    with pytest.raises(StepError, match="a row has no value in id, region"):
        handle(url, **own).write(new.assign(region=None))


def test_a_write_is_whole_or_not_there(url: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute(
            "CREATE TABLE sales (id INTEGER CHECK (id < 4), time TEXT, region TEXT, price REAL)"
        )
        connection.execute("INSERT INTO sales VALUES (0, '', '', 0)")
    connection.close()
    with pytest.raises(StepError, match="CHECK constraint failed"):
        handle(url, table="sales").write(ROWS)
    assert handle(url, table="sales").read()["id"].tolist() == [0]


def test_placeholders_aren_t_in_texts_and_types() -> None:
    query = (
        "SELECT a::int, ':b', \":c\" /* :d */ FROM t -- :e\nWHERE x = :f AND y = :f AND z > :g_1"
    )
    assert placeholders_of(query) == ["f", "g_1"]


@pytest.mark.parametrize(
    "query",
    [
        "WITH x AS (SELECT 1) DELETE FROM sales RETURNING id",
        "SELECT 1; COMMIT; DELETE FROM sales",
        r"SELECT E'\''; COMMIT; DELETE FROM sales --'",
        "WITH x AS (SELECT 1) INSERT INTO sales (id) SELECT 9 RETURNING id",
    ],
)
def test_a_query_that_writes_is_refused(
    url: str, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(url, table="sales").write(ROWS)
    with pytest.raises(StepError, match="a query only reads; found"):
        handle(url, query=query).read()
    monkeypatch.setattr("atlas.datasets.databases.source.writing_in", lambda _: "")
    with pytest.raises(StepError):
        handle(url, query=query).read()
    assert len(handle(url, table="sales").read()) == 4


@pytest.mark.parametrize(
    "password", ["ab@Sekret:ret9", "Sekret@krettt", "x@Sekret@ret9"], ids=["port", "host", "two"]
)
def test_no_message_has_a_part_of_the_password(password: str) -> None:
    bad = f"postgresql+psycopg://u:{password}@127.0.0.1/db"
    with pytest.raises(StepError, match="percent-encoded") as caught:
        handle(bad, table="sales").read()
    assert "ret9" not in str(caught.value)
    assert "krettt" not in str(caught.value)


def test_members_of_one_run_and_writes_of_one_step_all_append(url: str) -> None:
    declared = PlanData(
        type="table", uri="sql:warehouse", credential="warehouse", table="log", mode="append"
    )
    for writer in ("a.training.load", "b.training.load"):
        for _ in range(2):
            one = open_data(
                declared, "sales", "load", "", "", run="scheduled", secret=url, writer=writer
            )
            one.write(ROWS)
            one.write(ROWS)
    assert len(handle(url, table="log").read()) == 16


def test_other_rows_of_a_second_try_are_refused(url: str) -> None:
    handle(url, table="log", mode="append").write(ROWS)
    with pytest.raises(StepError, match="an earlier try of run r1 appended other rows"):
        handle(url, table="log", mode="append").write(ROWS.head(2))
    assert len(handle(url, table="log").read()) == 4


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S+00:00"])
def test_an_interval_is_replaced_whatever_the_form_of_its_moments(url: str, form: str) -> None:
    own = {"table": "sales", "time": "time", "mode": "replace interval"}
    rows = ROWS.iloc[1:2].assign(time=ROWS["time"].dt.strftime(form))
    for run in ("r1", "r2"):
        handle(url, interval=True, run=run, **own).write(rows)
    assert len(handle(url, table="sales").read()) == 1


def test_rows_of_another_partition_are_refused(url: str) -> None:
    own = {"table": "sales", "time": "time", "mode": "replace interval"}
    with pytest.raises(StepError, match="2 rows aren't of the run's"):
        handle(url, interval=True, **own).write(ROWS)
    members = {"table": "sales", "partition": ("{axis:region}",), "axes": {"region": "emea"}}
    with pytest.raises(StepError, match="1 rows aren't of the run's"):
        handle(url, **members).write(ROWS)
    with pytest.raises(StepError, match="no column 'region'"):
        handle(url, **members).write(ROWS.drop(columns="region"))


def test_moments_of_a_zone_are_kept_in_utc(url: str) -> None:
    own = {"table": "sales", "time": "time", "mode": "replace interval"}
    tokyo = ROWS["time"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    zoned = ROWS.iloc[2:3].assign(time=tokyo)
    for run in ("r1", "r2"):
        handle(url, interval=True, run=run, **own).write(zoned)
    back = handle(url, table="sales").read()
    assert back["time"].astype(str).str[:10].tolist() == ["2024-01-02"]
    assert len(back) == 1


def test_what_is_written_apart_is_a_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(url, table="sales").write(ROWS)
    monkeypatch.setenv("ATLAS_DATA_WRITES", str(tmp_path / "apart"))
    one = handle(url, table="sales")
    one.write(ROWS.head(1))
    assert len(one.read()) == 1
    monkeypatch.delenv("ATLAS_DATA_WRITES")
    assert len(handle(url, table="sales").read()) == 4
