"""Whatever link is tampered with, or gone, is named; the rest is shown all the same."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from atlas.lineage.text import text
from tests.chains import edges, states


def edit(path, *changes):
    """Change a file, and leave its folder's time as it was."""
    before = path.parent.stat()
    content = path.read_text()
    for old, new in changes:
        assert old in content, content
        content = content.replace(old, new)
    path.write_text(content)
    os.utime(path.parent, ns=(before.st_atime_ns, before.st_mtime_ns))


def only(chain, pattern):
    (path,) = chain.store.glob(pattern)
    return path


def faults(lineage):
    return {(link.state, link.node.partition(":")[0]) for link in lineage.broken}


def test_bytes_of_a_model_part(chain):
    edit(only(chain, f"prices/{chain.training}/train/model/data.json"), ("2", "3"))
    lineage = chain.lineage("scores.csv")
    (link,) = lineage.broken
    assert (link.state, link.node) == ("altered", "model:prices/local-1")
    assert link.where.endswith("/train/model/data.json")
    assert link.found != link.expected
    assert not lineage.is_sound
    assert len(edges(lineage)) == 9


def test_a_manifest_with_its_bytes(chain):
    """Who changes both is given away by what was registered, and by the step's outcome."""
    folder = only(chain, f"prices/{chain.training}/train/model")
    edit(folder / "data.json", ("2", "3"))
    import hashlib

    raw = json.loads((folder / "manifest.json").read_text())
    new = hashlib.sha256((folder / "data.json").read_bytes()).hexdigest()
    edit(folder / "manifest.json", (raw["sha256"], new))
    assert ("altered", "model") in faults(chain.lineage("prices@champion"))
    artifact = chain.lineage(folder, "up")
    assert ("altered", "artifact") in faults(artifact)


@pytest.mark.parametrize("change", [("training", "trainin"), ('"prices"', '"price"')])
def test_a_plan(chain, change):
    plan = chain.project.plan("prices").digest
    edit(chain.store / f"plans/{plan}.json", change)
    lineage = chain.lineage("scores.csv")
    assert states(lineage)["plan"] == "altered"
    assert "commit" in {node.ref.kind for node in lineage.nodes}


def test_the_snapshot_of_the_code(chain):
    code = chain.project.plan("prices").code
    edit(chain.store / f"code/{code}/steps.py", ("mean", "max"))
    lineage = chain.lineage("scores.csv")
    assert states(lineage) == {"code": "altered"}


def test_the_record_of_a_run(chain):
    other = chain.commit("another")
    record = only(chain, f"prices/{chain.inference}/run.json")
    edit(record, (json.loads(record.read_text())["commit"], other))
    lineage = chain.lineage("scores.csv")
    (link,) = [link for link in lineage.broken if link.node == f"run:prices/{chain.inference}"]
    assert link.where.endswith("/run.json")
    assert "as step" in link.expected


def test_a_record_of_a_run_that_is_none_any_more(chain, tmp_path):
    """What the run has delivered leads to it all the same: its steps tell of that."""
    edit(only(chain, f"prices/{chain.inference}/run.json"), ('"trigger"', '"trigges"'))
    copy = shutil.copy(chain.root / "scores.csv", tmp_path / "mail.csv")
    lineage = chain.lineage(copy, "up")
    assert states(lineage) == {"run": "altered"}
    assert "isn't a run's record" in lineage.broken[0].found


def test_the_record_of_the_training_run(chain):
    record = only(chain, f"prices/{chain.training}/run.json")
    commit = json.loads(record.read_text())["commit"]
    edit(record, (commit, "a" * 40))
    lineage = chain.lineage("prices@champion")
    expected = [link.expected for link in lineage.broken if link.state == "altered"]
    assert any("as tag atlas.commit of version prices/local-1 says" in text for text in expected)
    assert states(lineage)["commit"] == "missing"


def test_the_outcome_of_a_step(chain):
    outcome = only(chain, f"prices/{chain.inference}/score/outcome.json")
    sha256 = json.loads(outcome.read_text())["outputs"]["rows"]
    edit(outcome, (sha256, "0" * 64))
    lineage = chain.lineage(f"{chain.store}/prices/{chain.inference}/score/rows", "up")
    assert states(lineage)["artifact"] == "altered"
    assert any("as the outcome of its step says" in link.expected for link in lineage.broken)


@pytest.mark.parametrize("number", [1, 2])
def test_an_entry_of_the_log_of_champions(chain, number):
    assert chain.lineage("prices@champion").is_sound
    edit(
        chain.store / f"champions/store/prices/log/{number:09}.json", ('"prices"', '"pricey"')
    ) if (
        '"prices"' in (chain.store / f"champions/store/prices/log/{number:09}.json").read_text()
    ) else edit(
        chain.store / f"champions/store/prices/log/{number:09}.json", ('"host":"', '"host":"x')
    )
    lineage = chain.lineage("prices@champion")
    assert states(lineage)["decision"] == "altered"


def test_the_last_entry_of_the_log_is_removed(chain):
    assert chain.lineage("prices@champion").is_sound
    (chain.store / "champions/store/prices/log/000000002.json").unlink()
    assert states(chain.lineage("prices@champion"))["decision"] == "altered"


def test_a_log_entry_that_was_altered_before_anybody_looked(chain):
    edit(chain.store / "champions/store/prices/log/000000002.json", ("local-1", "local-9"))
    lineage = chain.lineage("prices@champion")
    assert not lineage.is_sound or not lineage.of_kind("decision")


def test_the_delivered_predictions(chain):
    edit(chain.root / "scores.csv", ("\n60,", "\n61,"))
    lineage = chain.lineage("scores.csv")
    assert not lineage.is_sound
    assert any("has delivered it" in link.expected for link in lineage.broken)
    assert f"run:prices/{chain.inference}" in lineage.by_id


def test_a_copy_of_the_predictions_that_was_changed_is_known_by_its_rows(chain, tmp_path):
    copy = tmp_path / "mail.csv"
    copy.write_text((chain.root / "scores.csv").read_text().replace("\n60,", "\n61,"))
    lineage = chain.lineage(copy)
    assert lineage.roots == (f"run:prices/{chain.inference}",)
    assert faults(lineage) >= {("altered", "run")}
    assert "of which no run has made an artifact" in text(lineage)


def test_the_data_have_changed_since(chain):
    edit(chain.root / "houses.csv", ("50,100", "50,101"))
    lineage = chain.lineage("prices@champion", "up")
    (link,) = lineage.broken
    assert (link.state, link.node.partition(":")[0]) == ("changed", "data")
    assert lineage.is_sound


# What is gone ---------------------------------------------------------------------------------


def test_a_run_that_was_removed(chain):
    shutil.rmtree(chain.store / "prices" / chain.training)
    lineage = chain.lineage("scores.csv")
    assert states(lineage) == {"model": "missing", "run": "missing"}
    assert "decision" in {node.ref.kind for node in lineage.nodes}


def test_data_a_plan_and_code_that_were_removed(chain):
    (chain.root / "houses.csv").unlink()
    plan = chain.project.plan("prices")
    (chain.store / f"plans/{plan.digest}.json").unlink()
    shutil.rmtree(chain.store / f"code/{plan.code}")
    lineage = chain.lineage("scores.csv")
    assert states(lineage) == {"data": "missing", "plan": "missing", "code": "missing"}
    assert lineage.is_sound


def test_a_commit_that_is_gone(chain):
    shutil.rmtree(chain.root / ".git")
    lineage = chain.lineage("scores.csv")
    assert states(lineage) == {"commit": "missing"}
    assert chain.lineage(chain.lineage("scores.csv").of_kind("commit")[0].ref.key, "down").roots


def test_a_commit_with_other_code(chain):
    """Who lets a run say that it is of another commit is given away by that commit's code."""
    commit = chain.git("rev-parse", "HEAD")
    from tests.chains import SOURCE

    chain.write(SOURCE.replace("mean", "max"))
    other = chain.commit("other code")
    for path in chain.store.glob("prices/*/run.json"):
        edit(path, (commit, other))
    lineage = chain.lineage("scores.csv")
    assert any(link.where.startswith(f"commit {other[:12]}") for link in lineage.broken) or (
        "altered" in states(lineage).values()
    )


def test_mlflow_doesnt_answer(chain, monkeypatch):
    monkeypatch.setenv("ATLAS_MLFLOW_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ATLAS_HTTP_TIMEOUT", "1")
    lineage = chain.lineage("prices@champion")
    assert lineage.unasked
    assert "mlflow" in lineage.unasked[0]
    assert edges(lineage)
    assert "not asked: " in text(lineage)
