"""`atlas monitor` over real training, inference and labels: each trigger fires once, from its cause."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import numpy as np
import pandas as pd
import pytest

from atlas.monitor.batches import batches
from atlas.monitor.budget import Budget
from atlas.monitor.events import event_ids
from atlas.runner import RunSettings
from atlas.tracking.registry import CHAMPION, LocalRegistry
from tests.projects import ATLAS, Project, environment, project

__all__ = ["project"]

SOURCE = """
import pandas as pd
from atlas import LabelJoin, Predictor, RowEvaluator, Source, Trainer

class Load(Source):
    pass

class Train(Trainer):
    def train(self, rows: pd.DataFrame) -> dict[str, float]:
        return {"limit": float(rows["age"].mean())}

class Evaluate(RowEvaluator):
    def evaluate_rows(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        right = (rows["age"] > model["limit"]) == (rows["bought"] == "yes")
        return pd.DataFrame({"id": rows["id"], "accuracy": right.astype(float)})

class Score(Predictor):
    def predict(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        answer = (rows["age"] > model["limit"]).map({True: "yes", False: "no"})
        return pd.DataFrame({"id": rows["id"], "answer": answer})

class Join(LabelJoin):
    pass
"""
LOAD = {"class": "steps:Load", "inputs": {"source": "data.customers"}}
MODEL = {"model": "train.model", "rows": "load.rows"}
TRAINING = {
    "load": LOAD,
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
    "evaluate": {"class": "steps:Evaluate", "inputs": MODEL},
}
INFERENCE = {
    "load": LOAD,
    "score": {"class": "steps:Score", "inputs": {"model": "model.part", "rows": "load.rows"}},
}
JOIN = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.sold"}},
    "join": {
        "class": "steps:Join", "window": "90d",
        "inputs": {
            "predictions": "history:shop/score.scores", "labels": "load.rows",
            "earlier": "history:sold/join.labels",
        },
        "params": {
            "key": ["id"], "prediction": "answer", "label": "bought", "metrics": ["accuracy"],
        },
    },
}  # fmt: skip
RULES = {
    "new_rows": {"new_rows": 1200},
    "new_labels": {"new_labels": 1000},
    "degradation": {"degradation": {"metric": "accuracy", "margin": 0.05}},
    "drift": {"drift": {"features": ["age"], "tolerance": 0.02}},
}
ROWS = 500
FILES = {"shop": "customers.csv", "sold": "sold.csv"}


def customers(first: int, rows: int, *, shift: float = 0.0, noise: float = 3.0) -> pd.DataFrame:
    random = np.random.default_rng(first)
    age = random.normal(40 + shift, 9, rows)
    bought = np.where(age + random.normal(0, noise, rows) > 40, "yes", "no")
    return pd.DataFrame({"id": range(first, first + rows), "age": age, "bought": bought})


class Shop:
    """A pipeline whose champion was trained on January, and one that joins its labels."""

    def __init__(self, project: Project, rule: dict[str, Any], **config: Any) -> None:
        self.project, self.days = project, {}
        whole = {
            "data": {"customers": {"label": "bought"}},
            "model": {"name": "shop", "from": {"part": "train.model"}},
            "statistics": {"features": {"from": "load.rows", "columns": ["age"]}},
            "retraining": rule,
            **config,
        }
        project.pipeline("shop", SOURCE, TRAINING, INFERENCE, whole)
        project.pipeline("sold", SOURCE, inference=JOIN, config={"data": {"sold": {}}})
        data = {"customers": FILES["shop"], "sold": FILES["sold"]}
        project.environment(data={name: {"uri": f"project:{f}"} for name, f in data.items()})
        self.train()

    def train(self) -> None:
        interval = ("2026-01-01", "2026-02-01")
        self._run("shop", customers(0, 6000), interval, flow="training")

    def score(self, day: int, **rows: Any) -> None:
        self.days[day] = customers(10_000 * day, ROWS, **rows)
        self._run("shop", self.days[day], _interval(day))

    def label(self, day: int) -> None:
        self._run("sold", self.days[day][["id", "bought"]], _interval(day))

    def _run(
        self, name: str, rows: pd.DataFrame, interval: tuple[str, str], flow: str = "inference"
    ) -> None:
        rows.to_csv(self.project.root / FILES[name], index=False)
        start, end = interval
        settings = RunSettings(isolate="none", interval_start=start, interval_end=end)
        ran = self.project.run(name, settings, flows=(flow,))
        assert ran.ok, ran.errors()

    def monitors(self, count: int = 1, *options: str) -> list[dict[str, Any]]:
        """Run several monitors at once, and return what each has found."""
        command = [*ATLAS, "monitor", "shop", "--json", *options]
        options = {"cwd": self.project.root, "env": environment(), "text": True}
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
            for _ in range(count)
        ]
        found = []
        for one in running:
            stdout, stderr = one.communicate(timeout=200)
            assert one.returncode == 0, stderr
            found += json.loads(stdout)
        return found


def _interval(day: int) -> tuple[str, str]:
    return f"2026-02-{day:02}", f"2026-02-{day + 1:02}"


def change(shop: Shop, trigger: str) -> None:
    """Let a day come that is the cause of a trigger."""
    if trigger == "new_rows":
        shop.score(3)
    elif trigger == "drift":
        shop.score(3, shift=6.0)
    elif trigger == "new_labels":
        shop.score(3)
        shop.label(3)
    else:
        shop.score(3, noise=60.0)
        shop.label(3)


@pytest.mark.parametrize("trigger", RULES)
def test_a_trigger_fires_once_from_its_cause(project, trigger):
    shop = Shop(project, RULES[trigger])
    (before,) = shop.monitors()
    assert (before["champion"], before["batches"], before["events"]) == ("local-1", 0, [])
    for day in (1, 2):
        shop.score(day)
        if trigger != "new_rows":
            shop.label(day)
        if day == 1:
            (quiet,) = shop.monitors()
            assert (quiet["events"], quiet["warnings"], quiet["rows"]) == ([], [], ROWS)
    if trigger == "new_labels":
        shop.project.store.location.remove("measurements/shop")  # only day 3 is labelled, and 2
        shop.label(2)
    change(shop, trigger)
    found = shop.monitors(3)
    events = [event for one in found for event in one["events"]]
    assert [(event["trigger"], event["version"]) for event in events] == [(trigger, "local-1")]
    assert events[0]["interval_end"] == "2026-02-04T00:00:00+00:00"
    assert {one["triggers"][0]["event"] for one in found} == {events[0]["id"]}
    (again,) = shop.monitors()
    assert (again["events"], again["looks"]) == ([], [])
    assert [event["id"] for event in again["open"]] == [events[0]["id"]]
    assert event_ids(project.store, "shop") == [events[0]["id"]]


def test_what_is_printed_and_what_fails(project):
    shop = Shop(project, {**RULES["drift"], **RULES["new_rows"]})
    shop.score(1, shift=9.0)
    done = project.atlas("monitor", "shop", "--fail-on-event")
    assert done.returncode == 1
    assert "fires" in done.stdout
    assert "distribution of features.age in the batch up to 20260201T000000Z" in done.stdout
    assert "500 of 1,200 rows since the champion's training" in done.stdout
    assert f"{Budget(0.01).spent(1) / 0.01:.0%} of 0.01" in done.stdout
    later = project.atlas("monitor", "shop")
    assert (later.returncode, "fires" in later.stdout, "fired" in later.stdout) == (0, False, True)
    assert f"event {event_ids(project.store, 'shop')[0]} of drift is open" in later.stdout


def test_a_path_without_retraining_and_a_champion_without_profile(project):
    shop = Shop(project, {}, statistics={"features": {"from": "load.rows", "columns": ["age"]}})
    done = project.atlas("monitor", "shop")
    assert done.returncode == 1
    assert "expected a Config with `retraining` and `model`" in done.stderr
    shop = Shop(project, RULES["new_rows"])
    version = LocalRegistry(project.store).find("shop", CHAMPION)
    assert version is not None
    shop.score(1)
    assert len(batches(project.store, "shop")) == 1
    project.store.location.remove(f"profiles/references/{version.reference}.json")
    config = project.root / "shop" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "retraining": RULES["drift"]}))
    done = project.atlas("monitor", "shop")
    assert done.returncode == 0
    assert "train the model again" in done.stderr


def test_each_member_of_a_family_has_a_life_of_its_own(project):
    shop = Shop(
        project,
        RULES["drift"],
        matrix={"region": ["apac", "emea"]},
        model={"name": "shop", "from": {"part": "train.model"}},
    )
    shop.score(1, shift=9.0)
    found = shop.monitors(1, "--report", "pages")
    assert [one["pipeline"] for one in found] == ["shop-apac", "shop-emea"]
    pages = sorted((project.root / "pages").iterdir())
    assert [page.name for page in pages] == ["shop-apac.html", "shop-emea.html"]
    assert all("drift" in page.read_text() for page in pages)
    assert [event["trigger"] for one in found for event in one["events"]] == ["drift", "drift"]
    registry = LocalRegistry(project.store)
    registry.remove_alias("shop-apac", CHAMPION)
    apac, emea = shop.monitors()
    assert (apac["champion"], emea["champion"]) == ("", "local-1")
    location = project.store.location
    (name,) = location.names("profiles/batches/shop-emea")
    (record,) = location.names(f"profiles/batches/shop-emea/{name}")
    location.write(f"profiles/batches/shop-emea/{name}/{record}", b"{")
    done = project.atlas("monitor", "shop", "--json")
    assert done.returncode == 1
    assert "error: shop-emea: " in done.stderr
    assert [bool(one["error"]) for one in json.loads(done.stdout)] == [False, True]
