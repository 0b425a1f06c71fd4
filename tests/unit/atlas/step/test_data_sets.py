"""Data sets in whole pipelines: content versions and the cache, databases, checks, what is known."""

from __future__ import annotations

import io
import os
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.datasets.versions import content_version
from atlas.runner import RunSettings
from atlas.runs.data_sets import data_sets
from atlas.store import open_location
from atlas_cli.watching import watcher
from tests.projects import Project, project

__all__ = ["project"]

SOURCE = """
import pandas as pd
from atlas import Data

class Rows(NamedTuple):
    rows: pd.DataFrame

class Load(Template):
    def run(self, source: Data) -> Rows:
        return Rows(source.read())

class Told(NamedTuple):
    kind: str

class Tell(Template):
    def run(self, source: Data) -> Told:
        return Told(type(source.read()).__name__)

class Meddle(Template):
    def run(self, source: Data) -> Rows:
        rows = source.read()
        with open(source.uri.removeprefix("file://"), "a") as file:
            file.write("5,6\\n")
        return Rows(rows)

class Deliver(Template):
    def run(self, rows: pd.DataFrame, target: Data) -> None:
        target.write(rows)
"""
HERE = RunSettings(isolate="none")


def shop(
    project: Project, where: Any, *, cls: str = "Load", steps: Any = None, **declared: Any
) -> None:
    load = {"class": f"steps:{cls}", "inputs": {"source": "data.sales"}}
    data = {"sales": {"type": "table", **declared}}
    data |= {"scores": {"type": "table"}} if steps else {}
    project.pipeline("shop", SOURCE, {"load": load, **(steps or {})}, config={"data": data})
    places = {"sales": where, **({"scores": {"uri": "store:scores.parquet"}} if steps else {})}
    project.environment(data=places, secrets={"db": {"variable": "SHOP_DB"}})


def old(path: Path) -> None:
    """Make a file look as if it was written long ago, so that its stamp is trusted."""
    os.utime(path, (1e9, 1e9))


@pytest.mark.parametrize("form", ["file", "folder"])
def test_a_content_version_is_what_files_hold(project: Project, form: str) -> None:
    names = ["sales.csv"] if form == "file" else ["sales/a.csv", "sales/b.csv"]
    uri = {"file": "project:sales.csv", "folder": "project:sales/"}[form]
    shop(project, {"uri": uri, "format": "csv", "version": "content"})
    for name in names:
        old(project.write(name, "size,price\n1,2\n"))
    assert project.run(settings=HERE).cached() == set()
    assert project.run(settings=HERE).cached() == {"load"}
    project.write(names[-1], "size,price\n1,2\n")  # The same content, written again.
    assert project.run(settings=HERE).cached() == {"load"}
    project.write(names[-1], "size,price\n1,3\n")
    ran = project.run(settings=HERE)
    assert ran.cached() == set()
    assert ran.value("load", "rows")["price"].tolist()[-1] == 3
    old(project.write(names[-1], "size,price\n1,2\n"))
    assert project.run(settings=HERE).cached() == {"load"}
    if form == "folder":
        project.write("sales/c.csv", "size,price\n1,2\n")
        assert len(project.run(settings=HERE).value("load", "rows")) == 3


def test_a_change_of_the_same_size_and_time_shortly_after_is_seen(project: Project) -> None:
    shop(project, {"uri": "project:sales.csv", "version": "content"})
    path = project.write("sales.csv", "size,price\n1,2\n")
    status = path.stat()
    project.run(settings=HERE)
    with path.open("r+") as file:  # The same file, in place.
        file.write("size,price\n9,9\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert project.run(settings=HERE).value("load", "rows")["price"].tolist() == [9]


def test_a_change_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    """The time of writing may be set back; that of change may not."""
    place, kept = (
        open_location(f"file://{tmp_path}/d", links=True),
        open_location(f"file://{tmp_path}/k"),
    )
    path = tmp_path / "d" / "a.csv"
    path.parent.mkdir()
    path.write_text("a\n1\n")
    old(path)
    before = content_version(kept, place, "a.csv", "n", None)
    with path.open("r+") as file:
        file.write("a\n2\n")
    old(path)
    assert content_version(kept, place, "a.csv", "n", None) != before


def test_links_in_a_folder(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_PROJECT", str(project.root))
    shop(project, {"uri": "project:sales/", "format": "csv", "version": "content"})
    folder = project.write("sales/a.csv", "size,price\n1,2\n").parent
    (folder / "loop").symlink_to(".")
    (folder / "notes.txt").symlink_to("gone")
    assert project.run(settings=HERE).errors() == {}
    assert data_sets(project.root, "local", project.store)[0].problem == ""
    (folder / "b.csv").symlink_to("gone")
    told = data_sets(project.root, "local", project.store)[0].problem
    assert "sales/b.csv: is a link to nothing" in told
    assert "sales/b.csv: is a link to nothing" in project.run(settings=HERE).errors()["load"]
    shop(project, {"uri": "project:sales/", "format": "csv"})
    assert "sales/b.csv: is a link to nothing" in project.run(settings=HERE).errors()["load"]


def test_the_type_is_part_of_what_the_cache_knows(project: Project) -> None:
    project.write("sales.json", '{"size": [1], "price": [2]}')
    where = {"uri": "project:sales.json", "version": "1"}
    for type, kind in (("file", "dict"), ("table", "DataFrame")):
        shop(project, where, cls="Tell", type=type)
        ran = project.run(settings=HERE)
        assert (ran.cached(), ran.value("load", "kind")) == (set(), kind)
    assert project.run(settings=HERE).cached() == {"load"}


@pytest.mark.parametrize("text", ['["x"]', "no"])
def test_a_credential_that_is_no_object_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SHOP_DB", text)
    shop(project, {"uri": "s3://lake/sales.csv", "credential": "db"})
    told = data_sets(project.root, "local", project.store)[0].problem
    assert told == (
        "secret 'db' isn't a credential: expected a JSON object with fsspec's storage options"
    )


def test_what_checks_found_is_told_of_later_runs_too(project: Project) -> None:
    checks: dict[str, Any] = {"columns": {"price": {"minimum": 0}}}
    where = {"uri": "project:sales.csv", "version": "content"}
    project.write("sales.csv", "size,price\n1,-2\n")
    found = "checks.columns.price.minimum: found -2, expected at least 0"

    def told() -> tuple[str, ...]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ATLAS_PROJECT", str(project.root))
            return data_sets(project.root, "local", project.store)[0].broken

    shop(project, where, checks={**checks, "on_breach": "warn"})
    for cached in (set(), {"load"}):
        ran = project.run(settings=HERE)
        assert ran.cached() == cached
        assert f"data.sales: {found}" in ran.outcome("load").notes
        out = io.StringIO()
        show = watcher(out, as_json=False, several=False)
        for event in ran.events:
            show(event)
        assert f"warning data.sales: {found}" in out.getvalue()
        assert told() == (found,)
    project.write("sales.csv", "size,price\n1,2\n")
    assert project.run(settings=HERE).ok
    assert told() == ()
    project.write("sales.csv", "size,price\n1,-2\n")
    shop(project, where, checks=checks)
    assert not project.run(settings=HERE).ok
    assert told() == (found,)


def test_what_changes_while_it_is_read_is_not_kept(project: Project) -> None:
    shop(project, {"uri": "project:sales.csv", "version": "content"}, cls="Meddle")
    old(project.write("sales.csv", "size,price\n1,2\n"))
    for rows in (1, 2, 3):
        ran = project.run(settings=HERE)
        assert ran.cached() == set()
        assert len(ran.value("load", "rows")) == rows
    old(project.write("sales.csv", "size,price\n1,2\n"))
    assert len(project.run(settings=HERE).value("load", "rows")) == 1


def test_options_are_part_of_what_the_cache_knows(project: Project) -> None:
    project.write("sales.csv", "size;price\n1;2\n")
    where = {"uri": "project:sales.csv", "version": "1", "csv": {"separator": ";"}}
    shop(project, where)
    assert project.run(settings=HERE).cached() == set()
    assert project.run(settings=HERE).cached() == {"load"}
    shop(project, {**where, "csv": {"separator": ";", "types": {"price": "string"}}})
    ran = project.run(settings=HERE)
    assert ran.cached() == set()
    assert ran.value("load", "rows")["price"].tolist() == ["2"]


def test_a_database_is_read_for_the_interval_of_a_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = project.root / "hunter2hunter2.db"
    rows = pd.DataFrame({"id": [1, 2], "sold": ["2026-01-01 10:00:00", "2026-01-02 10:00:00"]})
    with sqlite3.connect(base) as connection:
        rows.to_sql("sales", connection, index=False)
    connection.close()
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{base}")
    query = "SELECT * FROM sales WHERE sold >= :interval_start AND sold < :interval_end"
    shop(project, {"uri": "sql:db", "query": query})
    settings = RunSettings(
        isolate="none",
        interval_start="2026-01-02T00:00:00+00:00",
        interval_end="2026-01-03T00:00:00+00:00",
    )
    ran = project.run(settings=settings)
    assert ran.errors() == {}
    assert ran.value("load", "rows")["id"].tolist() == [2]
    assert ran.outcome("load").statistics["read"]["sales"]["rows"] == 1
    said = project.run(settings=HERE).errors()["load"]
    assert said == (
        "data.sales: the query names :interval_start, and the run has no interval; "
        "give it one (`atlas run --interval A..B`, or the flow's schedule)"
    )
    shop(project, {"uri": "sql:db", "table": "sale"})
    ran = project.run(settings=HERE)
    assert "there is no table 'sale'; the database has sales" in ran.errors()["load"]
    for entry in project.store.location.entries(""):
        assert b"hunter2hunter2" not in project.store.location.read(entry.key), entry.key


def test_a_target_with_a_content_version_may_be_new(project: Project) -> None:
    deliver = {"class": "steps:Deliver", "inputs": {"rows": "load.rows", "target": "data.scores"}}
    project.write("sales.csv", "size,price\n1,2\n")
    shop(project, {"uri": "project:sales.csv"}, steps={"deliver": deliver})
    scores = {"uri": "project:out/scores.parquet", "version": "content"}
    sales = {"uri": "project:sales.csv", "version": "content"}
    project.environment(data={"sales": sales, "scores": scores})
    for _ in range(2):
        assert project.run(settings=HERE).errors() == {}
    assert pd.read_parquet(project.root / "out/scores.parquet")["price"].tolist() == [2]
    (project.root / "sales.csv").unlink()
    said = project.run(settings=HERE).errors()["load"]
    assert said.startswith("data.sales: nothing at file://")


def test_members_append_beside_each_other(project: Project) -> None:
    steps = {
        "load": {"class": "steps:Load", "inputs": {"source": "data.sales"}},
        "deliver": {
            "class": "steps:Deliver",
            "inputs": {"rows": "load.rows", "target": "data.scores"},
        },
    }
    scores = {"type": "table", "write": "append", "partition": ["{interval}"]}
    config = {"data": {"sales": {"type": "table"}, "scores": scores}}
    project.pipeline("one", SOURCE, steps, config=config)
    project.pipeline("two", SOURCE, steps, config=config)
    places = {"sales": {"uri": "project:sales.csv"}, "scores": {"uri": "store:scores/"}}
    project.environment(data=places)
    project.write("sales.csv", "size,price\n1,2\n")
    settings = RunSettings(
        isolate="none",
        interval_start="2026-01-01T00:00:00+00:00",
        interval_end="2026-01-02T00:00:00+00:00",
    )
    assert all(project.run(name, settings=settings).ok for name in ("one", "two"))
    parts = (project.root / ".atlas/store/scores").rglob("part-*.parquet")
    ends = sorted(path.stem.partition("Z-")[2] or path.stem for path in parts)
    assert [
        end.endswith(f"{name}.training.deliver")
        for end, name in zip(ends, ("one", "two"), strict=True)
    ] == [True, True]


def test_checks_fail_the_step_or_warn(project: Project) -> None:
    project.write("sales.csv", "size,price\n1,-2\n")
    checks: dict[str, Any] = {"columns": {"price": {"minimum": 0}}}
    shop(project, {"uri": "project:sales.csv"}, checks=checks)
    found = "data.sales: checks.columns.price.minimum: found -2, expected at least 0"
    assert project.run(settings=HERE).errors() == {"load": found}
    shop(project, {"uri": "project:sales.csv"}, checks={**checks, "on_breach": "warn"})
    ran = project.run(settings=HERE)
    assert ran.ok
    assert found in ran.outcome("load").notes


def test_what_is_known_of_data_sets(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_PROJECT", str(project.root))
    text = "size,price\n1,-2\n3,4\n"
    deliver = {"class": "steps:Deliver", "inputs": {"rows": "load.rows", "target": "data.scores"}}
    checks = {"columns": {"price": {"minimum": 0}}, "rows": {"minimum": 1}, "on_breach": "warn"}
    where = {"uri": "project:sales.csv", "version": "content"}
    shop(project, where, steps={"deliver": deliver}, checks=checks)
    project.write("sales.csv", text)
    before = {one.name: one for one in data_sets(project.root, "local", project.store)}
    assert before["scores"].problem == "nothing is there"
    assert (before["sales"].size, before["sales"].files, before["sales"].read_by) == (
        len(text),
        1,
        "",
    )
    assert len(before["sales"].version) == 64
    ran = project.run(settings=HERE)
    after = {one.name: one for one in data_sets(project.root, "local", project.store)}
    sales, scores = after["sales"], after["scores"]
    assert sales.read_by.startswith(f"shop/{ran.id} at ")
    assert (sales.rows, sales.checks) == (2, 2)
    assert sales.broken == ("checks.columns.price.minimum: found -2, expected at least 0",)
    assert scores.written_by.startswith(f"shop/{ran.id} at ")
    assert scores.size == (project.root / ".atlas/store/scores.parquet").stat().st_size
    assert sales.row()[3:5] == ("20 B", "2")
