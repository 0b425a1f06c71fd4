"""Data sets in real databases: the same on SQLite, PostgreSQL and MariaDB.

A server's tests are skipped where it isn't installed; tests/databases.py says what it needs.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.errors import StepError
from atlas.plan import PlanData
from atlas.step.data import DataHandle
from atlas.step.opening import open_data
from tests.databases import PASSWORD, DatabaseServer, run_on, running

DAY, NEXT = "2024-01-02T00:00:00+00:00", "2024-01-03T00:00:00+00:00"
ROWS = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "time": pd.to_datetime(
            ["2024-01-01T12", "2024-01-02", "2024-01-02T23:59:59.999", "2024-01-03"],
            format="ISO8601",
        ),
        "region": ["emea", "emea", "apac", "emea"],
        "price": [1.0, 2.5, 3.0, 4.0],
    }
)
TIMED = {"table": "sales", "time": "time"}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[DatabaseServer]:
    with running("postgresql") as server:
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[DatabaseServer]:
    with running("mariadb") as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    server: DatabaseServer = request.getfixturevalue(request.param)
    return server.database()


def is_kind(url: str, kind: str) -> bool:
    return url.startswith(kind)


def handle(
    url: str,
    *,
    run: str = "r1",
    interval: bool | tuple[str, str] = False,
    axes: Any = None,
    **declared: Any,
) -> DataHandle:
    start, end = interval if isinstance(interval, tuple) else (DAY, NEXT) if interval else ("", "")
    data = PlanData(type="table", uri="sql:warehouse", credential="warehouse", **declared)
    return open_data(
        data, "sales", "load", start, "", end=end, run=run, axes=axes, secret=url, writer="w"
    )


def ids(url: str, table: str = "sales") -> list[int]:
    return sorted(handle(url, table=table).read()["id"].tolist())


def make_sqlite(url: str) -> None:
    """Make SQLite's file, which nothing but a writer does."""
    if is_kind(url, "sqlite"):
        run_on(url, "CREATE TABLE made (id INTEGER)")


def test_a_table_is_written_whole_and_read(url: str) -> None:
    one = handle(url, **TIMED)
    one.write(ROWS)
    one.write(ROWS)
    pd.testing.assert_frame_equal(one.read(), ROWS, check_dtype=False)
    one.write(ROWS.head(1))
    assert ids(url) == [1]
    run_on(url, "DROP TABLE sales")
    with pytest.raises(StepError, match=r"data.sales: there is no table 'sales'; the database has"):
        one.read()
    one.write(ROWS)
    assert ids(url) == [1, 2, 3, 4]


def test_types_come_back_as_they_were(url: str) -> None:
    given = pd.DataFrame(
        {
            "whole": [2**62 + 1, -5, 0],
            "some": pd.array([2**53 + 1, None, 7], "Int64"),
            "float": [0.1, float("nan"), 1e300],
            "yes": [True, False, True],
            "maybe": pd.array([True, None, False], "boolean"),
            "text": ["ünï ☃ 🎈 'quoted' 100% :x", None, ""],
            "bytes": [b"\x00\xff'", None, b""],
            "date": [dt.date(2024, 2, 29), None, dt.date(1999, 12, 31)],
            "time": pd.to_datetime(["2024-01-02T03:04:05.123456", None, "9999-12-31"], format="ISO8601"),
            "zoned": pd.to_datetime(["2024-07-01T12:00", None, "2050-01-01"], format="ISO8601").tz_localize("Asia/Tokyo"),
            "mixed": pd.Series([dt.datetime(2024, 7, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))), None, dt.datetime(2024, 7, 1, tzinfo=dt.UTC)], dtype=object),
            "kind": pd.Categorical(["a", None, "b"]),
        }
    )  # fmt: skip
    handle(url, table="t").write(given)
    back = handle(url, table="t").read()
    assert back["whole"].tolist() == given["whole"].tolist()
    assert str(back["some"].dtype) == "Int64"
    for name in ("some", "float", "maybe", "text", "bytes", "kind"):
        assert back[name].isna().tolist() == given[name].isna().tolist(), name
        assert back[name].dropna().tolist() == given[name].dropna().tolist(), name
    assert back["yes"].tolist() == [True, False, True]
    assert str(back["yes"].dtype) == "bool"
    assert str(back["maybe"].dtype) == "boolean"
    assert back["date"].dropna().tolist() == given["date"].dropna().tolist()
    assert back["time"].dropna().tolist() == given["time"].dropna().tolist()
    for name, expected in (
        ("zoned", ["2024-07-01T03:00", "2049-12-31T15:00"]),
        ("mixed", ["2024-07-01T10:00", "2024-07-01T00:00"]),
    ):
        found = back[name].dropna()
        assert pd.to_datetime(found, utc=True).tolist() == [
            pd.Timestamp(text, tz="UTC") for text in expected
        ], name
    if is_kind(url, "postgresql"):
        assert str(back["zoned"].dtype.tz) == "UTC"


def test_decimals_are_exact(url: str) -> None:
    given = pd.DataFrame(
        {"id": [1, 2, 3], "d": [Decimal("12345678901234567890.12"), None, Decimal("1.10")]}
    )
    if is_kind(url, "sqlite"):
        with pytest.raises(StepError, match=r"column 'd': SQLite has no decimals; astype\(float\)"):
            handle(url, table="t").write(given)
        return
    handle(url, table="t").write(given)
    assert handle(url, table="t").read()["d"].dropna().tolist() == given["d"].dropna().tolist()


def test_values_that_no_column_has_are_refused(url: str) -> None:
    one = handle(url, table="t")
    for values, words in (
        ([{"a": 1}, [2]], "column 'x': found values that are mixed; expected one kind"),
        ([1, "a"], "column 'x': found values that are mixed-integer"),
        (pd.to_timedelta(["1h", "2h"]), "column 'x': a database has no durations"),
    ):
        with pytest.raises(StepError, match=words):
            one.write(pd.DataFrame({"x": values}))
    with pytest.raises(StepError, match="there is no"):
        one.read()


def test_a_table_that_is_there_rounds_nothing(url: str) -> None:
    run_on(url, "CREATE TABLE t (id INTEGER, n INTEGER, d DATE, s VARCHAR(3))")
    rows = pd.DataFrame({"id": [1], "n": [1.0], "d": [dt.date(2024, 1, 1)], "s": ["abc"]})
    one = handle(url, table="t")
    one.write(rows)
    with pytest.raises(StepError, match=r"column 'n' is INTEGER there, and has no place for 1.5"):
        one.write(rows.assign(n=1.5))
    with pytest.raises(StepError, match=r"column 'd' is DATE there, and has no place for 2024-01"):
        one.write(rows.assign(d=pd.Timestamp("2024-01-01T05")))
    if not is_kind(url, "sqlite"):
        with pytest.raises(StepError, match=r"(?i)too long"):
            one.write(rows.assign(s="abcd"))
    assert one.read()["n"].tolist() == [1]


def test_the_bounds_of_an_interval_are_bound(url: str) -> None:
    handle(url, table="sales").write(ROWS)
    query = "SELECT id FROM sales WHERE time >= :interval_start AND time < :interval_end AND region LIKE '%m%a' ORDER BY id"
    assert handle(url, query=query, interval=True).read()["id"].tolist() == [2]
    hour = ("2024-01-02T23:00:00+00:00", "2024-01-03T00:00:00+00:00")
    query = "SELECT id, :axis_who AS who FROM sales WHERE time BETWEEN :interval_start AND :interval_end ORDER BY id"
    back = handle(url, query=query, interval=hour, axes={"who": "x' OR 1=1 --"}).read()
    assert back.to_dict("list") == {"id": [3, 4], "who": ["x' OR 1=1 --"] * 2}
    tokyo = ("2024-01-02T09:00:00+09:00", "2024-01-02T10:00:00+09:00")
    query = "SELECT id FROM sales WHERE time >= :interval_start AND time < :interval_end"
    assert handle(url, query=query, interval=tokyo).read()["id"].tolist() == [2]


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
def test_sqlite_compares_texts_as_moments(tmp_path: Path, form: str) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    hours = pd.date_range("2024-01-02", periods=24, freq="h")
    handle(url, table="t").write(pd.DataFrame({"id": range(24), "at": hours.strftime(form)}))
    query = "SELECT id FROM t WHERE at >= :interval_start AND :interval_end > at"
    noon = ("2024-01-02T12:00:00+00:00", "2024-01-02T13:00:00+00:00")
    assert handle(url, query=query, interval=noon).read()["id"].tolist() == [12]


def test_an_axis_is_compared_with_a_column_of_numbers(url: str) -> None:
    rows = pd.DataFrame({"id": [1, 2, 3], "store": [7, 8, 7], "open": [True, False, True]})
    handle(url, table="sales").write(rows)
    own = {"table": "sales", "partition": ("{axis:store}",)}
    assert handle(url, axes={"store": "7"}, **own).read()["id"].tolist() == [1, 3]
    handle(url, axes={"store": "7"}, **own).write(rows[:1].assign(id=9))
    assert ids(url) == [2, 9]
    with pytest.raises(StepError, match="1 rows aren't of the run's"):
        handle(url, axes={"store": "8"}, **own).write(rows[:1])
    with pytest.raises(StepError, match=r"column 'store' is .*INT.*, and the axis has 'north'"):
        handle(url, axes={"store": "north"}, **own).read()
    query = "SELECT id FROM sales WHERE store = :axis_store"
    assert handle(url, query=query, axes={"store": "8"}).read()["id"].tolist() == [2]
    own["partition"] = ("{axis:open}",)
    assert handle(url, axes={"open": "false"}, **own).read()["id"].tolist() == [2]


def test_an_interval_is_replaced(url: str) -> None:
    handle(url, table="sales").write(ROWS)
    own = {**TIMED, "mode": "replace interval"}
    for run in ("r2", "r3"):
        handle(url, interval=True, run=run, **own).write(ROWS.iloc[1:2].assign(price=9.0))
    back = handle(url, table="sales").read()
    assert sorted(back["id"]) == [1, 2, 4]
    zone = ROWS["time"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    handle(url, interval=True, **own).write(ROWS.assign(time=zone).iloc[1:3])
    assert ids(url) == [1, 2, 3, 4]
    run_on(url, "CREATE TABLE epochs (time BIGINT)")
    own["table"] = "epochs"
    with pytest.raises(StepError, match="column 'time' is BIGINT, expected a date or a time"):
        handle(url, interval=True, **own).write(ROWS[["time"]].iloc[1:2])


def test_members_have_rows_of_their_own(url: str) -> None:
    """Regions are told apart by case and by a space at their end, whatever the database thinks."""
    own = {**TIMED, "partition": ("{axis:region}", "{interval}")}
    handle(url, table="sales").write(ROWS)
    for number, region in enumerate(("emea", "apac", "EMEA", "emea ", "ä", "A"), 10):
        rows = ROWS.iloc[1:2].assign(region=region, id=number)
        for run in ("r1", "r2"):
            handle(url, axes={"region": region}, interval=True, run=run, **own).write(rows)
    assert ids(url) == [1, 4, 10, 11, 12, 13, 14, 15]
    for number, region in enumerate(("emea", "apac", "EMEA", "emea ", "ä", "A"), 10):
        mine = handle(url, axes={"region": region}, interval=True, **own).read()
        assert mine["id"].tolist() == [number]
    with pytest.raises(StepError, match=r"partition: \{axis:region\} has no value"):
        handle(url, interval=True, **own).write(ROWS[:0])


def test_a_run_appends_once(url: str) -> None:
    own = {"table": "log", "mode": "append"}
    rows = ROWS.assign(
        some=pd.Series([1, None, 2, None], dtype=object),
        day=pd.Series([dt.date(2024, 1, 1)] * 4, dtype=object),
        empty=None,
    )
    for run in ("r1", "r1", "r2"):
        handle(url, run=run, **own).write(rows)
    back = handle(url, table="log").read()
    assert len(back) == 8
    assert back["some"].dropna().tolist() == [1, 2] * 2
    assert back["day"].tolist() == [dt.date(2024, 1, 1)] * 8
    with pytest.raises(StepError, match="an earlier try of run r1 appended other rows"):
        handle(url, **own).write(rows.head(2))
    with pytest.raises(StepError, match="the table has no column 'other'; it has id, time"):
        handle(url, run="r3", **own).write(rows.assign(other=1))
    assert len(handle(url, table="log").read()) == 8


def test_rows_are_merged_by_key(url: str) -> None:
    own = {"table": "sales", "mode": "merge", "key": ("id", "region")}
    handle(url, **own).write(ROWS)
    new = pd.concat([ROWS.iloc[:1].assign(price=9.0), ROWS.iloc[:1].assign(region="EMEA")])
    for _ in range(2):
        handle(url, **own).write(new)
    back = handle(url, table="sales").read()
    assert sorted(zip(back["id"], back["region"], back["price"], strict=True)) == [
        (1, "EMEA", 1.0), (1, "emea", 9.0), (2, "emea", 2.5), (3, "apac", 3.0), (4, "emea", 4.0)
    ]  # fmt: skip
    with pytest.raises(StepError, match="merge: the table has time, price as well, which replaced"):
        handle(url, **own).write(new[["id", "region"]])
    by_time = {"table": "sales", "mode": "merge", "key": ("time",)}
    handle(url, **by_time).write(ROWS.tail(1).assign(id=44))
    assert ids(url) == [1, 1, 2, 3, 44]
    by_time["key"] = ("time", "price")
    given = ROWS.tail(1).assign(price=[4.0], id=45)
    handle(url, **by_time).write(given)
    assert ids(url) == [1, 1, 2, 3, 45]


def test_a_query_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handle(url, table="sales").write(ROWS)
    queries = [
        "WITH x AS (SELECT 1) DELETE FROM sales",
        "DELETE FROM sales",
        "INSERT INTO sales (id) VALUES (9)",
        "CREATE TABLE other AS SELECT 1 AS x",
    ]
    refused = ["SELECT 1; DELETE FROM sales", "SELECT 1 /*! INTO OUTFILE '/tmp/x' */",
               "SELECT 1 INTO OUTFILE '/tmp/x'"]  # fmt: skip
    for query in (*queries[:3], *refused):
        with pytest.raises(StepError, match="a query only reads; found"):
            handle(url, query=query).read()
    monkeypatch.setattr("atlas.datasets.databases.source.writing_in", lambda _: "")
    for query in queries:
        with pytest.raises(StepError):
            handle(url, query=query).read()
    assert ids(url) == [1, 2, 3, 4]
    with pytest.raises(StepError, match="there is no table 'other'"):
        handle(url, table="other").read()


def test_what_a_database_refuses_is_told(url: str) -> None:
    handle(url, table="sales").write(ROWS)
    for query, words in (
        ("SELECT nope FROM sales", r"(?i)nope"),
        ("SELECT FROM WHERE", r"(?i)syntax"),
        ("SELECT * FROM gone", r"(?i)gone"),
        ("SELECT id, id FROM sales", "two columns are called 'id'; name one of them with AS"),
        ("SELECT :axis_x", "the query names :axis_x; this run has none"),
    ):
        with pytest.raises(StepError, match=words) as caught:
            handle(url, query=query).read()
        assert str(caught.value).startswith("step load: data.sales: ")
        assert PASSWORD not in str(caught.value)
    if not is_kind(url, "sqlite"):
        wrong = url.replace(PASSWORD, "other-word")
        with pytest.raises(StepError, match=r"(?i)password|denied") as caught:
            handle(wrong, table="sales").read()
        assert "other-word" not in str(caught.value)
        assert "the secret 'warehouse' says where the database is" in str(caught.value)


def test_a_write_is_whole_or_not_there(url: str) -> None:
    run_on(url, "CREATE TABLE sales (id INTEGER NOT NULL, price FLOAT, CHECK (id < 4))")
    handle(url, table="sales").write(ROWS[["id", "price"]].head(2))
    for mode in ({}, {"mode": "append"}, {"mode": "merge", "key": ("id",)}):
        with pytest.raises(StepError, match=r"(?i)constraint"):
            handle(url, run="r5", table="sales", **mode).write(ROWS[["id", "price"]])
        assert ids(url) == [1, 2]
    handle(url, run="r5", table="sales", mode="append").write(ROWS[["id", "price"]].head(1))
    assert ids(url) == [1, 1, 2]


@pytest.mark.long
def test_two_writers_wait_for_each_other(url: str) -> None:
    """Both read what is there and write: without a lock one would lose the other's rows."""
    handle(url, table="log", mode="append").write(ROWS)
    failed: list[BaseException] = []
    ready = threading.Barrier(4)

    def write(number: int) -> None:
        try:
            ready.wait(60)
            for turn in range(3):
                run = f"w{number}-{turn}"
                handle(url, run=run, table="log", mode="append").write(ROWS)
                rows = ROWS.assign(id=ROWS["id"] + 10 * (number % 2))
                handle(url, run=run, table="all", mode="merge", key=("id",)).write(rows)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(250)
    assert not failed
    assert len(handle(url, table="log").read()) == 4 * 13
    assert ids(url, "all") == [1, 2, 3, 4, 11, 12, 13, 14]


def test_appends_make_their_table_of_marks_at_once(url: str) -> None:
    """Writers of different tables wait for nothing but the making of what they share."""
    failed: list[BaseException] = []
    ready = threading.Barrier(4)

    def write(number: int) -> None:
        try:
            ready.wait(60)
            handle(url, table=f"t{number}", mode="append").write(ROWS)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(250)
    assert not failed
    assert [len(handle(url, table=f"t{number}").read()) for number in range(4)] == [4] * 4


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"mode": "append"}, [[1, 1.0], [2, 2.0], [3, 3.0], [3, 30.0], [4, 40.0]]),
        ({"mode": "merge", "key": ["id"]}, [[1, 1.0], [2, 2.0], [3, 30.0], [4, 40.0]]),
        ({"mode": "replace interval"}, [[1, 1.0], [3, 30.0], [4, 40.0]]),
        ({}, [[3, 30.0], [4, 40.0]]),
    ],
    ids=["append", "merge", "interval", "all"],
)
@pytest.mark.long
@pytest.mark.parametrize("start", ["there", "new"])
def test_a_writer_that_is_killed_anywhere_tries_again(
    url: str, declared: Any, expected: list[Any], start: str
) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.contract.sql_kill_child",
        url,
        start,
        json.dumps(declared),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=290)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["killed"] >= 10
    assert told["found"] == [expected if start == "there" else [[3, 30.0], [4, 40.0]]]


@pytest.mark.parametrize("dialect", ["mysql", "mariadb", "mysql+pymysql"])
def test_a_table_without_transactions_is_refused(mariadb: DatabaseServer, dialect: str) -> None:
    own = mariadb.database()
    url = own.replace("mysql+pymysql", dialect)
    handle(url, table="sales").write(ROWS)
    assert ids(url) == [1, 2, 3, 4]
    run_on(own, "ALTER TABLE sales ENGINE=MyISAM")
    with pytest.raises(StepError, match="the table's engine MyISAM has no transactions; ALTER"):
        handle(url, table="sales").write(ROWS.head(1))
    assert ids(url) == [1, 2, 3, 4]


@pytest.mark.parametrize("dialect", ["postgres", "postgresql"])
def test_a_url_without_a_driver_gets_one(postgresql: DatabaseServer, dialect: str) -> None:
    url = postgresql.database().replace("postgresql+psycopg", dialect)
    handle(url, table="public.sales").write(ROWS)
    assert ids(url) == [1, 2, 3, 4]
