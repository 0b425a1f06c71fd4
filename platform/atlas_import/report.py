"""What an import has done, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.load import shown
from atlas.validate import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.errors import Problem
    from atlas_import.writing import ImportedPipeline


def report(imported: ImportedPipeline) -> tuple[dict[str, Any], str]:
    """Return what was written, what wasn't taken over, and the Problems left: as data, as text."""
    problems = check(imported.project.folder).problems
    data = {
        "pipeline": imported.project.name,
        "folder": str(imported.project.folder),
        "steps": [step.name for step in imported.draft.steps],
        "written": [str(path) for path in imported.project.written],
        "notes": [{"place": note.place, "text": note.text} for note in imported.notes],
        "problems": [problem.to_json() for problem in problems],
    }
    return data, _text(imported, problems)


def _text(imported: ImportedPipeline, problems: Sequence[Problem]) -> str:
    where = shown(imported.project.folder)
    lines = [f"wrote {shown(path)}" for path in imported.project.written]
    lines = lines or ["all of it is there already: nothing was written"]
    notes = [f"{note.place}: {note.text}" for note in imported.notes]
    lines += _listed("Not taken over, or not as it was:", notes)
    lines += _listed("Left to mend:", [str(problem) for problem in problems])
    count = len(imported.draft.steps)
    steps = f"{count} step{'s' if count > 1 else ''}"
    lines += ["", f"The pipeline '{imported.project.name}' of {steps} is in {where}. Next:", ""]
    calls = (command(name, path=where).strip("`") for name in ("validate", "graph", "run"))
    return "\n".join([*lines, *(f"  {call}" for call in calls)])


def _listed(title: str, lines: list[str]) -> list[str]:
    return ["", title, "", *(f"  {line}" for line in lines)] if lines else []
