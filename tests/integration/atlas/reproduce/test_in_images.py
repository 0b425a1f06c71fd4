"""A run that was in images is repeated in these, by digest, where they and an engine are there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from atlas.containers import ContainerEngine
from atlas.reproduce import running
from atlas.reproduce.asking import ReproduceQuery, reproduce

IMAGE = f"127.0.0.1:5000/atlas/prices/default@sha256:{'1' * 64}"


@pytest.fixture
def engine(tmp_path: Path) -> ContainerEngine:
    """An engine that is a script: it has what is in ``images``, and runs a step as a process."""
    (tmp_path / "images").write_text(json.dumps([IMAGE]))
    script = f"""#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
with open({str(tmp_path / "calls")!r}, "a") as calls:
    calls.write(json.dumps(words) + "\\n")
images = json.load(open({str(tmp_path / "images")!r}))
if words[0] == "pull" or words[:2] == ["image", "inspect"]:
    sys.exit(words[-1] not in images)
if words[0] == "run":
    command = words[words.index({IMAGE!r}) + 1 :]
    os.execv({sys.executable!r}, [{sys.executable!r}, *command[1:]])
"""
    program = tmp_path / "docker"
    program.write_text(script)
    program.chmod(0o755)
    return ContainerEngine("docker", str(program))


@pytest.fixture
def images(chain, engine, monkeypatch):
    """A chain whose training has run in an image; the calls of the engine."""
    for path in (chain.store / "prices" / chain.training).glob("*/outcome.json"):
        raw = json.loads(path.read_text())
        raw["provenance"]["image"] = IMAGE
        path.write_text(json.dumps(raw))
    monkeypatch.setattr(running, "find_engine", lambda _state: engine)
    return Path(engine.program).with_name("calls")


def test_steps_run_in_the_images_of_then_by_digest(chain, images):
    reproduction = reproduce(ReproduceQuery("prices@champion", chain.root))
    assert (reproduction.verdict.verdict, reproduction.statements) == ("bit-equal", ())
    calls = [json.loads(line) for line in images.read_text().splitlines()]
    runs = [words for words in calls if words[0] == "run"]
    assert len(runs) == 2
    for words in runs:
        assert IMAGE in words
        assert str(chain.store) not in " ".join(words)
        assert any("atlas-reproduce-" in word and word.endswith(":rw") for word in words)


def test_an_image_that_is_gone_is_a_statement_and_processes_do(chain, images):
    images.with_name("images").write_text("[]")
    reproduction = reproduce(ReproduceQuery("prices@champion", chain.root))
    assert reproduction.verdict.verdict == "bit-equal"
    (statement,) = reproduction.statements
    assert statement == f"image {IMAGE} isn't there any more: the steps run in processes"
    calls = [json.loads(line)[0] for line in images.read_text().splitlines()]
    assert calls == ["image", "pull"]


def test_where_only_some_steps_were_in_images_all_run_in_processes(chain, images):
    path = chain.store / "prices" / chain.training / "train" / "outcome.json"
    raw = json.loads(path.read_text())
    del raw["provenance"]["image"]
    path.write_text(json.dumps(raw))
    reproduction = reproduce(ReproduceQuery("prices@champion", chain.root))
    assert reproduction.verdict.verdict == "bit-equal"
    assert any("only some steps ran in images" in text for text in reproduction.statements)
    assert not images.exists()
