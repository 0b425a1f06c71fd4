"""Releases, deployments, images and orchestrators' ids in the lineage, and what was altered of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from atlas.images.records import Built, write_record
from atlas.step.binding import RunRequest, bind, remember_page
from atlas.store.orchestrated import keep_run_ids
from atlas_deploy.desired.bundle import Part
from atlas_deploy.history import records
from tests.chains import edges, states

DIGEST = f"sha256:{'1' * 64}"
IMAGE = f"127.0.0.1:5000/atlas/prices/default@{DIGEST}"


def image(chain, **fields):
    """Record an image as `atlas build` does, and that the steps of the inference ran in it."""
    built = Built(
        repository="atlas/prices/default", tag="0123456789abcdef", digest=DIGEST,
        registry="127.0.0.1:5000", base="python:3.11-slim", python="3.11.2",
        commit=chain.git("rev-parse", "HEAD"), code=chain.project.plan("prices").code,
        **fields,
    )  # fmt: skip
    write_record(chain.project.store, built)
    for path in chain.store.glob(f"prices/{chain.inference}/*/outcome.json"):
        raw = json.loads(path.read_text())
        raw["provenance"]["image"] = IMAGE
        path.write_text(json.dumps(raw))
    (chain.store / "prices" / chain.inference).touch()


def deployed(chain, release=""):
    """Record a deployment of the inference as `atlas deploy` does, and score by it."""
    plan = chain.project.plan("prices", "inference")
    members = {"prices": "a" * 64}
    parts = [
        Part("AirflowDags", "dags", {"members": members, "plans": {"prices": plan.digest}}),
        Part("StepImages", "images", {"members": {"default": f"atlas/prices/default@{DIGEST}"}}),
    ]
    location = chain.project.store.location
    entry = records.add(
        location, "prices.local", "deploy", records.Record.of(parts),
        commit=chain.git("rev-parse", "HEAD"), champions={"prices": "local-1"}, release=release,
    )  # fmt: skip
    assert entry
    at = (datetime.now(UTC) - timedelta(seconds=2)).isoformat(timespec="seconds")
    path = chain.store / "deployments/history/prices.local/000001.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "at": at}))
    chain.inference = chain.score()


def released(chain):
    """Release the chain's commit, and return the release's name."""
    made = chain.project.atlas(
        "release", "prices", "--no-push", "--allow-unpushed", "--json",
        env={**_environment(), "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "a@example.com",
             "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "a@example.com"},
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    return "release/prices-1"


def _environment():
    from tests.projects import environment

    return environment()


@pytest.fixture
def whole(chain):
    """A chain with image, release and deployment."""
    chain.git("config", "user.name", "Ann")
    chain.git("config", "user.email", "ann@example.com")
    chain.release = released(chain)
    deployed(chain, chain.release)
    image(chain)
    return chain


def test_the_way_back_has_the_deployment_the_release_and_the_image(whole):
    lineage = whole.lineage("scores.csv", "up")
    assert edges(lineage) >= {
        ("deployment", "deployed the Plan of", "run"),
        ("release", "was deployed by", "deployment"),
        ("commit", "was released as", "release"),
        ("commit", "was deployed by", "deployment"),
        ("image", "ran steps of", "run"),
        ("commit", "is in", "image"),
    }
    assert (lineage.broken, len(lineage.of_kind("commit"))) == ((), 1)


@pytest.mark.parametrize("thing", [IMAGE, f"atlas/prices/default@{DIGEST}", DIGEST, "1" * 64,
                                   "0123456789abcdef", "atlas/prices/default:0123456789abcdef"])  # fmt: skip
def test_an_image_by_its_names_leads_on(whole, thing):
    lineage = whole.lineage(thing, "down")
    assert lineage.roots == (f"image:atlas/prices/default@{DIGEST}",)
    assert edges(lineage) >= {
        ("image", "ran steps of", "run"),
        ("image", "was deployed by", "deployment"),
        ("run", "wrote", "data"),
    }


def test_a_release_leads_on_to_the_predictions_and_back_to_all_that_it_pins(whole):
    for thing in (whole.release, "prices-1"):
        lineage = whole.lineage(thing)
        assert lineage.roots == ("release:release/prices-1",)
    assert edges(lineage) >= {
        ("release", "was deployed by", "deployment"),
        ("deployment", "deployed the Plan of", "run"),
        ("run", "wrote", "data"),
        ("model", "is pinned by", "release"),
        ("plan", "is pinned by", "release"),
    }
    assert ("model", "was the champion at", "deployment") in edges(
        whole.lineage("prices.local#1", "up")
    )


def test_the_commit_leads_to_all_of_them(whole):
    kinds = {node.ref.kind for node in whole.lineage(whole.git("rev-parse", "main"), "down").nodes}
    assert kinds == {"commit", "run", "model", "data", "image", "release", "deployment"}


def test_a_tag_that_was_moved(whole):
    commit = whole.commit("another")
    whole.git("tag", "-f", "-a", "-m", "moved", whole.release, commit)
    lineage = whole.lineage("scores.csv", "up")
    assert states(lineage) == {"release": "altered"}
    assert lineage.broken[0].where.startswith("tag release/prices-1")


def test_a_lock_that_was_altered(whole):
    """Somebody writes another lock into a commit of the same parent, and moves the tag there."""
    where = f"{whole.release}:release.lock.json"
    lock = json.loads(whole.git("show", where))
    lock["models"]["prices"]["digest"] = "0" * 64
    parent = whole.git("rev-parse", f"{whole.release}^{{commit}}~1")
    whole.git("checkout", "-q", "-B", "forged", parent)
    whole.project.write("release.lock.json", json.dumps(lock))
    forged = whole.commit("forged")
    whole.git("tag", "-f", "-a", "-m", "forged", whole.release, forged)
    lineage = whole.lineage(whole.release, "up")
    assert not lineage.is_sound
    assert any("as release/prices-1 pins it" in link.expected for link in lineage.broken)


def test_a_release_that_is_gone(whole):
    whole.git("tag", "-d", whole.release)
    lineage = whole.lineage("scores.csv", "up")
    assert states(lineage) == {"release": "missing"}
    assert lineage.is_sound


def test_the_record_of_a_deployment(whole):
    (record,) = whole.store.glob("deployments/records/*.json")
    record.write_text(record.read_text().replace('"a', '"b').replace("aaaa", "bbbb"))
    assert states(whole.lineage("scores.csv", "up"))["deployment"] == "altered"
    record.unlink()
    assert states(whole.lineage("prices.local#1", "up"))["deployment"] == "missing"


def test_an_image_with_other_code(whole):
    image(whole)
    (record,) = whole.store.glob("images/atlas/prices/default/*.json")
    raw = json.loads(record.read_text())
    record.write_text(json.dumps({**raw, "code": "0" * 64}))
    lineage = whole.lineage("scores.csv", "up")
    assert any(link.found.startswith("code 000") for link in lineage.broken)
    assert not lineage.is_sound


def test_an_image_without_a_record_is_unchecked(whole):
    (record,) = whole.store.glob("images/atlas/prices/default/*.json")
    record.unlink()
    lineage = whole.lineage("scores.csv", "up")
    assert states(lineage) == {"image": "unchecked"}
    assert lineage.is_sound


def test_a_run_of_airflow_and_of_kubeflow_by_their_own_ids(chain):
    plan = chain.project.plan("prices")
    store = chain.project.store
    dag_run = bind(
        store, plan, RunRequest("scheduled__2026-01-31T06:00:00+00:00", target="airflow")
    )
    kubeflow = bind(store, plan, RunRequest("x", target="kubeflow"))
    keep_run_ids(store.location, kubeflow, {"kubeflow.run": "9b1d"})
    remember_page(store, dag_run, "http://127.0.0.1/dags/prices-training/runs/scheduled__x")
    for thing, run in (
        ("scheduled__2026-01-31T06:00:00+00:00", dag_run),
        ("prices-training/scheduled__2026-01-31T06:00:00+00:00", dag_run),
        ("9b1d", kubeflow),
    ):
        assert chain.lineage(thing, "up").roots == (f"run:prices/{run.id}",)
    (node,) = chain.lineage("9b1d", "up", depth=1).of_kind("run")
    assert node.facts["kubeflow.run"] == "9b1d"


@pytest.mark.parametrize(("target", "is_of_it"), [("airflow", True), ("local", False)])
def test_a_run_that_an_orchestrator_starts_before_its_deployment_is_recorded(
    whole, target, is_of_it
):
    """The scheduler starts what is due as soon as it has the DAG; `atlas run` needs no deployment."""
    path = whole.store / "deployments/history/prices.local/000001.json"
    later = (datetime.now(UTC) + timedelta(seconds=60)).isoformat(timespec="seconds")
    path.write_text(json.dumps({**json.loads(path.read_text()), "at": later}))
    plan = whole.project.plan("prices", "inference")
    run = bind(whole.project.store, plan, RunRequest("scheduled__1", target=target))
    edge = ("deployment", "deployed the Plan of", "run")
    assert (edge in edges(whole.lineage(run.id, "up"))) == is_of_it


def test_an_id_that_several_runs_have_is_refused_with_their_names(chain):
    from atlas.errors import AtlasError

    store = chain.project.store
    for flow in ("training", "inference"):
        bind(store, chain.project.plan("prices", flow), RunRequest("manual__1"))
    with pytest.raises(AtlasError, match=r"several runs have the id manual__1.*training-manual"):
        chain.lineage("manual__1")


def test_a_model_that_scored_as_the_challenger(chain):
    store = chain.project.store
    run = store.run("prices", chain.inference)
    shadow = replace(run, challenger=replace(run.model, version="local-9"))
    assert run.model
    store.rebind(shadow)
    assert ("model", "scored as the challenger in", "run") in edges(
        chain.lineage(chain.inference, "up", depth=1)
    )


def test_a_manifest_that_names_another_model(chain):
    (path,) = chain.store.glob(f"prices/{chain.inference}/score/rows/manifest.json")
    raw = json.loads(path.read_text())
    assert raw["model"]["version"] == "local-1"
    raw["model"]["version"] = "local-2"
    path.write_text(json.dumps(raw))
    lineage = chain.lineage(path.parent, "up")
    assert states(lineage)["artifact"] == "altered"
    assert "run.json says" in lineage.broken[0].expected
