"""Content tags: the same for the same content, another for any other, without building."""

from __future__ import annotations

import re
import shutil

import pytest

from atlas.images import content, content_tag, reference, references, repository
from atlas.plan import resolve


def tags(project, path="words"):
    (one,) = resolve(project.root / path)
    plan = one.plans["training"]
    return {name: content_tag(plan, name, one.folder) for name in plan.images}


def test_a_tag_is_one_that_registries_take(pipeline):
    for tag in tags(pipeline).values():
        assert re.fullmatch(r"[0-9a-f]{16}", tag)


def test_another_folder_with_the_same_content_has_the_same_tags(pipeline, tmp_path):
    before = tags(pipeline)
    shutil.copytree(pipeline.root, tmp_path / "elsewhere", symlinks=True)
    (one,) = resolve(tmp_path / "elsewhere" / "words")
    plan = one.plans["training"]
    assert {name: content_tag(plan, name, one.folder) for name in plan.images} == before


@pytest.mark.parametrize(
    ("file", "text", "changed"),
    [
        ("words/steps.py", "# an edit\n", {"base", "trees"}),
        ("words/requirements.txt", "world\n", {"base", "trees"}),
        ("words/trees.Dockerfile", "RUN true\n", {"base", "trees"}),
        ("words/tests/test_steps.py", "# none of a step's business\n", set()),
        ("words/notes.ipynb", "{}", set()),
        ("words/.env", "TOKEN=1", set()),
        ("words/requirements.lock", "# atlas-lock: of other requirements\n", set()),
    ],
)
def test_what_makes_another_tag(pipeline, file, text, changed):
    before = tags(pipeline)
    path = pipeline.root / file
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text)
    after = tags(pipeline)
    assert {name for name in before if before[name] != after[name]} == changed


def test_lower_layers_are_not_those_of_the_code(pipeline):
    def lower():
        (one,) = resolve(pipeline.root / "words")
        images = one.plans["training"].images
        return {name: content.environment_digest(images[name], one.folder) for name in images}

    before = lower()
    pipeline.write("words/steps.py", (pipeline.root / "words/steps.py").read_text() + "# edit\n")
    assert lower() == before
    pipeline.write("words/greeting.txt", "good evening\n")
    after = lower()
    assert after["base"] == before["base"]
    assert after["trees"] != before["trees"], "the Dockerfile copies it"


def test_the_base_is_part_of_it(pipeline):
    before = tags(pipeline)
    pipeline.write("pyproject.toml", '[tool.atlas]\nbase-image = "localhost/python:3.12"\n')
    after = tags(pipeline)
    assert all(before[name] != after[name] for name in before)


def test_atlas_itself_is_part_of_it(pipeline, monkeypatch):
    before = tags(pipeline)
    monkeypatch.setattr(content, "atlas_digest", lambda: "another")
    after = tags(pipeline)
    assert all(before[name] != after[name] for name in before)


def test_a_dockerfile_without_the_base_does_not_depend_on_it(pipeline):
    pipeline.write("words/trees.Dockerfile", "FROM debian\n")
    before = tags(pipeline)["trees"]
    pipeline.write("pyproject.toml", '[tool.atlas]\nbase-image = "localhost/other"\n')
    assert tags(pipeline)["trees"] == before


def test_references_of_all_images(pipeline):
    (one,) = resolve(pipeline.root / "words")
    found = references(one.plans["training"], one.folder)
    assert set(found) == {"", "base", "trees"}
    assert re.fullmatch(r"atlas/words/default:[0-9a-f]{16}", found[""])
    assert re.fullmatch(r"atlas/words/trees:[0-9a-f]{16}", found["trees"])


def test_a_ready_image_is_its_own_reference(pipeline):
    ready = f"example.org/x@sha256:{'0' * 64}"
    (pipeline.root / "words/training.json").write_text(
        (pipeline.root / "words/training.json")
        .read_text()
        .replace('{"dockerfile": "trees.Dockerfile"}', f'{{"reference": "{ready}"}}')
    )
    (one,) = resolve(pipeline.root / "words")
    assert reference(one.plans["training"], "trees", one.folder) == ready


@pytest.mark.parametrize("name", ["a_-b", "a___b", "trailing-", "x_"])
def test_names_that_registries_do_not_take_are_written_otherwise(name):
    component = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
    found = repository(name, "base")
    assert re.fullmatch(rf"atlas/{component}/base", found)
    assert found != repository(f"{name}x", "base")


def test_names_stay_as_they_are():
    assert repository("tumour-emea", "big_base") == "atlas/tumour-emea/big_base"
