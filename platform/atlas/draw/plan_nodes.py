"""The nodes of a part of a drawing: its steps, what they read from outside, and its model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.condition import COMPARISON
from atlas.draw import facts
from atlas.draw.model import CONDITION, DATA, FAMILY, MODEL, PIPELINE, Node
from atlas.draw.searches import search_facts, searches_of
from atlas.validate.scoring_rules import CHALLENGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.condition import Condition
    from atlas.draw.parts import DrawnPart
    from atlas.plan.model import Plan
    from atlas.plan.parts import InputSource, PlanStep


def nodes(part: DrawnPart) -> Iterator[Node]:
    """Give the nodes of a part, each source before the first step that reads it."""
    for step in part.plan.steps:
        for given in step.sources():
            if given.kind != "step" and not part.node_elsewhere(given):
                yield _source_node(part, given)
        if part.is_folded(step.name):
            continue
        if step.when:
            yield _condition_node(part, step, step.when)
        yield _step_node(part, step)
    if part.plan.flow == "training" and part.plan.model:
        yield _model_node(part)


def _step_node(part: DrawnPart, step: PlanStep) -> Node:
    """Return the node of one step."""
    group, _, label = step.name.rpartition(".")
    search = part.searches.get(step.name)
    return Node(
        id=part.step_id(step.name),
        label=label,
        detail=step.cls.rpartition(":")[2],
        group=part.step_id(group) if group else part.scope,
        many=facts.keys(step.foreach) if step.foreach else "",
        search=search.text if search else "",
        parts=tuple(map(part.scoped, search.steps)) if search else (),
        facts=_family_facts(part, step),
        is_rival=bool(step.rival_of),
    )


def _condition_node(part: DrawnPart, step: PlanStep, when: Condition) -> Node:
    """Return the diamond of a step's condition, before the step."""
    group, _, label = step.name.rpartition(".")
    text, detail = when.text(facts.source), ""
    if when.kind == COMPARISON:
        text, detail = facts.source(when.source), text.removeprefix(f"{facts.source(when.source)} ")
    return Node(
        id=part.step_id(f"{step.name}.when"),
        label=text if detail else "when",
        kind=CONDITION,
        detail=detail or text,
        group=part.step_id(group) if group else part.scope,
        facts={"when": when.text(facts.source), "else": f"{label} is skipped"},
        is_rival=bool(step.rival_of),
    )


def _family_facts(part: DrawnPart, step: PlanStep) -> dict[str, str]:
    """Return a step's facts; where the members differ, their values beside each other."""
    own = _step_facts(part.plan, step)
    others = [
        _step_facts(plan, plan.by_name[step.name])
        for plan in part.members[1:]
        if step.name in plan.by_name and _differs(plan, step)
    ]
    for name in dict.fromkeys(name for other in others for name in other):
        values = list(dict.fromkeys([own.get(name, ""), *(axes.get(name, "") for axes in others)]))
        if len(values) > 1:
            own[name] = f"by member: {' | '.join(values)}"
    return own


def _differs(plan: Plan, step: PlanStep) -> bool:
    """Return whether a member may say something else of a step; of a search, its rounds may."""
    return step.search is not None or plan.by_name[step.name] != step


def _step_facts(plan: Plan, step: PlanStep) -> dict[str, str]:
    """Return everything that a Plan says of a step, its search among it."""
    search = searches_of(plan).get(step.name) if step.search else None
    return search_facts(step, search, plan) if search else facts.of_step(step, plan)


def _source_node(part: DrawnPart, given: InputSource) -> Node:
    """Return the node of what a step reads from outside its Plan."""
    if given.kind == "data":
        data = part.plan.data.get(given.name)
        known = facts.of_data(data) if data else {}
        return Node(part.source_id(given), given.name, DATA, known.get("type", ""), facts=known)
    if given.kind in ("model", CHALLENGER):
        return _model_node(part, given.kind)
    if given.kind == "input":
        return Node(part.source_id(given), given.name, DATA, "input", part.scope)
    kind = FAMILY if given.kind == FAMILY else PIPELINE
    many = "members" if kind == FAMILY else ""
    return Node(part.source_id(given), given.name, kind, kind, part.scope, many)


def _model_node(part: DrawnPart, kind: str = "model") -> Node:
    """Return the node of the pipeline's registered model, or of the challenger beside it."""
    model, is_rival = part.plan.model, kind == CHALLENGER
    if not model:
        return Node(part.shared_id(kind), "model", MODEL, "model")
    version = kind if is_rival else model.version
    known = {"version": version, **{f"parts.{k}": v for k, v in model.parts.items()}}
    node = Node(part.shared_id(kind), model.name, MODEL, f"model @ {version}", facts=known)
    return replace(node, is_rival=is_rival)
