"""The catalogue's pages: what they say, and that nothing of users' files is more than text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.catalog import Catalog, CatalogEntry, Link, gather, write_site
from atlas.catalog.entries import CatalogModel, CatalogTrigger, CatalogVersion
from atlas.catalog.front import front_page
from atlas.catalog.pipeline import pipeline_page
from atlas.errors import AtlasError
from atlas.lineage.deployments import DeploymentEntry
from atlas.runner import RunSettings
from atlas.runner.settings import THREADS
from tests.projects import Project, project
from tests.retrained import champion

__all__ = ["project"]
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e"
READER = {"read": {"class": "steps:Read", "inputs": {"models": "pipeline:houses/train.model"}}}
READING = """
class Read(Template):
    def run(self, models: dict[str, float]) -> None: ...
"""


def entry(project: Project, **known: Any) -> CatalogEntry:
    (pipeline,) = project.resolve("houses")
    return CatalogEntry(pipeline, **known)


def model(*values: float, champion: str = "1") -> CatalogModel:
    versions = tuple(
        CatalogVersion(str(number), metrics={"evaluate.quality": value})
        for number, value in reversed([*enumerate(values, 1)])
    )
    return CatalogModel("houses", champion, "evaluate.quality", versions)


def deployed(stack: str, **known: Any) -> DeploymentEntry:
    return DeploymentEntry(stack, 3, "deploy", "f" * 64, "2026-03-01T12:00:00+00:00", **known)


def write(project: Project, catalog: Catalog) -> Path:
    return write_site(catalog, project.root / "site").parent


def test_what_is_known_of_a_pipeline_is_gathered(project: Project) -> None:
    store = champion(project, card={"owners": ["prices team"]}, description="Prices of houses.")
    project.pipeline("report", READING, inference=READER)
    history = {"action": "deploy", "record": "f" * 64, "release": "houses-7", "by": "ann"}
    store.location.write(
        "deployments/history/houses.prod/0001.json",
        json.dumps({**history, "at": "2026-03-01T12:00:00+00:00", "number": 1}).encode(),
    )
    catalog = gather(project.resolve("."), store, links=lambda _: [Link("MLflow", "http://a/#/m")])
    houses, report = catalog.entries
    assert (houses.name, report.name) == ("houses", "report")
    assert houses.owners == ("prices team",)
    assert houses.model is not None
    assert (houses.model.name, houses.model.champion) == ("houses", "local-1")
    (version,) = houses.model.versions
    assert version.metrics["evaluate.quality"] == 0.5
    assert version.created.startswith("20")
    assert [run.registered for run in houses.runs] == ["houses/local-1"]
    assert (report.reads, houses.read_by) == (("houses",), ("report",))
    assert {env: one.release for env, one in houses.environments.items()} == {"prod": "houses-7"}
    page = pipeline_page(houses)
    for text in ("prices team", "Prices of houses.", "houses-7", "local-1", "http://a/#/m", "<svg"):
        assert text in page, text
    assert '<a href="../pipelines/report.html">report</a>' in page


def test_what_cant_be_read_is_a_note_and_keeps_no_page_from_being_made(project: Project) -> None:
    store = champion(project)
    store.location.write("monitor/houses/last.json", b"[]")
    store.location.write("models/houses/aliases/champion.json", b"[]")
    (houses,) = gather(project.resolve("."), store).entries
    assert len(houses.notes) == 2
    assert "monitor/houses/last.json" in houses.notes[1]
    assert "a check of this version" in pipeline_page(houses)


def test_a_catalogue_of_nothing_that_ran(project: Project) -> None:
    project.pipeline("report", READING, inference={"read": {"class": "steps:Read"}})
    project.write(
        "report/steps.py",
        "from atlas import Template\nclass Read(Template):\n    def run(self) -> None: ...\n",
    )
    (report,) = gather(project.resolve("."), project.store).entries
    assert (report.model, report.runs, report.triggers) == (None, (), ())
    assert "isn't deployed anywhere" in pipeline_page(report)
    assert 'data-state="not-deployed no-champion"' in front_page(
        Catalog("x", "2026-01-01T00:00:00+00:00", (report,))
    )


def test_nothing_of_a_users_file_is_markup(project: Project) -> None:
    champion(project)
    (pipeline,) = project.resolve("houses")
    trigger = CatalogTrigger("drift", "fired", 0.02, 0.01, EVIL)
    version = CatalogVersion(EVIL, EVIL, EVIL, EVIL, {EVIL: 1.0}, {EVIL: EVIL})
    evil = CatalogEntry(
        replace(pipeline, description=EVIL, axes={EVIL: EVIL}),
        owners=(EVIL,),
        model=CatalogModel(EVIL, EVIL, EVIL, (version, version)),
        deployments={EVIL: deployed(EVIL, by=EVIL, commit=EVIL, release=EVIL)},
        triggers=(trigger,),
        checked=EVIL,
        reads=(EVIL,),
        links=(Link(EVIL, "javascript:alert(1)"), Link(EVIL, f"https://x/{EVIL}")),
        notes=(EVIL,),
    )
    pages = (pipeline_page(evil), front_page(Catalog(EVIL, EVIL, (evil,), (EVIL,))))
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "javascript:" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert "&lt;script&gt;" in page


def test_pages_load_nothing_and_run_one_script_at_most(project: Project) -> None:
    champion(project)
    found = entry(project)
    front = front_page(Catalog("x", "2026-01-01T00:00:00+00:00", (found,)))
    for page, scripts in ((front, 1), (pipeline_page(found), 0)):
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
        assert "base-uri 'none'; form-action 'none'" in policy
        assert ("script-src 'sha256-" in policy) is bool(scripts)
        assert "unsafe-eval" not in policy
        assert page.count("<script") == scripts
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
        assert "@import" not in page


def test_metrics_over_time_are_drawn_with_the_champion(project: Project) -> None:
    champion(project)
    page = pipeline_page(entry(project, model=model(0.5, 0.7, 0.6, champion="2")))
    assert page.count("<circle") == 3
    assert page.count('<circle class="best"') == 1
    assert 'aria-label="evaluate.quality of 3 versions, from 0.5 to 0.7"' in page
    assert "<circle" not in pipeline_page(entry(project, model=model(0.5)))
    assert "nan" not in pipeline_page(entry(project, model=model(0.5, 0.5)))


@pytest.mark.parametrize(
    ("known", "state"),
    [
        ({}, "not-deployed no-champion"),
        ({"model": model(0.5)}, "not-deployed"),
        ({"deployments": {"prod": deployed("houses.prod")}}, "deployed no-champion"),
        ({"triggers": (CatalogTrigger("drift", "fired"),)}, "not-deployed fired no-champion"),
        ({"triggers": (CatalogTrigger("drift", "quiet"),)}, "not-deployed no-champion"),
    ],
    ids=["nothing", "champion", "deployed", "fired", "quiet"],
)
def test_what_the_front_page_is_filtered_by(project: Project, known: Any, state: str) -> None:
    champion(project)
    page = front_page(Catalog("x", "2026-01-01T00:00:00+00:00", (entry(project, **known),)))
    assert f'<tr data-state="{state}">' in page


def test_pages_of_pipelines_that_have_gone_are_removed_and_nothing_else(project: Project) -> None:
    store = champion(project)
    catalog = gather(project.resolve("."), store)
    folder = write(project, catalog)
    (folder / "pipelines" / "mine.html").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    write(project, replace(catalog, entries=()))
    left = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert left == {"index.html", ".atlas-catalog.json", "notes.txt", "pipelines/mine.html"}


def test_a_list_of_pages_that_others_have_changed_leads_nowhere_else(project: Project) -> None:
    store = champion(project)
    catalog = gather(project.resolve("."), store)
    folder = write(project, catalog)
    victim = project.write("victim.html", "mine")
    (folder / ".atlas-catalog.json").write_text(
        json.dumps(["../victim.html", "pipelines/../../victim.html", str(victim), 3])
    )
    write(project, catalog)
    assert victim.read_text() == "mine"


def test_a_front_page_of_somebody_else_is_left_alone(project: Project) -> None:
    store = champion(project)
    project.write("site/index.html", "mine")
    with pytest.raises(AtlasError, match=r"isn't a catalogue's"):
        write(project, gather(project.resolve("."), store))
    assert (project.root / "site" / "index.html").read_text() == "mine"


def test_the_same_catalogue_gives_the_same_bytes(project: Project) -> None:
    store = champion(project)
    assert project.run("houses", RunSettings(isolate=THREADS), flows=("training",)).ok
    catalog = gather(project.resolve("."), store)
    front = front_page(catalog)
    assert front == front_page(replace(catalog))
    assert pipeline_page(catalog.entries[0]) == pipeline_page(catalog.entries[0])
