"""References of images that aren't built: by content, and honest about it."""

from __future__ import annotations

from dataclasses import replace

from atlas.plan import Plan, PlanStep
from atlas.recipe import Image
from atlas.targets import content_references, unbuilt

READY = "registry.example/x@sha256:" + "0" * 64
PLAN = Plan(
    name="dev-p", pipeline="p", config="p", flow="training", recipe="r", environment="dev",
    target="kubeflow", code="c", steps=(PlanStep("a", "m:A", image="base"), PlanStep("b", "m:B")),
    images={"base": Image(requirements="r.txt"), "ready": Image(reference=READY)},
)  # fmt: skip


def test_a_ready_image_is_its_own_reference():
    assert content_references(PLAN)["ready"] == READY


def test_a_tag_follows_content_only():
    first = content_references(PLAN)
    assert first == content_references(replace(PLAN, name="prod-p", environment="prod"))
    assert first["base"] != content_references(replace(PLAN, code="d"))["base"]
    changed = replace(PLAN, images={"base": Image(requirements="other.txt")})
    assert first["base"] != content_references(changed)["base"]
    assert first["base"].startswith("atlas/p/base:")


def test_unbuilt_names_the_images_of_steps():
    assert unbuilt(PLAN) == ["base"]
    assert unbuilt(replace(PLAN, steps=(PlanStep("a", "m:A", image="ready"),))) == []
