"""Locks: resolved by uv from wheels beside the requirements, and known to be stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import InvalidError
from atlas.images import lock_images
from atlas.images.base import python_of
from atlas.images.lock import CORE, lock_for, stamp
from atlas.images.locking import make_lock
from atlas.images.requirements import read_requirements
from atlas.plan import resolve
from atlas.recipe import Image
from tests.images import make_wheel

IMAGE = Image(requirements="requirements.txt")


def locked(project):
    return lock_for(IMAGE, project.root / "words")


@pytest.mark.usefixtures("no_own")
def test_a_lock_has_every_version_and_its_hashes(pipeline):
    make_wheel(pipeline.root / "words/wheels", "hello", "1.1", requires="world>=2")
    make_wheel(pipeline.root / "words/wheels", "world", "2.0")
    lock = make_lock(locked(pipeline))
    assert lock.pins == {"hello": "1.1", "world": "2.0"}
    assert lock.text.count("--hash=sha256:") == 2, "each version has one file"
    assert locked(pipeline) == lock
    assert str(pipeline.root) not in lock.text
    assert "find-links" not in lock.text


@pytest.mark.usefixtures("no_own")
def test_a_lock_is_stale_when_requirements_change(pipeline):
    before = make_lock(locked(pipeline)).digest
    requirements = pipeline.root / "words/requirements.txt"
    requirements.write_text(requirements.read_text() + "world\n")
    stale = locked(pipeline)
    assert not stale.fresh
    assert stale.digest.startswith("unlocked-")
    make_wheel(pipeline.root / "words/wheels", "world", "2.0")
    assert make_lock(stale).digest != before


@pytest.mark.usefixtures("no_own")
def test_what_a_lock_pins_stays_unless_an_upgrade_is_asked_for(pipeline):
    make_lock(locked(pipeline))
    make_wheel(pipeline.root / "words/wheels", "hello", "1.1")
    make_wheel(pipeline.root / "words/wheels", "world", "2.0")
    requirements = pipeline.root / "words/requirements.txt"
    requirements.write_text(requirements.read_text() + "world\n")
    assert make_lock(locked(pipeline)).pins == {"hello": "1.0", "world": "2.0"}
    assert make_lock(locked(pipeline), upgrade=True).pins["hello"] == "1.1"


@pytest.mark.usefixtures("no_own")
def test_all_locks_of_pipelines_once(pipeline):
    said = []
    pipelines = resolve(pipeline.root)
    assert lock_images(pipelines, said.append, upgrade=False) == [
        pipeline.root / "words/requirements.lock"
    ]
    assert len(said) == 1
    assert lock_images(pipelines, said.append, upgrade=False) == []


@pytest.mark.usefixtures("no_own")
@pytest.mark.parametrize(
    ("line", "reason"),
    [("nowhere-to-be-found", "nowhere-to-be-found"), ("hello>=5", "hello"), ("hello<1\n", "hello")],
)
def test_requirements_that_can_not_be_met_show_the_resolvers_reason(pipeline, line, reason):
    requirements = pipeline.root / "words/requirements.txt"
    requirements.write_text(requirements.read_text() + f"{line}\n")
    with pytest.raises(InvalidError) as caught:
        make_lock(locked(pipeline))
    (problem,) = caught.value.problems
    assert problem.code == "I105"
    assert reason in problem.message
    assert "\x1b" not in problem.message
    assert not (pipeline.root / "words/requirements.lock").exists()


def test_the_lock_of_atlas_itself_holds():
    requirements = read_requirements(CORE.parent, "")
    assert CORE.read_text().startswith(stamp(requirements, "3.11")), "run `make lock`"


def test_an_image_of_a_dockerfile_has_the_lock_of_atlas_itself(pipeline):
    lock = lock_for(Image(dockerfile="trees.Dockerfile"), pipeline.root / "words")
    assert lock.file == CORE
    assert lock.fresh


@pytest.mark.parametrize(
    ("base", "python"),
    [
        ("python:3.12-slim", "3.12"),
        ("registry.example.org:5000/library/python:3.13", "3.13"),
        ("example.org/python3.12:7", "3.12"),
        ("python:3.11.9", "3.11"),
        ("debian:12", "3.11"),
        ("pytorch/pytorch:2.3.12", "3.11"),
        (f"python@sha256:{'3.12' * 16}", "3.11"),
    ],
)
def test_the_python_that_a_bases_name_tells_of(base, python):
    assert python_of(base) == python


def test_the_locks_of_the_examples_hold():
    for file in (Path(__file__).parents[4] / "recipes").rglob("requirements.txt"):
        image = Image(requirements=file.name)
        assert lock_for(image, file.parent).fresh, "run `make lock`"
