"""Marks for what differs between pipelines of one shape, so that one is compiled for all of them.

Kubeflow's package of a pipeline has its name, its Plan's digests, its model and its images as plain
words. Everything else that is in it is part of the key that the compiled text is kept under.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.targets.kubeflow.component import Shape

_UNSEEN = (
    "name", "pipeline", "config", "axes", "model", "schedule", "promotion", "recipe", "environment",
    "code", "digests", "packages", "formats", "images",
)  # fmt: skip
"""Fields of a Plan that its package doesn't have, or that are marked."""
_UNSEEN_IN_STEPS = ("cls", "params", "outputs", "description", "origin", "cache")
_PLAIN = re.compile(r"[a-z][a-z0-9._-]*[/:@][a-z0-9._/:@-]*[a-z0-9]|[0-9]*[a-f-][0-9a-f-]*(dirty)?")
"""References and digests that YAML writes as they are, as it does marks; no others are marked."""


def mark(shape: Shape) -> tuple[Shape, str, Mapping[str, str]]:
    """Return a shape with marks, the key of all that have the same, and what the marks stand for.

    The key is a digest of what the shape has besides, so no text of it can have a mark by itself.
    """
    words = _words(shape)
    values = {name: text for name, text in words.items() if _PLAIN.fullmatch(text)}
    values |= {"name": shape.name, "plan": shape.digest}
    rest = {name: text for name, text in words.items() if name not in values}
    key = digest([_seen(shape), sorted(values), rest, shape.origin.release, *_how(shape)])
    return _marked(shape, {**rest, **{name: f"{name}_{key}" for name in values}}), key, values


def _words(shape: Shape) -> dict[str, str]:
    """Return what may be marked, by the mark's name."""
    return {
        "code": shape.plan.code,
        "model": shape.model,
        "commit": shape.origin.commit,
        **{f"digest-{name}": text for name, text in shape.plan.digests.items()},
        **{f"image-{digest(name)[:16]}": one for name, one in shape.images.items()},
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


def unmark(text: str, key: str, values: Mapping[str, str]) -> str:
    """Return a text with everything in it that its marks stand for."""
    known = {f"{name}_": value for name, value in values.items()}
    known["name-"] = in_kfp_letters(values["name"])
    return re.sub(rf"([a-z][a-z0-9-]*_|name-){key}", lambda found: known[found[1]], text)


def in_kfp_letters(name: str) -> str:
    """Return a deployed name in the letters that KFP takes."""
    return name.replace("_", "-")


def _seen(shape: Shape) -> dict[str, Any]:
    """Return what of a Plan is in its package, besides what is marked."""
    raw = {key: value for key, value in shape.plan.to_json().items() if key not in _UNSEEN}
    steps = [
        {key: value for key, value in step.items() if key not in _UNSEEN_IN_STEPS}
        for step in raw["steps"]
    ]
    return {**raw, "steps": steps, "outputs": shape.outputs}


def _how(shape: Shape) -> tuple[bool, bool]:
    return shape.exit_handler, shape.local
