"""Marks for what differs between pipelines of one shape, so that one is compiled for all of them.

Kubeflow's package of a pipeline has its name, its Plan's digests, its model, its images and its
steps' names as plain words. Everything else that is in it is part of the key that the compiled text
is kept under.
"""

from __future__ import annotations

import re
from bisect import bisect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.targets.kubeflow.words import task_name
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import PlanStep
    from atlas.targets.kubeflow.component import Shape

_UNSEEN = (
    "name", "pipeline", "config", "axes", "model", "schedule", "promotion", "recipe", "environment",
    "code", "digests", "packages", "formats", "images",
)  # fmt: skip
"""Fields of a Plan that its package doesn't have, or that are marked."""
_UNSEEN_IN_STEPS = ("cls", "params", "outputs", "description", "origin", "cache")
_PLAIN = re.compile(r"[a-z][a-z0-9._-]*[/:@][a-z0-9._/:@-]*[a-z0-9]|[0-9]*[a-f-][0-9a-f-]*(dirty)?")
"""References and digests that YAML writes as they are, as it does marks; no others are marked."""
_STEP = re.compile(r"(?!(yes|no|on|off|true|false|null)$)[a-z][a-z0-9_.-]{0,99}")
"""Names of steps that YAML writes as they are, as keys too."""
_OWN_TASKS = ("atlas-finish", "exit-handler-1")
"""Tasks that stand among those of the steps, which YAML sorts."""
_BEFORE = ("aa", "b", "s")
"""What sorts before the first of these, between the two, and behind both."""


def mark(shape: Shape) -> tuple[Shape, str, Mapping[str, str]]:
    """Return a shape with marks, the key of all that have the same, and what the marks stand for.

    The key is a digest of what the shape has besides, so no text of it can have a mark by itself.
    """
    words = _words(shape)
    values = {name: text for name, text in words.items() if _PLAIN.fullmatch(text)}
    values |= {"name": shape.name, "plan": shape.digest}
    rest = {name: text for name, text in words.items() if name not in values}
    steps = _step_marks(shape)
    key = digest([_seen(shape, steps), sorted(values), rest, shape.origin.release, *_how(shape)])
    marked = _marked(shape, {**rest, **{name: f"{name}_{key}" for name in values}})
    marked = _renamed(marked, {step: f"{name}_{key}" for step, name in steps.items()})
    return marked, key, values | {name: step for step, name in steps.items()}


def _step_marks(shape: Shape) -> dict[str, str]:
    """Return the marks of the steps' names, which sort as these do; none where they can't be.

    Names that KFP would change are kept, and those of flows with loops, which have tasks besides.
    """
    tasks = {step.name: task_name(step.name) for step in shape.plan.steps}
    are_plain = all(map(_STEP.fullmatch, tasks))
    are_single = len({*tasks.values(), *_OWN_TASKS}) == len(tasks) + len(_OWN_TASKS)
    if not are_plain or not are_single or _has_groups(shape):
        return {}
    ranked = sorted(tasks, key=tasks.__getitem__)
    return {
        step: f"{_BEFORE[bisect(_OWN_TASKS, tasks[step])]}{rank:05}"
        for rank, step in enumerate(ranked)
    }


def _has_groups(shape: Shape) -> bool:
    """Tell whether KFP has tasks of its own among the steps': loops and branches."""
    conditional = any(step.when or step.optional for step in shape.plan.steps)
    joins = any(one.options for step in shape.plan.steps for one in step.inputs.values())
    return conditional or joins or any(step.foreach for step in shape.plan.steps)


def _renamed(shape: Shape, names: Mapping[str, str]) -> Shape:
    """Return a shape whose steps have other names."""
    if not names:
        return shape
    steps = tuple(_renamed_step(step, names) for step in shape.plan.steps)
    outputs = {names[step]: kinds for step, kinds in shape.outputs.items()}
    return replace(shape, plan=replace(shape.plan, steps=steps), outputs=outputs)


def _renamed_step(step: PlanStep, names: Mapping[str, str]) -> PlanStep:
    inputs = {
        name: replace(source, name=names[source.name]) if source.kind == "step" else source
        for name, source in step.inputs.items()
    }
    after = tuple(names[name] for name in step.after)
    return replace(step, name=names[step.name], inputs=inputs, after=after)


def _words(shape: Shape) -> dict[str, str]:
    """Return what may be marked, by the mark's name."""
    return {
        "code": shape.plan.code,
        "model": shape.model,
        "commit": shape.origin.commit,
        **{f"digest-{name}": text for name, text in shape.plan.digests.items()},
        **{f"image-{digest(name)[:16]}": reference for name, reference in shape.images.items()},
    }


def _marked(shape: Shape, words: Mapping[str, str]) -> Shape:
    """Return a shape with other words in these places."""
    digests = {name: words[f"digest-{name}"] for name in shape.plan.digests}
    return replace(
        shape,
        plan=replace(shape.plan, code=words["code"], digests=digests),
        name=words["name"],
        digest=words["plan"],
        model=words["model"],
        images={name: words[f"image-{digest(name)[:16]}"] for name in shape.images},
        origin=replace(shape.origin, commit=words["commit"]),
    )


def pieces(text: str, key: str) -> list[str]:
    """Return a text with marks in pieces: what is between marks, and every second one a mark."""
    return re.split(rf"([a-z]+[0-9]{{5}}[_-]|[a-z][a-z0-9-]*_|name-){key}", text)


def unmark(pieces: Sequence[str], values: Mapping[str, str]) -> str:
    """Return a text in pieces, with what its marks stand for in their places."""
    known = {f"{name}_": value for name, value in values.items()}
    known |= {f"{name}-": task_name(value) for name, value in values.items() if name != "name"}
    known["name-"] = in_kfp_letters(values["name"])
    parts = list(pieces)
    parts[1::2] = [known[mark] for mark in parts[1::2]]
    return "".join(parts)


def in_kfp_letters(name: str) -> str:
    """Return a deployed name in the letters that KFP takes."""
    return name.replace("_", "-")


def _seen(shape: Shape, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what of a Plan is in its package, besides what is marked.

    Args:
        shape: the Plan's.
        names: the marks of its steps' names; none where these are in the package as they are.
    """
    raw = {key: value for key, value in shape.plan.to_json().items() if key not in _UNSEEN}
    steps = [
        {key: value for key, value in step.items() if key not in _UNSEEN_IN_STEPS}
        for step in raw["steps"]
    ]
    for step in steps if names else ():
        _rename_seen(step, names)
    outputs = {names.get(step, step): kinds for step, kinds in shape.outputs.items()}
    return {**raw, "steps": steps, "outputs": outputs}


def _rename_seen(step: dict[str, Any], names: Mapping[str, str]) -> None:
    """Put marks in place of names in a step as plain data."""
    step["name"] = names[step["name"]]
    for source in step.get("inputs", {}).values():
        if source["kind"] == "step":
            source["name"] = names[source["name"]]
    if "after" in step:
        step["after"] = [names[name] for name in step["after"]]


def _how(shape: Shape) -> tuple[bool, bool]:
    return shape.exit_handler, shape.local
