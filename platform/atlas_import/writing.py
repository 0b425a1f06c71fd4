"""A draft as files: a steps module, a Recipe, a Config, and the project around them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.builder import pretty
from atlas.scaffold import StartedProject, place
from atlas_import.draft import camel, recipe_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas_import.draft import Note, PipelineDraft, StepDraft

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class ImportedPipeline:
    """What was written, and what wasn't taken over."""

    draft: PipelineDraft
    project: StartedProject
    notes: tuple[Note, ...]


def write(draft: PipelineDraft, folder: Path, name: str = "") -> ImportedPipeline:
    """Write a draft as a pipeline, and a project around it unless the folder is in one.

    Args:
        draft: what to write.
        folder: the project's folder, or one inside of a project; made where it isn't there.
        name: the pipeline's name; by default, what it was called.

    Raises:
        AtlasError: the name won't do, something is in the way, or a file can't be written.
    """
    places = {
        one: {k: v for k, v in given.items() if k != "type"} for one, given in draft.data.items()
    }
    called = name or recipe_name(draft.name).replace("_", "-")
    return ImportedPipeline(draft, place(folder, called, files(draft), places), draft.notes)


def files(draft: PipelineDraft) -> dict[str, str]:
    """Return the files of a draft: path in the pipeline's folder → text."""
    written = {
        "steps.py": steps_module(draft),
        f"{draft.flow}.json": pretty(recipe(draft)),
        "config.json": pretty(config(draft)),
    }
    if draft.requirements:
        written["requirements.txt"] = "\n".join((*draft.requirements, ""))
    return {**draft.files, **written}


def recipe(draft: PipelineDraft) -> dict[str, Any]:
    """Return a draft's Recipe."""
    head: dict[str, Any] = {
        "$schema": "@schemas@/recipe.v1.json",
        "version": 1,
        "name": f"@name@-{draft.flow}",
        "flow": draft.flow,
    }
    if draft.description:
        head["description"] = draft.description
    if draft.requirements:
        head["images"] = {"base": {"requirements": "requirements.txt"}}
        head["defaults"] = {"image": "base"}
    return {**head, "steps": {step.name: _step(step) for step in draft.steps}}


def _step(step: StepDraft) -> dict[str, Any]:
    told: dict[str, Any] = {"class": f"steps:{step.function}"}
    if step.foreach:
        told["foreach"] = dict(step.foreach)
    if step.inputs:
        told["inputs"] = {name: one.reference for name, one in step.inputs.items()}
    if step.params:
        told["params"] = {name: one.value for name, one in step.params.items()}
    if step.after:
        told["after"] = list(step.after)
    return told | dict(step.settings)


def config(draft: PipelineDraft) -> dict[str, Any]:
    """Return a draft's Config."""
    told: dict[str, Any] = {
        "$schema": "@schemas@/config.v1.json",
        "version": 1,
        "name": "@name@",
        "recipes": {draft.flow: f"{draft.flow}.json"},
    }
    if draft.data:
        told["data"] = {name: {"type": one["type"]} for name, one in draft.data.items()}
    return told | dict(draft.config)


def steps_module(draft: PipelineDraft) -> str:
    """Return the source of the steps module."""
    steps = "\n\n\n".join("\n".join(_function(step)) for step in draft.steps)
    title = f"Steps of {_plain(draft.name)}, as they were imported."
    return "\n".join([f'"""{title}"""', "", *_imports(draft), "", "", steps, ""])


def _imports(draft: PipelineDraft) -> Iterator[str]:
    """Give the import statements that the steps need, those of their hints among them."""
    text = "\n".join(line for step in draft.steps for line in _function(step))
    typing = [name for name in ("Any", "NamedTuple") if name in text]
    standard = {f"from typing import {', '.join(typing)}"} if typing else set()
    own = {"from atlas import Data, step" if ": Data" in text else "from atlas import step"}
    lines = {*draft.imports, *standard, *own}
    plain = sorted(line for line in lines if line.startswith("import "))
    yield from (*plain, *sorted(lines.difference(plain)))


def _function(step: StepDraft) -> Iterator[str]:
    returns = next(iter(step.outputs.values()), "None")
    if list(step.outputs) not in ([], ["value"]):
        returns = f"{camel(step.function)}Outputs"
        yield f"class {returns}(NamedTuple):"
        yield from (f"    {name}: {hint or 'Any'}" for name, hint in step.outputs.items())
        yield from ("", "")
    yield "@step"
    yield from _head(step, returns or "Any")
    if step.description:
        yield f'    """{_plain(step.description)}"""'
    yield from (f"    {line}" if line else "" for line in step.body)


def _head(step: StepDraft, returns: str) -> list[str]:
    """Return the line that begins a function, or several where it is long."""
    inputs = [f"{name}: {one.hint}" if one.hint else name for name, one in step.inputs.items()]
    params = [f"{name}: {one.hint}" for name, one in step.params.items()]
    arguments = [*step.foreach, *inputs, *(["*", *params] if params else [])]
    line = f"def {step.function}({', '.join(arguments)}) -> {returns}:"
    if len(line) <= _WIDTH:
        return [line]
    return [f"def {step.function}(", *(f"    {one}," for one in arguments), f") -> {returns}:"]


def _plain(text: str) -> str:
    """Return text that a docstring of one line can have."""
    text = " ".join(text.split()).encode("utf-8", "replace").decode()
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', "'")
