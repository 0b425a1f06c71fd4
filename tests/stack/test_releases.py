"""A release on the real platform: trained, promoted, released, deployed from another clone, undone."""

from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path

import pytest

from atlas.images import ImageRegistry, desired_images, referenced
from atlas.images.records import Built, write_record
from atlas.plan import resolve
from atlas.store import open_store
from tests.releases import PERSON, Clone, cloned
from tests.servers import add_image
from tests.stack.deployed import Pipeline, pipeline, write_data

pytestmark = pytest.mark.stack
__all__ = ["pipeline"]


@pytest.fixture
def clone(pipeline: Pipeline, tmp_path, monkeypatch) -> Clone:
    """The project in git, with a protected environment on the same platform."""
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)
    made = Clone(pipeline.folder.parent)
    local = json.loads((made.folder / "environments/local.json").read_text())
    made.edit("environments/prod.json", **{**local, "prefix": "prod-", "protected": True})
    pipeline.edit("config.json", promotion={"metric": "evaluate.roc_auc", "at_least": 0.5})
    made.git("init", "-q", "-b", "main")
    Clone(tmp_path).git("init", "-q", "--bare", "-b", "main", "remote.git")
    made.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    made.commit()
    made.push()
    write_data(pipeline)
    yield made
    pipeline.atlas("destroy", pipeline.folder.name, "--env", "prod")


def trained(pipeline: Pipeline, clone: Clone, trees: int) -> None:
    pipeline.trees(trees)
    clone.commit(f"{trees} trees")
    clone.push()
    done = pipeline.atlas("run", pipeline.folder.name, "--flow", "training")
    assert "is the champion" in done.stdout


def released(pipeline: Pipeline) -> dict[str, object]:
    (outcome,) = json.loads(pipeline.atlas("release", pipeline.folder.name, "--json").stdout)
    return outcome


def champion(pipeline: Pipeline) -> str:
    (told,) = json.loads(pipeline.atlas("champion", pipeline.folder.name, "--json").stdout)
    assert told["faults"] == []
    return str(told["version"])


def dag(pipeline: Pipeline, prefix: str = "") -> str:
    return (pipeline.dag_file.parent / f"{prefix}{pipeline.dag}.py").read_text()


def status(pipeline: Pipeline, *words: str, cwd: Path) -> dict[str, object]:
    done = pipeline.platform.run("status", pipeline.folder.name, "--json", *words, cwd=cwd)
    (found,) = json.loads(done.stdout).values()
    return found


def test_from_training_to_production_and_back(pipeline, clone, tmp_path):
    trained(pipeline, clone, 20)
    first = released(pipeline)
    name, model = str(first["release"]), first["lock"]["models"][pipeline.name]
    assert (name, first["pushed"]) == (f"release/{pipeline.name}-1", "origin")
    assert (model["name"], model["version"]) == (pipeline.name, "1")
    environments = (pipeline.folder.parent / "environments").glob("*.json")
    assert set(first["lock"]["plans"]) == {path.stem for path in environments}
    assert {"local", "prod"} <= set(first["lock"]["plans"])

    trained(pipeline, clone, 30)
    second = released(pipeline)
    assert second["lock"]["models"][pipeline.name]["version"] == "2"
    assert champion(pipeline) == "2"

    # Another clone, of which nothing was ever deployed, puts the first one into production.
    other = cloned(tmp_path, clone, "other", "--no-tags").folder
    atlas = pipeline.platform.run
    refused = atlas("deploy", pipeline.folder.name, "--env", "prod", cwd=other, code=1)
    assert "L014" in refused.stderr
    atlas("deploy", "--release", name, "--env", "prod", cwd=other)
    text = dag(pipeline, "prod-")
    assert f"release:{name}" in text
    assert f"models:/{pipeline.name}/1" in text
    found = status(pipeline, "--env", "prod", cwd=other)
    assert found["release"] == name
    assert found["deployment"]["commit"] == first["lock"]["commit"]
    again = atlas("deploy", "--release", name, "--env", "prod", cwd=other)
    assert "nothing to do" in again.stdout

    # The first clone goes on to the second; a rollback to the first puts back what was.
    pipeline.atlas("deploy", "--release", str(second["release"]), "--env", "prod")
    assert f"models:/{pipeline.name}/2" in dag(pipeline, "prod-")
    pipeline.atlas("rollback", "--release", name, "--env", "prod")
    assert dag(pipeline, "prod-") == text
    assert champion(pipeline) == "2", "another environment's champion stays"
    listed = json.loads(
        pipeline.atlas("history", pipeline.folder.name, "--env", "prod", "--json").stdout
    )
    (entries,) = listed.values()
    assert [(entry["action"], entry["release"]) for entry in entries] == [
        ("deploy", name), ("deploy", second["release"]), ("rollback", name)
    ]  # fmt: skip


def test_images_go_by_the_digests_that_were_released(pipeline, clone):
    services = pipeline.platform.outputs["services"]
    secrets = pipeline.platform.state / "secrets" / f"{services['registry']['credentials']}.json"
    registry = ImageRegistry.at(services["registry"]["url"], secrets)
    store = open_store(services["store"]["url"])
    (wanted,) = desired_images(resolve(pipeline.folder))

    def push(content: str) -> str:
        digest = add_image(registry, wanted.repository, content)
        key = f"sbom/{pipeline.name}.cdx.json"
        store.location.write(key, content.encode())
        write_record(
            store,
            Built(repository=wanted.repository, tag=wanted.tag, digest=digest, sbom=key),
        )
        return digest

    first = push("one")
    trained(pipeline, clone, 20)
    outcome = released(pipeline)
    (name, image) = (str(outcome["release"]), outcome["lock"]["images"]["training/base"])
    assert image["reference"] == f"{wanted.repository}@{first}"
    assert image["sbom"] == hashlib.sha256(b"one").hexdigest()
    # What is built again under the same tag isn't what was released.
    second = push("two")
    assert second != first
    pipeline.atlas("deploy", "--release", name, "--env", "prod")
    found = status(pipeline, "--env", "prod", cwd=clone.folder)
    (images,) = (one for one in found["resources"] if one["name"] == "images")
    assert images["members"] == {"base": f"{wanted.repository}@{first}"}
    assert first in referenced(store, clone.folder), "a prune leaves it"
    registry.delete(wanted.repository, first)
    refused = pipeline.atlas("deploy", "--release", name, "--env", "prod", code=1)
    assert f"L012: {name}: registry" in refused.stderr
    assert first in refused.stderr


def test_a_rollback_moves_the_champion_back_and_converges(pipeline, clone):
    trained(pipeline, clone, 20)
    first = str(released(pipeline)["release"])
    trained(pipeline, clone, 30)
    second = str(released(pipeline)["release"])
    pipeline.atlas("deploy", "--release", second)
    assert champion(pipeline) == "2"
    # The documents on disk are the release's: the pinned version makes no difference.
    assert [one["disk"] for one in pipeline.status().values()] == [{}, {}, {}]
    for delay in (1.0, 3.0, 5.0):
        pipeline.interrupted(signal.SIGKILL, delay, "rollback", "--release", first)
        done = pipeline.atlas("rollback", "--release", first, "--json")
        (told,) = json.loads(done.stdout)
        assert champion(pipeline) == "1"
        assert f"models:/{pipeline.name}/1" in dag(pipeline)
        pipeline.atlas("rollback", "--release", second)
        assert champion(pipeline) == "2"
        assert f"models:/{pipeline.name}/2" in dag(pipeline)
    assert told["release"] == first
    done = pipeline.atlas("champion", pipeline.folder.name, "--history", "--json")
    (facts,) = json.loads(done.stdout)
    assert f"rolled back to {first} in environment local" in {e["reason"] for e in facts["history"]}
