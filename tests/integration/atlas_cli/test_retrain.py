"""`atlas retrain` and `atlas approve`, as somebody uses them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from atlas.runner import RunSettings
from atlas.step.versions import registry
from atlas.store import Store
from atlas.store.code import code_key
from tests.projects import project
from tests.releases import Clone
from tests.retrained import champion

__all__ = ["project"]
BETTER = {"parameters": {"manual": {"quality": 0.9}}}
ASK = ("retrain", "houses", "--reason", "the auditors ask for it", "--key", "audit-1")


def states(done) -> list[dict]:
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_somebody_asks_for_a_retraining_once(project):
    store = champion(project, retraining=BETTER)
    none = project.atlas("retrain", "houses")
    assert (none.returncode, none.stdout) == (0, "no event is open\n")
    done = project.atlas(*ASK)
    assert done.returncode == 0, done.stderr
    assert "houses manual" in done.stdout
    assert "promoted, version local-2" in done.stdout
    page = store.location.read("monitor/houses/report.html").decode()
    assert "promoted" in page, "what a person has retrained is shown as what a monitor has"
    again = project.atlas(*ASK)
    assert "/train" not in again.stdout
    assert len([run for run in store.runs("houses") if "retraining" in run]) == 1


def test_an_approval_with_a_look_before(project):
    store = champion(project, retraining={**BETTER, "approval": "training"})
    (there,) = states(project.atlas(*ASK, "--json"))
    assert there["state"] == "waiting"
    told = f"`atlas approve houses {there['event']}`"
    assert told in there["why"]
    (dry,) = states(project.atlas("retrain", "houses", "--dry-run", "--json"))
    assert (dry["state"], dry["why"]) == (there["state"], there["why"])
    done = project.atlas("approve", "houses", there["event"][:6], "--reason", "fine")
    assert done.returncode == 0, done.stderr
    assert "promoted, version local-2" in done.stdout
    late = project.atlas("approve", "houses", there["event"], "--reject")
    assert late.returncode == 1
    assert "was approved by" in late.stderr
    assert len(store.runs("houses")) == 2


def test_a_look_before_it_begins_writes_nothing(project):
    store = champion(project, retraining={**BETTER, "approval": "training"})
    project.atlas(*ASK)
    before = sorted(entry.key for entry in store.location.entries(""))
    done = project.atlas("retrain", "houses", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert sorted(entry.key for entry in store.location.entries("")) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["retrain", "houses", "--event", "99"], "no event begins with '99'"),
        (["approve", "houses", "99"], "no event begins with '99'"),
        (["retrain", "houses", "--again"], "give --event ID"),
        (["retrain", "houses", "--key", "k"], "is of --reason"),
        (["retrain", "houses", "--event", "1", "--reason", "r"], "not both"),
        (["retrain", "houses", "--dry-run", "--reason", "r"], "would write the event"),
        (["retrain", "none"], "none"),
    ],
    ids=["event", "approve", "again", "key", "both", "dry-run", "path"],
)
def test_what_is_refused(project, words, expected):
    champion(project, retraining=BETTER)
    done = project.atlas(*words)
    assert done.returncode in (1, 2)
    assert expected in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_a_config_without_retraining_is_told(project):
    champion(project)
    done = project.atlas("retrain", "houses")
    assert done.returncode == 1
    assert "no pipeline there is retrained; expected `retraining`" in done.stderr


def test_a_training_that_fails_is_an_exit_code(project, tmp_path):
    folder = tmp_path / "later"
    parameters = {"manual": {"quality": 0.9, "ledger": str(folder / "ledger")}}
    champion(project, retraining={"parameters": parameters})
    done = project.atlas(*ASK)
    assert done.returncode == 1
    assert "failed" in done.stdout
    assert "No such file" in done.stdout
    (there,) = json.loads(project.atlas("retrain", "houses", "--json").stdout)
    assert (there["state"], there["attempt"]) == ("failed", 1)
    folder.mkdir()
    done = project.atlas("retrain", "houses", "--event", there["event"], "--again")
    assert done.returncode == 0, done.stdout
    assert "promoted" in done.stdout


def committed(project) -> tuple[Store, Path]:
    """Return the store, and the snapshot of the code that a commit's training has made."""
    store = champion(project, retraining=BETTER)
    project.write(".gitignore", ".atlas/\n")
    clone = Clone(project.root)
    clone.git("init", "-q", "-b", "main")
    clone.commit("one")
    assert project.run("houses", RunSettings(parameters={"quality": 0.6}), flows=("training",)).ok
    tags = registry(store).find("houses", "champion").tags
    assert tags["atlas.commit"] == clone.git("rev-parse", "HEAD")
    clone.append("houses/steps.py", "\n# newer\n")
    clone.commit("two")
    return store, store.location.local(code_key(tags["atlas.digest.code"]))


def test_code_that_the_store_has_lost_comes_from_the_champions_commit(project):
    _, snapshot = committed(project)
    shutil.rmtree(snapshot)
    done = project.atlas(*ASK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "promoted, version local-3" in done.stdout
    assert snapshot.is_dir()


def test_code_whose_commit_is_gone_too_is_told_and_nothing_runs(project):
    store, snapshot = committed(project)
    shutil.rmtree(snapshot)
    shutil.rmtree(project.root / ".git")
    runs = store.runs("houses")
    done = project.atlas(*ASK)
    assert done.returncode == 1
    assert "blocked" in done.stdout
    assert "isn't in the repository" in done.stdout
    assert store.runs("houses") == runs
