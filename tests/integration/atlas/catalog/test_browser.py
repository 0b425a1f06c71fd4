"""The catalogue in a real browser: the search, and what axe-core finds, light, dark, wide, narrow."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.catalog import Link, gather, write_site
from atlas.catalog.entries import CatalogModel, CatalogTrigger, CatalogVersion
from atlas.lineage.deployments import DeploymentEntry
from tests.browser import CHROMIUM, DARK, opened, violations
from tests.projects import Project, project
from tests.retrained import champion

__all__ = ["project"]
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt install chromium)"),
]


@pytest.fixture
def site(project: Project) -> Path:
    """Return a site of two pipelines, one of which has everything that a page can show."""
    store = champion(project, card={"owners": ["prices team"]}, description="Prices of houses.")
    source = "class Read(Template):\n    def run(self) -> None: ...\n"
    project.pipeline("report", source, inference={"read": {"class": "steps:Read"}})
    catalog = gather(project.resolve("."), store)
    houses, report = catalog.entries
    versions = [CatalogVersion(str(n), metrics={"evaluate.q": n / 9}) for n in (3, 2, 1)]
    deployment = DeploymentEntry("houses.prod", 3, "deploy", "f" * 64, "2026-03-01T12:00:00+00:00")
    full = replace(
        houses,
        model=CatalogModel("houses", "3", "evaluate.q", tuple(versions)),
        deployments={"prod": replace(deployment, release="houses-7")},
        triggers=(CatalogTrigger("drift", "fired", 0.009, 0.01, "growth has drifted"),),
        checked="2026-03-01T12:00:00+00:00",
        reads=("report",),
        links=(Link("MLflow", "http://127.0.0.1:1/#/m"),),
        notes=("something couldn't be read",),
    )
    whole = replace(catalog, entries=(full, replace(report, read_by=("houses",))))
    return write_site(whole, project.root / "site").parent


@pytest.mark.long
def test_the_search_finds_by_every_word_and_keeps_the_address(site: Path) -> None:
    address = f"{(site / 'index.html').as_uri()}#q=prices+TEAM&state=deployed"
    shown = opened(address, site / "profile")
    assert ">1 of 2 pipelines</output>" in shown
    rows = re.findall(r'<tr data-state="[^"]*"( hidden="")?><th[^>]*><a [^>]*>(\w+)<', shown)
    assert rows == [("", "houses"), (' hidden=""', "report")]


@pytest.mark.parametrize(
    ("page", "dark", "width"),
    [
        ("index.html", False, 1280),
        pytest.param("pipelines/houses.html", True, 1280, marks=pytest.mark.long),
        pytest.param("index.html", True, 480, marks=pytest.mark.long),
        pytest.param("index.html", False, 480, marks=pytest.mark.long),
        pytest.param("pipelines/houses.html", False, 480, marks=pytest.mark.long),
        pytest.param("pipelines/report.html", False, 1280, marks=pytest.mark.long),
    ],
    ids=["front", "pipeline-dark", "front-dark-narrow", "front-narrow", "pipeline-narrow", "other"],
)
def test_axe_finds_nothing_and_no_page_is_wider_than_its_screen(
    site: Path, page: str, *, dark: bool, width: int
) -> None:
    options = (f"--window-size={width},900", *([DARK] if dark else []))
    found = violations(site / page, *options)
    assert found["told"] == []
    assert isinstance(found["passed"], int)
    assert found["passed"] > 10
    assert (found["dark"], found["wide"]) == (dark, False)
