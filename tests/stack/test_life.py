"""The life of a model, whole: from three trainings to an alert, and from a prediction to the commit.

One project, one way, on the real platform: MLflow has the models, Airflow scores, Prometheus has the
metrics, Alertmanager the alert, git the release. Then each link is tampered with, and found.
"""

from __future__ import annotations

import json
import shutil
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from atlas.targets.airflow.api import AirflowApi
from tests.stack.deployed import call, wait_for
from tests.stack.life import LifeProject

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


@pytest.fixture
def life(platform, tmp_path) -> Iterator[LifeProject]:
    made = LifeProject(platform, tmp_path, "life")
    yield made
    shutil.rmtree(tmp_path / "clone" / ".atlas", ignore_errors=True)
    platform.run("destroy", "prices", "--env", "prod", "--yes", cwd=made.root)


def test_from_three_trainings_to_an_alert_and_from_a_prediction_to_the_commit(life):
    runs = trained(life)
    compared(life, runs)
    release = released(life)
    clone = deployed(life, release)
    scored = scored_by_airflow(life)
    metrics_are_in_prometheus(life)
    labelled(life)
    an_alert_fires(life)
    file = delivered(life, scored)
    walked_back(life, file, release, runs)
    tampering_is_found(life, file, release, clone)


def trained(life: LifeProject) -> list[str]:
    """Train three times: the first is the champion, a worse one isn't, a better one takes over."""
    runs = []
    for off, subject in ((0.5, ""), (0.8, "A worse one"), (0.1, "A better one")):
        if subject:
            life.write("prices/configs/prices.json", life.config(off))
            life.commit(subject)
        said = life.atlas("run", "prices/configs/prices.json", "--flow", "training")
        isnt = "isn't the champion" in said
        assert isnt == (off == 0.8), said
        runs.append(life.json("runs", "prices", "--limit", "1")[0]["run"])
    champion, *_ = life.json("champion", "prices/configs/prices.json")
    assert (champion["version"], champion["faults"]) == ("3", [])
    return runs


def compared(life: LifeProject, runs: list[str]) -> None:
    """The comparison shows what differs; a promotion by hand finds it done already."""
    facts = life.json("runs", "prices", "--compare", runs[0], runs[2])
    assert "train.off" in json.dumps(facts)
    life.atlas("promote", "prices/configs/prices.json")


def released(life: LifeProject) -> str:
    life.atlas("release", "prices/configs/prices.json", "--env", "prod")
    name = f"release/{life.name}-1"
    assert name in life.git("ls-remote", "--tags", "origin")
    return name


def deployed(life: LifeProject, release: str) -> Path:
    """Deploy from a fresh clone, by the release alone; the protected environment takes no other."""
    life.atlas("deploy", "prices/configs/prices.json", "--env", "prod", code=1)
    clone = life.folder / "clone"
    life.git("clone", "-q", str(life.remote), str(clone), cwd=life.folder)
    life.atlas("deploy", "--release", release, "--env", "prod", cwd=clone)
    return clone


def airflow_of(life: LifeProject) -> AirflowApi:
    services = life.platform.outputs["services"]
    airflow = services["airflow"]
    return AirflowApi(airflow["url"], services["secrets"]["url"], airflow["credentials"])


def store_of(life: LifeProject) -> Path:
    return Path(urllib.parse.urlsplit(life.platform.url("store")).path)


def scored_by_airflow(life: LifeProject) -> str:
    """The scheduler scores the latest interval, with the version that the release pins."""
    folder = store_of(life) / life.name

    def ended() -> str:
        for path in folder.glob("inference-*/outcome.json"):
            if json.loads(path.read_text())["status"] == "done":
                return path.parent.name
        return ""

    run = str(wait_for(ended))
    record = json.loads((folder / run / "run.json").read_text())
    assert (record["model"]["version"], record["target"]) == ("3", "airflow")
    return run


def asked_prometheus(life: LifeProject, query: str) -> list[dict[str, Any]]:
    url = f"{life.platform.url('prometheus')}/api/v1/query?query={urllib.parse.quote(query)}"
    opens = life.platform.opens("prometheus")
    return list(call(url, headers=opens)["data"]["result"])


def metrics_are_in_prometheus(life: LifeProject) -> None:
    query = f'atlas_run_success{{pipeline="{life.name}",flow="inference"}}'
    (sample,) = wait_for(lambda: asked_prometheus(life, query))
    assert sample["value"][1] == "1"


def labelled(life: LifeProject) -> None:
    """Labels come late; the deployed model is measured by them, in Prometheus too."""
    life.atlas("run", "prices/configs/labels.json")
    query = f'atlas_model_metric{{pipeline="{life.name}-labels",metric="join.mae",slice=""}}'
    (sample,) = wait_for(lambda: asked_prometheus(life, query))
    assert float(sample["value"][1]) > 0


def an_alert_fires(life: LifeProject) -> None:
    """Fewer houses are scored than the Config's bound: Alertmanager has the alert."""
    url = f"{life.platform.url('alertmanager')}/api/v2/alerts"
    opens = life.platform.opens("alertmanager")

    def firing() -> list[dict[str, Any]]:
        alerts = call(url, headers=opens)
        return [a for a in alerts if a["labels"].get("pipeline") == life.name]

    (alert,) = wait_for(firing)
    assert alert["labels"]["alertname"] == "AtlasMetricOutOfBounds"


def delivered(life: LifeProject, run: str) -> Path:
    """A copy of the delivered prices, as somebody has got them; they say which run they are of."""
    (part,) = (life.folder / "data" / "scores").rglob("part.csv")
    copy = life.folder / "mail.csv"
    shutil.copy(part, copy)
    assert run in copy.read_text()
    assert "model_version" in copy.read_text().splitlines()[0]
    return copy


def lineage(life: LifeProject, thing: object, *words: str, code: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = life.json("lineage", str(thing), *words, "--env", "prod", code=code)
    return answer


def walked_back(life: LifeProject, file: Path, release: str, runs: list[str]) -> None:
    """From the copy of the prices: run, deployment, release, model, decision, training, commit."""
    answer = lineage(life, file, "--up")
    assert answer["broken"] == []
    assert answer["unasked"] == []
    ids = {node["id"] for node in answer["nodes"]}
    commit = life.git("rev-parse", "HEAD")
    assert {
        f"commit:{commit}", f"release:{release}", f"model:{life.name}/3", f"run:{life.name}/{runs[2]}",
        f"deployment:{life.name}.prod#1",
    } <= ids  # fmt: skip
    kinds = {node["kind"] for node in answer["nodes"]}
    assert kinds >= {"data", "run", "plan", "code", "decision"}
    on = lineage(life, commit, "--down")
    scores = next(node["id"] for node in answer["nodes"] if node["kind"] == "data")
    assert answer["roots"][0] in {node["id"] for node in on["nodes"]}
    assert scores


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """Change a file for as long as the context lasts."""
    before = path.read_bytes()
    assert old.encode() in before, f"{path} has no {old}"
    path.write_bytes(before.replace(old.encode(), new.encode()))
    try:
        yield
    finally:
        path.write_bytes(before)


def tampering_is_found(life: LifeProject, file: Path, release: str, clone: Path) -> None:
    """Whatever link is altered, the lineage of the prices names it, and exits 1."""
    store, name = store_of(life), life.name
    answer = lineage(life, file, "--up")
    by_kind: dict[str, list[str]] = {}
    for node in answer["nodes"]:
        by_kind.setdefault(node["kind"], []).append(node["id"].partition(":")[2])
    inference = next(key for key in by_kind["run"] if "/inference-" in key)
    training = next(key for key in by_kind["run"] if "/training-" in key)
    (entry,) = (store / f"deployments/history/{name}.prod").glob("*.json")
    record = store / f"deployments/records/{json.loads(entry.read_text())['record']}.json"
    decision = by_kind["decision"][0].rpartition("/")
    log = store / decision[0] / "log" / f"{int(decision[2]):09}.json"
    links = {
        "model": (next((store / training).glob("train/model/data.*")), "price", "prise"),
        "run": (store / inference / "run.json", '"trigger"', '"trigges"'),
        "plan": (store / f"plans/{by_kind['plan'][0]}.json", "steps:", "stops:"),
        "code": (store / f"code/{by_kind['code'][0]}/steps.py", "mean", "max"),
        "deployment": (record, '"kind"', '"kint"'),
        "decision": (log, '"action"', '"actiom"'),
    }
    for kind, (path, old, new) in links.items():
        with changed(path, old, new):
            assert kind in altered(lineage(life, file, "--up", code=1)), kind
    assert altered(lineage(life, file, "--up")) == set()
    with changed(file, "\n1,", "\n100,"):
        assert altered(lineage(life, file, "--up", code=1)) == {"run"}
    retagged(life, release, clone)
    tagged_in_mlflow(life, file)


def altered(answer: dict[str, Any]) -> set[str]:
    links = (link for link in answer["broken"] if link["state"] == "altered")
    return {link["node"].partition(":")[0] for link in links}


def retagged(life: LifeProject, release: str, clone: Path) -> None:
    """Somebody moves the release's tag."""
    tag = life.git("rev-parse", release, cwd=clone)
    life.git("tag", "-f", "-a", "-m", "moved", release, "HEAD", cwd=clone)
    answer = life.json("lineage", release, "--env", "prod", "--up", cwd=clone, code=1)
    assert "release" in altered(answer)
    life.git("tag", "-f", release, tag, cwd=clone)


def tagged_in_mlflow(life: LifeProject, file: Path) -> None:
    """Somebody with MLflow's administrator's password says that a version is of another run."""
    url = f"{life.platform.url('mlflow')}/api/2.0/mlflow/model-versions/set-tag"
    headers = life.platform.opens("mlflow")
    (node,) = [n for n in lineage(life, file, "--up")["nodes"] if n["kind"] == "model"]
    body = {"name": life.name, "version": node["facts"]["version"], "key": "atlas.commit"}
    call(url, {**body, "value": "0" * 40}, headers=headers)
    assert "model" in altered(lineage(life, file, "--up", code=1))
    call(url, {**body, "value": life.git("rev-parse", "HEAD")}, headers=headers)
    assert altered(lineage(life, file, "--up")) == set()
