"""Data is where its URI says, whatever letters are in the project's path and in its own."""

from __future__ import annotations

import pytest

from atlas.errors import StepError
from atlas.plan import PlanData
from atlas.step.opening import open_data
from atlas.uris import uri_of

ODD = ("a#b", "50%41", "why?x", "a b", "ä", "#", "?", "%")


def handle(uri: str, store: str = "file:///none"):
    return open_data(PlanData(uri=uri, format="json"), "d", "s", "", store)


@pytest.mark.parametrize("folder", ODD)
@pytest.mark.parametrize("name", ODD)
def test_in_the_project_in_the_store_and_elsewhere(tmp_path, monkeypatch, folder, name):
    root = tmp_path / folder
    monkeypatch.setenv("ATLAS_PROJECT", str(root))
    for uri, store in (
        (f"project:{name}/x.json", ""),
        (f"store:{name}/x.json", uri_of(root)),
        (uri_of(root / name / "x.json"), ""),
    ):
        handle(uri, store).write([uri])
        assert (root / name / "x.json").read_text() == f'["{uri}"]'
        assert handle(uri, store).read() == [uri]
    whole = handle(f"project:{name}/parts/")
    whole.write([1])
    assert [*(root / name / "parts").iterdir()] == [root / name / "parts" / "part.json"]
    assert whole.read() == [1]
    assert {path.name for path in tmp_path.iterdir()} == {folder}


@pytest.mark.parametrize("uri", ["project:../out.json", "project:a/../../out.json", "store:../x"])
def test_data_does_not_leave_the_project_nor_the_store(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("ATLAS_PROJECT", str(tmp_path / "p"))
    with pytest.raises(
        StepError, match=r"data\.d: .*found a path that leaves .*, expected one in it"
    ):
        handle(uri, uri_of(tmp_path / "p"))
