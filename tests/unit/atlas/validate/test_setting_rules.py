"""Rules about images, variables, secrets and formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import DROP, checked, shop, write

R = "training.json"
BASE = {"requirements": "requirements.txt"}

WRONG = {
    "an image that there isn't": (
        [(R, "steps.train.image", "bass")], ["R025 training.json steps.train.image"],
    ),
    "a default image that there isn't, once": (
        [(R, "defaults.image", "bass"), (R, "images", DROP)], ["R025 training.json defaults.image"],
    ),
    "an image's file that there isn't": (
        [(R, "images.base.requirements", "require.txt")], ["R026 training.json images.base.requirements"],
    ),
    "an image's file that is a folder": (
        [(R, "images.base", {"dockerfile": "environments"})], ["R026 training.json images.base.dockerfile"],
    ),
    "an image's file outside": (
        [(R, "images.base.requirements", "../requirements.txt")],
        ["R023 training.json images.base.requirements"],
    ),
    "an image's file by an absolute path": (
        [(R, "images.base", {"dockerfile": "/etc/hostname"})], ["R023 training.json images.base.dockerfile"],
    ),
    "an image of a Recipe that is a step": (
        [("features.json", "images", {"light": {"requirements": "light.txt"}}),
         ("features.json", "steps.clean.image", "light")],
        ["R026 features.json images.light.requirements"],
    ),
    "an image of that name for something else": (
        [("features.json", "images", {"base": {"dockerfile": "base.Dockerfile"}}),
         ("base.Dockerfile", "", "FROM scratch")],
        ["R040 features.json images.base"],
    ),
    "a variable of the platform": (
        [(R, "steps.train.env", {"ATLAS_STORE": "x"})], ["R042 training.json steps.train.env.ATLAS_STORE"],
    ),
    "a default variable of the platform, once": (
        [(R, "defaults.env", {"ATLAS_STORE": "x"})], ["R042 training.json defaults.env.ATLAS_STORE"],
    ),
    "a secret that there isn't": (
        [(R, "steps.train.secrets", ["token", "key"])], ["E003 training.json steps.train.secrets[1]"],
    ),
    "a default secret that there isn't, once": (
        [(R, "defaults.secrets", ["key"])], ["E003 training.json defaults.secrets[0]"],
    ),
    "trust in what runs code": (
        [(R, "steps.train.outputs", {"model": {"format": "skops", "trust": ["a.B", "os.system"]}})],
        ["R044 training.json steps.train.outputs.model.trust[1]"],
    ),
    "trust for another format than skops": (
        [(R, "steps.train.outputs", {"model": {"format": "pickle", "trust": ["a.B"]}})],
        ["R044 training.json steps.train.outputs.model.format"],
    ),
    "an unknown format": (
        [(R, "steps.train.outputs", {"model": {"format": "jason"}})],
        ["N003 training.json steps.train.outputs.model.format"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_setting_is_told_once(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert checked(write(tmp_path, shop(*changes))) == expected


RIGHT = {
    "an image of an outer Recipe": [("features.json", "steps.clean.image", "base"), ("inference.json", "images", {"base": BASE})],
    "the same image of the same name": [("features.json", "images", {"base": BASE}), ("features.json", "steps.clean.image", "base")],
    "a ready image": [(R, "images.base", {"reference": f"python@sha256:{'0' * 64}"})],
    "a file in a folder": [(R, "images.base.requirements", "docker/base.txt"), ("docker/base.txt", "", "pandas")],
    "a format of Atlas's": [(R, "steps.train.outputs", {"model": {"format": "pickle"}})],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_told_nothing(name: str, tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop(*RIGHT[name]))) == []


def test_an_image_s_file_that_is_a_link_out_of_the_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", shop())
    (folder / "requirements.txt").rename(tmp_path / "requirements.txt")
    (folder / "requirements.txt").symlink_to("../requirements.txt")
    assert checked(folder) == ["R023 training.json images.base.requirements"]


def test_the_place_of_an_inherited_default(tmp_path: Path) -> None:
    child = {"version": 1, "name": "child", "extends": "training.json"}
    files = shop((R, "defaults.image", "bass"), ("config.json", "recipes.training", "child.json"),
                 **{"child.json": child})  # fmt: skip
    [problem] = check(write(tmp_path, files)).problems
    assert problem.code == "R025"
    assert Path(problem.file).name == "training.json"
    line = (tmp_path / "training.json").read_text().splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith('"bass"')
