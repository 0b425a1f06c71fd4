"""Rows of people: where a Config or an Environment says so, no page and no command shows any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.artifacts import opened
from atlas.artifacts.showing import shown
from atlas.draw.report import report
from tests.projects import Project, project

__all__ = ["project"]

SOURCE = """
    import pandas as pd
    from atlas import Png


    class Patients(NamedTuple):
        rows: pd.DataFrame
        note: str
        picture: Png


    class Make(Template):
        def run(self) -> Patients:
            rows = pd.DataFrame({"name": ["Ada Lovelace", "Alan Turing"]})
            picture = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
                "0000000d4944415478da636460f85f0f0002870180eb47ba920000000049454e44ae426082")
            return Patients(rows, "Grace Hopper was here", Png(picture))
"""
STEPS = {"make": {"class": "steps:Make"}}
NAMES = ("Ada Lovelace", "Alan Turing", "Grace Hopper")


def _seen(project: Project, run: str) -> str:
    """Everything that people are shown of a run without asking for a file."""
    page = Path(project.store.location.local(f"patients/{run}/report.html")).read_text("utf-8")
    with opened(project.root, "local") as place:
        looks = [shown(place, f"{run}/make.{name}") for name in ("rows", "note", "picture")]
        facts = [str(look.to_json()) for look in (*looks, shown(place, run))]
    return "\n".join((page, *(look.text for look in looks), *facts))


@pytest.mark.parametrize(
    ("config", "environment"),
    [({"previews": False}, {"previews": True}), ({}, {"previews": False})],
    ids=["by the Config, whatever the Environment says", "by the Environment"],
)
def test_no_row_is_shown_where_previews_are_off(
    project: Project, config: dict[str, Any], environment: dict[str, Any]
) -> None:
    project.pipeline("patients", SOURCE, STEPS, config=config)
    project.environment(**environment)
    ran = project.run("patients", report=report)
    assert ran.ok, ran.errors()
    seen = _seen(project, ran.id)
    assert not [name for name in NAMES if name in seen]
    assert "2 rows, 1 columns" in seen
    assert '"previews" is false in the Config or the Environment' in seen
    assert seen.count("data:image/png;base64,") == 1


def test_rows_are_shown_otherwise(project: Project) -> None:
    project.pipeline("patients", SOURCE, STEPS)
    ran = project.run("patients", report=report)
    assert ran.ok, ran.errors()
    seen = _seen(project, ran.id)
    assert [name for name in NAMES if name in seen] == list(NAMES)
    assert "previews" not in project.plan("patients").text


def test_what_is_shown_changes_nothing_of_what_runs(project: Project) -> None:
    """A run with previews off takes its results from one with previews on."""
    project.pipeline("patients", SOURCE, STEPS)
    before = project.plan("patients")
    assert project.run("patients").ok
    project.pipeline("patients", SOURCE, STEPS, config={"previews": False})
    after = project.plan("patients")
    assert after.hides_rows
    assert after.digests == before.digests
    assert project.run("patients").cached() == {"make"}
