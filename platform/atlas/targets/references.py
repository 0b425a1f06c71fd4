"""Which image reference stands for each of a Plan's images before any is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.values import digest

if TYPE_CHECKING:
    from atlas.plan import Plan
    from atlas.recipe import Image

_TAG_LENGTH = 16


def content_references(plan: Plan) -> dict[str, str]:
    """Return a reference for each image of the Plan, and ``""`` for steps that name none.

    A ready image is its own reference. Any other gets a tag of what it is made from: the same
    content has the same tag, on every machine.
    """
    named = {name: _reference(plan, name, image) for name, image in sorted(plan.images.items())}
    return {"": _tagged(plan, "base", {"code": plan.code}), **named}


def unbuilt(plan: Plan) -> list[str]:
    """Return the images that `content_references` only tags: the steps' that are no ready ones."""
    used = sorted({step.image for step in plan.steps})
    names = [name or "base" for name in used if not name or not plan.images[name].reference]
    return list(dict.fromkeys(names))


def _reference(plan: Plan, name: str, image: Image) -> str:
    """Return the reference of one image."""
    if image.reference:
        return image.reference
    made_from = {
        "requirements": image.requirements,
        "dockerfile": image.dockerfile,
        "base": image.base,
        "code": plan.code,
    }
    return _tagged(plan, name, made_from)


def _tagged(plan: Plan, name: str, made_from: dict[str, str]) -> str:
    """Return a repository and a tag of the content."""
    return f"atlas/{plan.config}/{name}:{digest(made_from)[:_TAG_LENGTH]}"
