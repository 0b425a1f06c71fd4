"""From Plans to a Drawing: one Plan, or several with what they hand to each other."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from atlas.condition import COMPARISON
from atlas.dataclass import dataclass
from atlas.draw import facts
from atlas.draw.model import (
    CONDITION,
    DATA,
    FAMILY,
    MODEL,
    ORDER,
    PIPELINE,
    TIMES,
    WRITES,
    Drawing,
    Edge,
    Group,
    Node,
)
from atlas.recipe import KEY, LITERAL_KEYS
from atlas.validate.scoring_rules import CHALLENGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from atlas.condition import Condition
    from atlas.plan.model import Plan
    from atlas.plan.parts import InputSource, PlanStep


_WRITTEN = "target"
"""The input by which an `atlas.Sink` gets the data that it writes: the arrow leads there."""


@dataclass(frozen=True)
class _Part:
    """One flow of one Config: the Plan that is drawn, for all members of its family.

    Attributes:
        plan: the first member.
        members: all members' Plans, the first among them.
        scope: what goes before its ids; empty when nothing else is drawn.
        elsewhere: kind of reference, name and step → the node of that step, where the pipeline
            or family is drawn beside this one.
    """

    plan: Plan
    members: tuple[Plan, ...]
    scope: str = ""
    elsewhere: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The part's name and flow, with the number of members of a family."""
        name = self.plan.config if self.plan.axes else self.plan.pipeline
        many = f" {TIMES} {len(self.members)} members" if len(self.members) > 1 else ""
        return f"{name} · {self.plan.flow}{many}"

    def step_id(self, name: str) -> str:
        """Return the id of a step, or of a group of them."""
        return f"{self.scope}/{name}" if self.scope else name

    def shared_id(self, name: str) -> str:
        """Return the id of what the flows of one Config share: data and the model."""
        return f"{self.plan.config}/{name}" if self.scope else name


def of_plan(plan: Plan) -> Drawing:
    """Return the drawing of one Plan; a step's id is its full name."""
    return of_plans([plan])


def of_plans(plans: Iterable[Plan], *, scoped: bool | None = None) -> Drawing:
    """Return one drawing of several Plans.

    The members of a family are drawn once, as they have the same steps; what differs between them
    says so. Flows that share a model or data, and pipelines that read each other, are joined.

    Args:
        plans: in the order in which to draw them.
        scoped: whether ids tell Config and flow; by default, if there are several.

    Returns:
        The drawing. With one pipeline and flow, a step's id is its full name; otherwise
        ``<config>/<flow>/`` stands before it.
    """
    parts = _parts(plans, scoped=scoped)
    lone = parts[0] if len(parts) == 1 else None
    nodes = {node.id: node for part in parts for node in _nodes(part)}
    return Drawing(
        title=lone.title if lone else _title(parts),
        nodes=tuple(nodes.values()),
        edges=tuple(dict.fromkeys(edge for part in parts for edge in _edges(part))),
        groups=tuple(group for part in parts for group in _groups(part)),
        notes=tuple(note for part in parts for note in _notes(part)),
        facts={name: text for part in parts for name, text in _facts(part)},
    )


def _facts(part: _Part) -> Iterator[tuple[str, str]]:
    """Give the facts of a part's Plan; where there are other parts, with its own name before."""
    scope = f"{part.scope}{facts.OF}" if part.scope else ""
    return ((f"{scope}{name}", text) for name, text in facts.of_plan(part.plan).items())


def _parts(plans: Iterable[Plan], *, scoped: bool | None) -> list[_Part]:
    """Return the parts, one for each Config and flow."""
    grouped: dict[tuple[str, str], list[Plan]] = {}
    for plan in plans:
        grouped.setdefault((plan.config, plan.flow), []).append(plan)
    if not (len(grouped) > 1 if scoped is None else scoped):
        return [_Part(members[0], tuple(members)) for members in grouped.values()]
    parts = [_Part(group[0], tuple(group), "/".join(key)) for key, group in grouped.items()]
    return [replace(part, elsewhere=_places(parts, part)) for part in parts]


def _places(parts: Sequence[_Part], reader: _Part) -> dict[tuple[str, str, str], str]:
    """Return the steps of the other parts, by how a reference names them; earlier parts win."""
    places: dict[tuple[str, str, str], str] = {}
    for part in parts:
        if part is not reader:
            for kind, name in {(FAMILY, part.plan.config), *_pipelines(part)}:
                for step in part.plan.steps:
                    places.setdefault((kind, name, step.name), part.step_id(step.name))
    return places


def _pipelines(part: _Part) -> Iterator[tuple[str, str]]:
    return ((PIPELINE, plan.pipeline) for plan in part.members)


def _title(parts: Sequence[_Part]) -> str:
    """Return the names of the Configs, and the flows where there is only one Config."""
    configs = list(dict.fromkeys(part.plan.config for part in parts))
    if len(configs) == 1:
        return f"{configs[0]} · {' and '.join(part.plan.flow for part in parts)}"
    return ", ".join(configs) if configs else "nothing to draw"


def _notes(part: _Part) -> Iterator[str]:
    """Tell which family it is, by how many values of each axis, and which member is drawn."""
    if not part.plan.axes:
        return
    axes = {axis: {plan.axes.get(axis, "") for plan in part.members} for axis in part.plan.axes}
    sizes = f" {TIMES} ".join(f"{axis} ({len(values)})" for axis, values in sorted(axes.items()))
    count = len(part.members)
    yield f"family {part.plan.config}: {count} members by {sizes}; drawn: {part.plan.pipeline}"


def _groups(part: _Part) -> Iterator[Group]:
    """Give the box of the part itself, and one for each Recipe that was inlined."""
    if part.scope:
        yield Group(part.scope, part.title)
    origins = {step.name.rpartition(".")[0]: step.origin for step in part.plan.steps}
    for name in dict.fromkeys(outer for inner in origins for outer in _outward(inner)):
        parent, _, label = name.rpartition(".")
        outer = part.step_id(parent) if parent else part.scope
        yield Group(part.step_id(name), label, origins.get(name, ""), outer)


def _outward(name: str) -> list[str]:
    """Return the dotted prefixes of a name, the name itself last."""
    words = name.split(".") if name else []
    return [".".join(words[: end + 1]) for end in range(len(words))]


def _nodes(part: _Part) -> Iterator[Node]:
    """Give the nodes of a part, each source before the first step that reads it."""
    for step in part.plan.steps:
        for given in step.sources():
            if given.kind != "step" and not _elsewhere(part, given):
                yield _source_node(part, given)
        if step.when:
            yield _condition_node(part, step, step.when)
        yield _step_node(part, step)
    if part.plan.flow == "training" and part.plan.model:
        yield _model_node(part)


def _step_node(part: _Part, step: PlanStep) -> Node:
    """Return the node of one step."""
    group, _, label = step.name.rpartition(".")
    return Node(
        id=part.step_id(step.name),
        label=label,
        detail=step.cls.rpartition(":")[2],
        group=part.step_id(group) if group else part.scope,
        many=facts.keys(step.foreach) if step.foreach else "",
        facts=_family_facts(part, step),
        is_rival=bool(step.rival_of),
    )


def _condition_node(part: _Part, step: PlanStep, when: Condition) -> Node:
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


def _family_facts(part: _Part, step: PlanStep) -> dict[str, str]:
    """Return a step's facts; where the members differ, their values beside each other."""
    own = facts.of_step(step, part.plan)
    others = [
        facts.of_step(plan.by_name[step.name], plan)
        for plan in part.members[1:]
        if step.name in plan.by_name and plan.by_name[step.name] != step
    ]
    for name in dict.fromkeys(name for other in others for name in other):
        values = list(dict.fromkeys([own.get(name, ""), *(axes.get(name, "") for axes in others)]))
        if len(values) > 1:
            own[name] = f"by member: {' | '.join(values)}"
    return own


def _source_node(part: _Part, given: InputSource) -> Node:
    """Return the node of what a step reads from outside its Plan."""
    if given.kind == "data":
        data = part.plan.data.get(given.name)
        known = facts.of_data(data) if data else {}
        return Node(_source_id(part, given), given.name, DATA, known.get("type", ""), facts=known)
    if given.kind in ("model", CHALLENGER):
        return _model_node(part, given.kind)
    if given.kind == "input":
        return Node(_source_id(part, given), given.name, DATA, "input", part.scope)
    kind = FAMILY if given.kind == FAMILY else PIPELINE
    many = "members" if kind == FAMILY else ""
    return Node(_source_id(part, given), given.name, kind, kind, part.scope, many)


def _model_node(part: _Part, kind: str = "model") -> Node:
    """Return the node of the pipeline's registered model, or of the challenger beside it."""
    model, is_rival = part.plan.model, kind == CHALLENGER
    if not model:
        return Node(part.shared_id(kind), "model", MODEL, "model")
    version = kind if is_rival else model.version
    known = {"version": version, **{f"parts.{k}": v for k, v in model.parts.items()}}
    node = Node(part.shared_id(kind), model.name, MODEL, f"model @ {version}", facts=known)
    return replace(node, is_rival=is_rival)


def _elsewhere(part: _Part, given: InputSource) -> str:
    """Return the id of another pipeline's step, where that is drawn too, or nothing."""
    kind = PIPELINE if given.kind == "history" else given.kind
    return part.elsewhere.get((kind, given.name, given.step), "")


def _source_id(part: _Part, given: InputSource) -> str:
    """Return the id of the node that stands for a source."""
    if place := _elsewhere(part, given):
        return place
    if given.kind == "step":
        return part.step_id(given.name)
    if given.kind in ("model", CHALLENGER):
        return part.shared_id(given.kind)
    if given.kind == "data":
        return part.shared_id(f"data.{given.name}")
    if given.kind == "input":
        return part.step_id(f"input.{given.name}")
    return part.step_id(f"{given.kind}:{given.name}")


def _edges(part: _Part) -> Iterator[Edge]:
    """Give the edges of a part: data, then order, then what makes the model."""
    for step in part.plan.steps:
        target = part.step_id(step.name)
        for name, given in step.inputs.items():
            if _is_written(name, given):
                yield _written(part, given, target)
            else:
                reads = (one for one in given.each() if one.kind != KEY)
                yield from (_edge(part, one, target, name) for one in reads)
        if step.when:
            diamond = f"{target}.when"
            yield from (_edge(part, one, diamond, "when") for one in step.when.sources())
            yield Edge(
                diamond, target, note=f"{step.name} runs when {step.when.text(facts.source)}"
            )
        yield from _key_edges(part, step)
        for before in step.after:
            note = f"{before} before {step.name}"
            yield Edge(part.step_id(before), target, note=note, kind=ORDER)
    if part.plan.flow == "training" and part.plan.model:
        yield from _model_edges(part)


def _key_edges(part: _Part, step: PlanStep) -> Iterator[Edge]:
    """Give the edges from what gives a step's keys."""
    for axis, keys in step.foreach.axes if step.foreach else ():
        if keys.kind != LITERAL_KEYS:
            yield _edge(part, keys, part.step_id(step.name), f"each {axis}")


def _edge(part: _Part, given: InputSource, target: str, name: str) -> Edge:
    """Return the edge of one input."""
    made = part.plan.by_name[given.name].outputs.get(given.output) if given.kind == "step" else None
    of_type = f": {facts.output(made)}" if made else ""
    label = "" if given.kind in ("data", "input") else given.output or given.name
    note = f"{facts.source(given)}{of_type} -> {name}"
    return Edge(_source_id(part, given), target, label, note)


def _is_written(name: str, given: InputSource) -> bool:
    return name == _WRITTEN and given.kind == "data"


def _written(part: _Part, given: InputSource, step: str) -> Edge:
    """Return the edge to the data that a Sink writes."""
    note = f"writes {facts.source(given)}"
    return Edge(step, _source_id(part, given), note=note, kind=WRITES)


def _model_edges(part: _Part) -> Iterator[Edge]:
    """Give an edge for each training output that is a part of the model."""
    for name, made in part.plan.model.parts.items() if part.plan.model else ():
        step, _, output = made.rpartition(".")
        if step in part.plan.by_name:
            target = part.shared_id("model")
            yield Edge(part.step_id(step), target, output, f"{made} -> model.{name}")
