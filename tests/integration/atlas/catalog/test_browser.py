"""The catalogue in a real browser: the search, and what axe-core finds, light, dark, wide, narrow."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from atlas.catalog import Link, gather, write_site
from atlas.catalog.entries import CatalogModel, CatalogTrigger, CatalogVersion
from atlas.lineage.deployments import DeploymentEntry
from atlas_toolchain.cache import root
from tests.projects import Project, project
from tests.retrained import champion

__all__ = ["project"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--virtual-time-budget=30000",
)  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"
AXE = "axe-core@4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""Of its file ``axe.min.js``."""
RUN_AXE = """
addEventListener("load", async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const told = found.violations.map((v) => [v.id, v.nodes.map((n) => n.target.join(" "))]);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const wide = document.documentElement.scrollWidth > innerWidth;
  document.documentElement.setAttribute(
    "data-axe", JSON.stringify({told, passed: found.passes.length, dark, wide}));
});
"""

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt install chromium)"),
]


@cache
def axe() -> str:
    """Return axe-core, from the cache or the npm registry; skip where neither has it."""
    kept = root() / "tests" / AXE / "axe.min.js"
    if not kept.is_file() and shutil.which("npm"):
        folder = kept.parent.with_name(f"{AXE}.new")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pack = ["npm", "pack", AXE, "--silent", "--fetch-retries=1", "--fetch-timeout=30000"]
        done = subprocess.run(pack, cwd=folder, capture_output=True, text=True, timeout=120)
        for file in folder.glob("*.tgz") if done.returncode == 0 else ():
            with tarfile.open(file) as archive:
                script = archive.extractfile("package/axe.min.js")
                kept.parent.mkdir(exist_ok=True)
                kept.write_bytes(script.read() if script else b"")
        shutil.rmtree(folder, ignore_errors=True)
    content = kept.read_bytes() if kept.is_file() else b""
    if hashlib.sha256(content).hexdigest() != AXE_SHA256:
        pytest.skip(f"no {AXE} here, and none from npm")
    return content.decode()


def opened(page: str, profile: Path, *options: str) -> str:
    """Return a page as it is once its scripts have run."""
    command = [str(CHROMIUM), *OPTIONS, *options, f"--user-data-dir={profile}", "--dump-dom", page]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout


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


def violations(page: Path, *options: str) -> dict[str, object]:
    """Return what axe-core finds in a page, which here may run it as well."""
    text = page.read_text()
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    text = text.replace("</head>", f"<script>{axe()}</script><script>{RUN_AXE}</script></head>")
    copy = page.with_name(f"axe-{page.name}")
    copy.write_text(text)
    shown = opened(copy.as_uri(), page.parent / "profile", *options)
    found = re.search(r'data-axe="([^"]*)"', shown)
    assert found, shown[-2000:]
    return json.loads(html.unescape(found[1]))


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
