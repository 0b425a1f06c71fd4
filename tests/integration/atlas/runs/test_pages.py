"""The links to MLflow's pages, opened in a real browser on a real MLflow."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from atlas.runs.summary import RunSummary, mlflow_page, mlflow_version_page
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.record import FINISHED, RunRecord
from atlas.tracking.registry import ModelRegistration

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MARK = {"atlas.run": "training-1", "atlas.pipeline": "pages"}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt install chromium)")


def opened(page: str, folder: Path) -> str:
    """Return the page's text once its scripts have run."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    more = [f"--user-data-dir={folder}", "--virtual-time-budget=30000", "--dump-dom", page]
    done = subprocess.run(
        [str(CHROMIUM), *options, *more], capture_output=True, text=True, timeout=200, check=True
    )
    return done.stdout


def summary(server: MlflowTracker) -> RunSummary:
    record = RunRecord(
        "pages", "the-run-of-the-page", FINISHED, 1700000000000, 1700000001000,
        params={"train.rate": "0.31415"}, metrics={"evaluate.loss": (0.27182, 1700000001000)},
        tags=MARK,
    )  # fmt: skip
    tracked = server.send(record)
    registration = ModelRegistration(
        "pages.of-m", "training-1", {}, {**MARK, "atlas.dirty": "true"}
    )
    version = server.register(registration, tracked)
    plain = {"pipeline": "pages", "flow": "training", "plan": "", "status": "done", "seconds": 1.0}
    more = {"started": "2026-01-01T00:00:00+00:00", "trigger": "manual", "tracked": tracked}
    return RunSummary("training-1", **plain, **more, registered=f"pages.of-m/{version}")


def test_the_links_open_the_pages_of_the_run_and_of_its_model_version(mlflow_server, tmp_path):
    run = summary(MlflowTracker(mlflow_server))
    shown = opened(mlflow_page(mlflow_server, run), tmp_path / "one")
    for text in ("the-run-of-the-page", run.tracked, "train.rate", "0.31415", "evaluate.loss"):
        assert text in shown, text
    shown = opened(mlflow_version_page(mlflow_server, run), tmp_path / "two")
    for text in ("pages.of-m", "Version 1", "atlas.dirty"):
        assert text in shown, text
    other = opened(f"{mlflow_server}/#/runs/{'0' * 32}", tmp_path / "three")
    assert "the-run-of-the-page" not in other
