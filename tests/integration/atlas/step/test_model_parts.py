"""Model parts: read from the run's own store or one that the Environment names, as registered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import AtlasError, InvalidError, PlatformError, StoreError
from atlas.plan import Plan
from atlas.runner import RunSettings
from atlas.store import open_store
from atlas.tracking.registry import PARTS, LocalRegistry, RegisteredVersion, parsed_parts
from tests.projects import Project, Ran

SOURCE = """
import os, pathlib

class Mean:
    def __init__(self, value):
        self.value = value
    def __reduce__(self):
        return Mean, (self.value,)

class Made(NamedTuple):
    part: Any

class Make(Template):
    def run(self) -> Made:
        return Made(Mean(3))

class Bad:
    def __reduce__(self):
        return os.mkdir, ("made-by-an-attack",)

class Said(NamedTuple):
    value: int

class Use(Template):
    def run(self, part: Any) -> Said:
        return Said(part.value)
"""
PICKLE = {"outputs": {"part": {"format": "pickle"}}}
CONFIG = {"model": {"name": "m", "from": {"part": "make.part"}}}
USE = {"use": {"class": "steps:Use", "inputs": {"part": "model.part"}}}


def trained(project: Project, config: Any = None, **make: Any) -> Ran:
    step = {"make": {"class": "steps:Make", **(make or PICKLE)}}
    project.pipeline("p", SOURCE, step, USE, config or CONFIG)
    ran = project.run(flows=["training"])
    assert ran.ok, ran.errors()
    return ran


def used(project: Project) -> Ran:
    return project.run(flows=["inference"])


def registered(project: Project) -> dict[str, Any]:
    version = LocalRegistry(project.store).find("m", "champion")
    parts: dict[str, Any] = json.loads(version.tags[PARTS])["part"]
    return parts


def forge(project: Project, **fields: Any) -> None:
    """Change what the registry says of the champion's part."""
    key = "models/m/versions/local-1.json"
    record = json.loads(project.store.location.read(key))
    part = {k: v for k, v in {**registered(project), **fields}.items() if v is not None}
    record["tags"][PARTS] = json.dumps({"part": part})
    project.store.location.write(key, json.dumps(record).encode())


def refusal(project: Project) -> str:
    try:
        ran = used(project)
    except AtlasError as error:
        return str(error)
    assert not ran.ok
    return " ".join([*ran.errors().values(), *(one.error for one in ran.result.runs)])


def copied(project: Project, where: Path, pipeline: str = "p") -> str:
    """Copy the run's store elsewhere, and return where the part is there."""
    import shutil

    shutil.copytree(project.state / "store", where)
    key = registered(project)["uri"].removeprefix(f"{project.url}/")
    return f"{where.as_uri()}/{key}"


def test_a_part_of_the_run_s_own_store_is_used(project):
    trained(project)
    assert used(project).value("use", "value") == 3
    assert set(registered(project)) == {"uri", "sha256", "manifest"}


def test_a_part_of_another_store_is_refused_before_the_run_starts(project, tmp_path):
    trained(project)
    forge(project, uri=copied(project, tmp_path / "theirs"))
    message = refusal(project)
    assert "is in no store that this run may read" in message
    assert f"expected one in {project.url}" in message
    assert '"stores": [' in message
    assert project.store.runs("p") == [project.store.runs("p")[0]]


def test_a_part_of_a_store_that_the_environment_names_is_used(project, tmp_path):
    trained(project)
    forge(project, uri=copied(project, tmp_path / "team"))
    project.environment(stores=[f"{(tmp_path / 'team').as_uri()}/"])
    assert used(project).value("use", "value") == 3


def test_a_part_of_another_store_needs_the_manifest_s_digest(project, tmp_path):
    trained(project)
    uri = copied(project, tmp_path / "team")
    project.environment(stores=[(tmp_path / "team").as_uri()])
    forge(project, uri=uri, manifest=None)
    assert "registered without the digest of its manifest" in refusal(project)


def test_a_part_that_was_registered_earlier_is_read_from_the_own_store(project):
    trained(project)
    forge(project, manifest=None)
    assert used(project).value("use", "value") == 3


@pytest.mark.parametrize(
    "rest",
    ["/../../outside/p/r/s/o", "/p/../../s/o", "/p/r/s", "/plans/r/s/o", "/p/r/s/o/", "//p/r/s/o",
     "/p/r/s/o/../o", "-too/p/r/s/o", "/p/r/s/.o", "/p/r/s\\..\\o/o"],
)  # fmt: skip
def test_a_uri_that_leads_out_is_refused(project, rest):
    trained(project)
    forge(project, uri=f"{project.url}{rest}")
    assert any(words in refusal(project) for words in ("isn't an artifact of", "is in no store"))


@pytest.mark.parametrize(
    "uri", ["/etc", "file:///etc/p/r/s/o", "s3://theirs/atlas/p/r/s/o", "http://x/p/r/s/o",
            "FILE:///x/p/r/s/o", "file://host/x/p/r/s/o", "p/r/s/o", ""],
)  # fmt: skip
def test_a_uri_of_anywhere_else_is_refused(project, uri):
    trained(project)
    forge(project, uri=uri)
    assert "is in no store that this run may read" in refusal(project)


@pytest.mark.parametrize(
    ("field", "value"),
    [("type", "evil.Type"), ("facts", {"library": "x"}), ("format", "bytes"), ("size", 1)],
)
def test_a_changed_manifest_is_told(project, field, value):
    trained(project)
    key = registered(project)["uri"].removeprefix(f"{project.url}/")
    manifest = json.loads(project.store.location.read(f"{key}/manifest.json"))
    manifest[field] = value
    project.store.location.write(f"{key}/manifest.json", json.dumps(manifest).encode())
    message = refusal(project)
    assert "isn't the part that was registered: its manifest's digest is" in message
    assert "its format, type or facts have been changed" in message


def test_changed_data_with_a_manifest_to_match_are_told(project):
    trained(project)
    key = registered(project)["uri"].removeprefix(f"{project.url}/")
    pipeline, run, step, output = key.split("/")
    project.store.put(pipeline, run, step, output, {"other": 1}, format="pickle")
    assert "isn't the part that was registered: its sha256 is" in refusal(project)


def test_only_the_local_plan_allows_a_pickle(project):
    """The artifact is a pickle, and so says the training's Plan in the store; this run's doesn't."""
    trained(project)
    recipe = {"version": 1, "name": "p-training", "flow": "training",
              "steps": {"make": {"class": "steps:Make"}}}  # fmt: skip
    project.write("p/training.json", json.dumps(recipe))
    message = refusal(project)
    assert "is a pickle, which would run whatever is in it" in message
    assert not Path("made-by-an-attack").exists()


def test_a_pickle_of_another_pipeline_is_read_where_its_recipe_in_the_project_says_so(project):
    step = {"make": {"class": "steps:Make", **PICKLE}}
    project.pipeline("p", SOURCE, step)
    read = {"use": {"class": "steps:Use", "inputs": {"part": "pipeline:p/make.part"}}}
    project.pipeline("q", SOURCE, read)
    ran = project.run()
    (run,) = project.store.runs("q")
    assert ran.ok, "in one run, each finds the other's code"
    assert project.store.get("q", run, "use", "value") == 3
    source = project.plan("q").step("use").inputs["part"]
    assert source.format == "pickle"
    assert Plan.from_text(project.plan("q").text) == project.plan("q")
    project.pipeline("p", SOURCE, {"make": {"class": "steps:Make"}})
    assert project.plan("q").step("use").inputs["part"].format == ""
    ran = project.run("q", RunSettings(use_cache=False))
    assert "is a pickle, which would run whatever is in it" in ran.errors()["use"]


def test_the_local_plan_says_how_parts_are_kept(project):
    trained(project)
    plan = project.plan("p", "inference")
    assert plan.model.outputs["part"].format == "pickle"
    assert Plan.from_text(plan.text) == plan
    skops = {"outputs": {"part": {"format": "skops", "trust": ["a.B", "c.d.E"]}}}
    project.pipeline("p", SOURCE, {"make": {"class": "steps:Make", **skops}}, USE, CONFIG)
    plan = project.plan("p", "inference")
    assert plan.model.outputs["part"].trust == ("a.B", "c.d.E")
    assert Plan.from_text(plan.text) == plan


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "null", '"x"', "{", '{"part": 3}', '{"part": {"uri": "x"}}',
     '{"part": {"uri": 3, "sha256": "0"}}', '{"part": {"uri": "x", "sha256": "../../etc"}}',
     '{"part": {"uri": "x\\u0000", "sha256": "%s"}}' % ("0" * 64),
     '{"part": {"uri": "x", "sha256": "%s", "manifest": "y"}}' % ("0" * 64),
     '{"part": {"uri": "x", "sha256": "%s", "manifest": []}}' % ("0" * 64),
     '{"pa\\nrt": {"uri": "x", "sha256": "%s"}}' % ("0" * 64), "[" * 100_000,
     '{"part": []}'],
)  # fmt: skip
def test_a_tag_that_says_something_else_is_told(text):
    version = RegisteredVersion("m", "3", {PARTS: text, "atlas.metrics": text})
    with pytest.raises(PlatformError, match=r"model m, version 3: tag 'atlas\.parts': "):
        version.resolved()
    assert version.uris() == []
    assert version.metrics() in ({}, {"part": 3})


def test_metrics_of_a_tag_are_numbers():
    text = '{"a": 1, "b": "x", "c": true, "d": NaN, "e": null, "f": 1e400, "g": -2.5}'
    assert RegisteredVersion("m", "3", {"atlas.metrics": text}).metrics() == {"a": 1.0, "g": -2.5}


def test_fields_of_a_later_version_are_left():
    text = json.dumps({"part": {"uri": "x", "sha256": "0" * 64, "later": {"a": 1}}})
    assert parsed_parts(text)["part"].uri == "x"


@pytest.mark.parametrize(
    ("key", "content"),
    [("aliases/champion.json", b"{"), ("aliases/champion.json", b'{"version": "../../x"}'),
     ("aliases/champion.json", b'{"version": 3}'), ("versions/local-1.json", b"[]"),
     ("versions/local-1.json", b'{"version": "local-2", "tags": {}}'),
     ("versions/local-1.json", b'{"version": "local-1", "tags": []}')],
)  # fmt: skip
def test_a_damaged_record_of_the_store_s_registry_is_told(project, key, content):
    trained(project)
    project.store.location.write(f"models/m/{key}", content)
    with pytest.raises(PlatformError, match=r"isn't a record of a model|is damaged"):
        LocalRegistry(project.store).find("m", "champion")


def test_a_run_record_that_was_changed_chooses_no_store(project, tmp_path):
    """What a run is bound to is in a file of the store too: it is checked when it is used."""
    from atlas.step.inputs import Reader

    trained(project)
    ran = used(project)
    run, plan = ran.first.run, project.plan("p", "inference")
    part = run.model.parts["part"]
    theirs = copied(project, tmp_path / "theirs")
    moved = replace(run, model=replace(run.model, parts={"part": replace(part, uri=theirs)}))
    step = plan.step("use")
    with pytest.raises(AtlasError, match="is in no store that this run may read"):
        Reader(project.store, plan, moved).value(step, "part", step.inputs["part"])


@pytest.mark.parametrize(
    "stores",
    [["http://x"], ["/tmp"], ["file:///a?b"], ["s3://"], "s3://x", [3], ["s3://x", "s3://x"]],
)
def test_an_environment_names_stores_by_url(project, stores):
    project.pipeline("p", SOURCE, {"make": {"class": "steps:Make"}})
    project.environment(stores=stores)
    with pytest.raises(InvalidError):
        project.resolve()


def test_a_store_of_the_environment_is_in_the_plan(project):
    project.pipeline("p", SOURCE, {"make": {"class": "steps:Make"}})
    assert "stores" not in project.plan().text
    project.environment(stores=["s3://team-models/atlas/"])
    assert project.plan().stores == ("s3://team-models/atlas",)
    assert Plan.from_text(project.plan().text).stores == ("s3://team-models/atlas",)


def test_own_classes_are_kept_as_skops_by_their_code(project):
    source = """
    from sklearn.base import BaseEstimator
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.pipeline import make_pipeline

    class Twice(BaseEstimator):
        def fit(self, rows, y=None):
            return self
        def transform(self, rows):
            return rows * 2

    def more(rows):
        return rows + 1

    class Made(NamedTuple):
        model: Any

    class Make(Template):
        def run(self) -> Made:
            return Made(make_pipeline(Twice(), FunctionTransformer(more)).fit([[1]]))

    class Said(NamedTuple):
        value: int

    class Use(Template):
        def run(self, model: Any) -> Said:
            import numpy
            return Said(int(model.transform(numpy.array([[3]]))[0][0]))
    """
    training = {"make": {"class": "steps:Make"}}
    inference = {"use": {"class": "steps:Use", "inputs": {"model": "model.part"}}}
    config = {"model": {"name": "m", "from": {"part": "make.model"}}}
    project.pipeline("p", source, training, inference, config)
    assert project.run(flows=["training"]).ok
    ran = project.run(flows=["inference"])
    assert ran.value("use", "value") == 7
    store = open_store(project.url)
    training_run = next(one for one in store.runs("p") if "training" in one)
    with pytest.raises(StoreError, match=r"steps\.more of the pipeline p's own code"):
        store.get("p", training_run, "make", "model")


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"{}", b'{"run": 3, "steps": ["make"]}', b'{"run": "../x", "steps": ["make"]}',
     b'{"run": "x", "steps": null}'],
)  # fmt: skip
def test_a_damaged_pointer_to_the_latest_run_is_told(project, content):
    from atlas.step.upstream import latest

    trained(project)
    project.store.location.write("p/latest-training.json", content)
    with pytest.raises(StoreError, match=r"points at no run|no run can be called"):
        latest(project.store, "p", "make")
