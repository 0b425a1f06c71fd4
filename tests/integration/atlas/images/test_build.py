"""Building with a builder that only remembers: what is built when, and what comes of failures."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import quote

import pytest

from atlas.errors import DeployError, PlatformError
from atlas.images import (
    BUILT,
    FAILED,
    PUSHED,
    UNCHANGED,
    desired_images,
    ensure_images,
    known_images,
    lock_images,
    raise_failures,
    records,
    require_pushed,
    resolve_images,
)
from atlas.plan import resolve
from atlas.uris import path_of
from tests import canary

pytestmark = pytest.mark.usefixtures("no_own")


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    for module in ("environments", "final"):
        monkeypatch.setattr(f"atlas.images.{module}.compile_modules", lambda *_: None)


@pytest.fixture
def make(pipeline, store, builder):
    """Do what `atlas build` does."""

    def build(registry=None, only="", again=False):
        pipelines = resolve(pipeline.root)
        lock_images(pipelines, lambda _: None, upgrade=False)
        return ensure_images(
            desired_images(pipelines, only),
            state=pipeline.state,
            store=store,
            registry=registry,
            builder=lambda: builder,
            say=lambda _: None,
            again=again,
        )

    return build


def states(outcomes):
    return {one.desired.name: one.state for one in outcomes}


def test_two_images_are_built_pushed_and_then_left_alone(make, builder, registry):
    assert states(make(registry)) == {"base": PUSHED, "trees": PUSHED}
    built, pushed = list(builder.built), list(builder.pushed)
    assert len(pushed) == 2
    assert states(make(registry)) == {"base": UNCHANGED, "trees": UNCHANGED}
    assert (builder.built, builder.pushed) == (built, pushed)


def test_an_edit_of_code_builds_the_last_layer_only(make, builder, registry, pipeline):
    make(registry)
    builder.built.clear()
    pipeline.write("words/steps.py", (pipeline.root / "words/steps.py").read_text() + "# edit\n")
    make(registry)
    assert [name.partition(":")[0] for name in sorted(builder.built)] == [
        "localhost/atlas/words/base",
        "localhost/atlas/words/trees",
    ]
    (last,) = {tuple(builder.files[name]) for name in builder.built}
    assert "root/opt/atlas/code/steps.py" in last
    assert not any("/hello/" in name for name in last)


def test_a_dockerfile_is_built_from_what_it_copies(make, builder):
    make()
    (name,) = [name for name in builder.built if "foundation" in name]
    assert builder.files[name] == ["greeting.txt"]


def test_images_are_put_together_by_copying_alone(make, builder):
    make()
    for name, text in builder.dockerfiles.items():
        words = {line.split()[0] for line in text.splitlines() if line}
        assert "foundation" in name or "RUN" not in words
    final = next(text for name, text in builder.dockerfiles.items() if "words/base" in name)
    assert 'CMD ["python", "-m", "atlas.step"]' in final
    assert "ENTRYPOINT []" in final
    assert "USER 10001:10001" in final


def test_no_secret_is_in_labels_bills_or_layers(  # noqa: PLR0917 - fixtures
    make, builder, registry, pipeline, store, monkeypatch
):
    """Of the environment, of an index that asks for a password, of a remote, of a hidden file."""
    url = f"https://me:{quote(canary.CANARY, safe='')}@example.org"
    for name, value in canary.VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ATLAS_SECRET_CANARY", canary.CANARY)
    monkeypatch.setenv("UV_EXTRA_INDEX_URL", f"{url}/simple")
    pipeline.environment(secrets=canary.SECRETS)
    pipeline.write("words/.env", f"PASSWORD={canary.CANARY}\n")
    for words in (("init", "-q"), ("remote", "add", "origin", f"{url}/words.git")):
        subprocess.run(["git", *words], cwd=pipeline.root, check=True)
    assert states(make(registry)) == {"base": PUSHED, "trees": PUSHED}
    kept = [json.dumps(builder.labels), json.dumps(builder.dockerfiles)]
    kept += [json.dumps(builder.files), json.dumps(registry.documents)]
    folder = path_of(store.url)
    assert len([*folder.rglob("*.cdx.json")]) == 2
    assert [found for text in kept if (found := canary.traces(text))] == []
    assert canary.traces_below(folder) == canary.traces_below(pipeline.state) == {}


def test_labels_say_where_an_image_comes_from(make, builder):
    make()
    labels = next(labels for name, labels in builder.labels.items() if "words/base" in name)
    assert labels["org.atlas.recipe"] == "words-training"
    assert labels["org.opencontainers.image.base.name"] == "localhost/python:3.11"
    assert "org.atlas.version" in labels


def test_without_a_registry_images_stay_in_the_engine(make, builder, store, pipeline):
    assert states(make()) == {"base": BUILT, "trees": BUILT}
    assert states(make()) == {"base": UNCHANGED, "trees": UNCHANGED}
    builder.images = {name: f for name, f in builder.images.items() if "words/base" not in name}
    assert states(make()) == {"base": BUILT, "trees": UNCHANGED}, "the engine had lost it"


def test_a_local_build_does_not_forget_what_was_pushed(make, builder, registry, store):
    make(registry)
    builder.images = {"localhost/python:3.11": builder.images["localhost/python:3.11"]}
    assert states(make()) == {"base": BUILT, "trees": BUILT}
    assert all(one.digest and one.registry for one in records(store))
    assert states(make(registry)) == {"base": UNCHANGED, "trees": UNCHANGED}


def test_a_registry_that_has_lost_an_image_gets_it_again(make, builder, registry, store):
    make(registry)
    builder.pushed.clear()
    assert states(make(registry)) == {"base": PUSHED, "trees": PUSHED}
    assert len(builder.pushed) == 2


def test_an_interrupted_push_is_taken_up_again_without_a_build(make, builder, registry, store):
    builder.fail["push words/trees"] = "write: broken pipe"
    outcomes = make(registry)
    assert states(outcomes) == {"base": PUSHED, "trees": FAILED}
    with pytest.raises(DeployError, match=r"I206: atlas/words/trees:.*broken pipe"):
        raise_failures(outcomes)
    assert len(list(records(store))) == 1
    builder.fail.clear()
    builder.built.clear()
    assert states(make(registry)) == {"base": UNCHANGED, "trees": PUSHED}
    assert builder.built == []


def test_what_a_killed_build_left_is_removed_by_the_next(make, pipeline):
    left = pipeline.state / "builds" / "work" / "auth-x"
    left.mkdir(parents=True)
    (left / "config.json").write_text("{}")
    make(only="base")
    assert not left.exists()


def test_a_push_that_did_not_arrive_is_an_error(make, builder, registry):
    builder.on_push = lambda *_: "sha256:" + "0" * 64
    outcomes = make(registry, only="base")
    assert "doesn't have what was pushed" in str(outcomes[0].error)


def test_a_dockerfile_that_fails_shows_its_last_lines_and_stops_no_other(make, builder, registry):
    builder.fail["build foundation"] = "STEP 2: RUN make\nmake: *** No rule to make target\n"
    outcomes = make(registry)
    assert states(outcomes) == {"base": PUSHED, "trees": FAILED}
    text = str(outcomes[1].error)
    assert text.startswith("I204: words/trees.Dockerfile: the build failed")
    assert "No rule to make target" in text
    assert ".log" in text


def test_an_image_that_does_not_start_is_neither_pushed_nor_recorded(
    make, builder, registry, store
):
    builder.fail["run words/base"] = "Traceback\nImportError: libgomp.so.1: cannot open"
    outcomes = make(registry, only="base")
    assert "I205" in str(outcomes[0].error)
    assert "libgomp" in str(outcomes[0].error)
    assert builder.pushed == []
    assert list(records(store)) == []


@pytest.mark.parametrize(
    ("proof", "words"),
    [({"user": 0}, "runs as user 0"), ({"code": "other"}, "isn't the pipeline's")],
)
def test_an_image_that_is_not_as_it_should_be(make, builder, proof, words):
    builder.proof = proof
    assert words in str(make(only="base")[0].error)


def test_a_base_that_is_not_there(make, builder):
    del builder.images["localhost/python:3.11"]
    builder.fail["pull"] = "Error: initializing source: manifest unknown"
    error = str(make(only="base")[0].error)
    assert error.startswith("I203: base image localhost/python:3.11: can't be pulled")
    assert "there is no such image" in error
    assert "base-image in [tool.atlas]" in error


def test_a_base_without_python(make, builder):
    builder.fail["run localhost/python"] = 'exec: "python": executable file not found in $PATH'
    assert "no `python` starts in it" in str(make(only="base")[0].error)


def test_a_full_disk(make, builder):
    builder.fail["build environment"] = "Error: write /x: no space left on device"
    assert "the disk is full" in str(make(only="base")[0].error)


def test_again_looks_for_newer_bases_and_builds_all(make, builder, registry):
    make(registry)
    count = len(builder.built)
    builder.built.clear()
    make(registry, again=True)
    assert len(builder.built) == count
    assert "localhost/python:3.11" in builder.pulled


def test_again_with_a_base_that_was_only_ever_made_here(make, builder):
    builder.fail["pull"] = "manifest unknown"
    assert states(make(again=True)) == {"base": BUILT, "trees": BUILT}


def test_no_engine_is_asked_when_the_registry_has_all(make, builder, registry, store, pipeline):
    make(registry)

    def gone():
        raise PlatformError("there is none")

    outcomes = ensure_images(
        desired_images(resolve(pipeline.root)),
        state=pipeline.state,
        store=store,
        registry=registry,
        builder=gone,
        say=lambda _: None,
    )
    assert {one.state for one in outcomes} == {UNCHANGED}


def test_deploy_takes_pinned_references_or_refuses(make, registry, store, pipeline):
    (one,) = resolve(pipeline.root)
    plan = one.plans["training"]
    with pytest.raises(DeployError, match=r"I201: words training: not built.* base .* trees "):
        resolve_images(plan, one.folder, store)
    make(registry)
    found = resolve_images(plan, one.folder, store, "registry.example.org")
    assert set(found) == {"", "base", "trees"}
    assert found["base"].startswith("registry.example.org/atlas/words/base@sha256:")
    assert known_images(plan, one.folder, store)["trees"].startswith("127.0.0.1:5000/atlas/words/")
    assert "@" not in found[""], "no step uses it, so it isn't built"


def test_images_that_are_only_built_are_refused_too(make, store, pipeline):
    make()
    (one,) = resolve(pipeline.root)
    with pytest.raises(DeployError, match="I201"):
        resolve_images(one.plans["training"], one.folder, store)


def test_the_bill_of_materials_is_beside_the_record(make, registry, store):
    make(registry, only="base")
    (built,) = records(store)
    bom = json.loads(store.location.read(built.sbom))
    assert bom["bomFormat"] == "CycloneDX"
    assert {one["purl"] for one in bom["components"]} == {
        "pkg:pypi/hello@1.0",
        "pkg:deb/debian/libc6@2.36",
    }
    assert bom["metadata"]["component"]["name"] == "atlas/words/base"
    assert "timestamp" not in bom["metadata"]


def test_members_of_a_family_share_their_images(pipeline, make, builder):
    config = json.loads((pipeline.root / "words/config.json").read_text())
    config["matrix"] = {"region": [f"r{number}" for number in range(30)]}
    pipeline.write("words/config.json", json.dumps(config))
    pipelines = resolve(pipeline.root)
    assert len(pipelines) == 30
    assert len(desired_images(pipelines)) == 2


def test_logs_are_kept_within_bounds(make, pipeline, monkeypatch):
    from atlas.images import work

    monkeypatch.setattr(work, "_KEPT_LOGS", 3)
    for number in range(6):
        source = (pipeline.root / "words/steps.py").read_text()
        pipeline.write("words/steps.py", f"{source}# {number}\n")
        make(only="base")
    assert len(list((pipeline.state / "builds" / "log").glob("*.log"))) <= 5


def test_images_that_are_gone_from_the_registry_are_named(make, pipeline, store, registry):
    pipelines = resolve(pipeline.root)
    require_pushed(pipelines, store, registry)
    first, second = make(registry)
    require_pushed(pipelines, store, registry)
    registry.delete(second.built.repository, second.built.digest)
    with pytest.raises(DeployError, match=r"I201: .* are gone: .*; `atlas build`") as raised:
        require_pushed(pipelines, store, registry)
    assert second.built.pinned in str(raised.value)
    assert first.built.pinned not in str(raised.value)
