"""What a step's result was made with is part of its outcome, also where it is taken from the cache."""

from __future__ import annotations

import hashlib
import json
import platform

import pandas as pd

from atlas.runner import RunSettings
from atlas.step.provenance import digest_of_parts, imported_versions

SOURCE = """
import pandas as pd
from atlas import Data

class Rows(NamedTuple):
    rows: pd.DataFrame

class Load(Template):
    def run(self, source: Data) -> Rows:
        return Rows(source.read())

class Deliver(Template):
    def run(self, rows: pd.DataFrame, target: Data) -> None:
        target.write(rows)
"""
HERE = RunSettings(isolate="none")
STEPS = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.sales"}},
    "deliver": {
        "class": "steps:Deliver",
        "inputs": {"rows": "load.rows", "target": "data.scores"},
    },
}
CONFIG = {"data": {"sales": {"type": "table"}, "scores": {"type": "table"}}}


def shop(project, **sales):
    project.pipeline("shop", SOURCE, STEPS, config=CONFIG)
    project.write("sales.csv", "size,price\n1,2\n3,4\n")
    project.environment(
        data={
            "sales": {"uri": "project:sales.csv", **sales},
            "scores": {"uri": "project:scores.csv"},
        }
    )


def sha256(project, name):
    return hashlib.sha256((project.root / name).read_bytes()).hexdigest()


def test_what_was_read_and_written_is_recorded_by_its_digest(project):
    shop(project)
    ran = project.run(settings=HERE)
    assert ran.ok
    load, deliver = ran.outcome("load").provenance, ran.outcome("deliver").provenance
    (read,), (written,) = load["data"], deliver["data"]
    assert (read["name"], read["action"], read["sha256"], read["size"]) == (
        "sales", "read", sha256(project, "sales.csv"), len("size,price\n1,2\n3,4\n"),
    )  # fmt: skip
    assert (written["name"], written["action"]) == ("scores", "written")
    assert written["sha256"] == sha256(project, "scores.csv")
    assert read["uri"].endswith("/sales.csv")


def test_python_and_the_packages_that_the_step_imported_are_recorded(project):
    shop(project)
    made_with = project.run(settings=HERE).outcome("load").provenance
    assert made_with["python"] == platform.python_version()
    assert made_with["packages"]["pandas"] == pd.__version__
    assert "image" not in made_with
    assert set(imported_versions()) & {"os", "json"} == set()


def test_a_result_of_the_cache_says_what_it_was_made_with(project):
    shop(project, version="1")
    first = project.run(settings=HERE).outcome("load")
    again = project.run(settings=HERE).outcome("load")
    assert again.cached
    assert again.provenance == first.provenance


def test_a_result_that_an_earlier_version_kept_is_taken_without_it(project):
    shop(project, version="1")
    assert project.run(settings=HERE).ok
    store = project.store.location
    for entry in list(store.entries("cache")):
        kept = json.loads(store.read(entry.key))
        del kept["provenance"]
        store.write(entry.key, json.dumps(kept).encode())
    again = project.run(settings=HERE).outcome("load")
    assert (again.cached, again.provenance) == (True, {})


def test_no_cache_and_another_image_is_another_result(project, monkeypatch):
    shop(project, version="1")
    assert not project.run(settings=HERE).outcome("load").cached
    monkeypatch.setenv("ATLAS_IMAGE", "atlas/shop/base@sha256:1")
    ran = project.run(settings=HERE)
    assert not ran.outcome("load").cached
    assert ran.outcome("load").provenance["image"] == "atlas/shop/base@sha256:1"


def test_the_digest_of_several_files_follows_from_their_names_and_contents():
    one, two = ("a" * 64, 1), ("b" * 64, 2)
    assert digest_of_parts({"x": one}) == one[0]
    assert digest_of_parts({"x": one, "y": two}) != digest_of_parts({"x": two, "y": one})
