"""Rules about references from one pipeline to another: is it there, and does its type fit."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.graph import find_cycle
from atlas.load import nearest
from atlas.recipe import ELSEWHERE, Reference
from atlas.validate.config_rules import member_names
from atlas.validate.flat import DocumentPath, names
from atlas.validate.step_rules import edge_problems
from atlas.validate.types import BATCH, UNKNOWN, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.errors import Problem
    from atlas.load import ConfigFile
    from atlas.validate.flat import FlatStep, Input
    from atlas.validate.subject import Subject


@dataclass(frozen=True)
class Checked:
    """One Config, checked: its flows in flat form.

    Attributes:
        file: the Config.
        subjects: flow → its flat form and signatures.
        broken: whether it has an error.
        problems: what was found of it alone.
    """

    file: ConfigFile
    subjects: Mapping[str, Subject] = field(default_factory=dict)
    broken: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The Config's name."""
        return self.file.config.name


@dataclass(frozen=True)
class _Crossing:
    """One input that is another pipeline's output."""

    owner: Checked
    subject: Subject
    step: FlatStep
    name: str
    source: Input

    @property
    def reference(self) -> Reference:
        return self.source.source


def crosses(checked: Iterable[Checked]) -> bool:
    """Tell whether anything is read of another pipeline."""
    return any(True for config in checked for _ in _crossings(config))


def between_problems(checked: Iterable[Checked], pool: Iterable[Checked]) -> Iterator[Problem]:
    """Check references to other pipelines and families.

    Args:
        checked: the Configs whose references are checked.
        pool: every Config of the project, these included.
    """
    known = _by_name(pool)
    edges: dict[str, set[str]] = {}
    for crossing in (crossing for config in checked for crossing in _crossings(config)):
        target = known.get(crossing.reference.name)
        problem = _wrong_name(crossing, target, known)
        if problem:
            yield problem
        if problem or target is None:
            continue
        # What a pipeline reads of its own earlier runs, it doesn't wait for.
        is_own = crossing.reference.kind == "history" and target.name == crossing.owner.name
        for flow in _flows_with(target, crossing.reference.step) if not is_own else ():
            ours = f"{crossing.owner.name} {crossing.subject.flat.flow}"
            edges.setdefault(ours, set()).add(f"{target.name} {flow}")
        yield from _fits(crossing, target)
    yield from _cycles(edges, known)


def flows_read(checked: Iterable[Checked], pool: Iterable[Checked]) -> dict[str, str]:
    """Return the flow that has each step of another pipeline that is read; not what both have.

    Returns:
        ``NAME/step`` → flow.
    """
    known = _by_name(pool)
    references = {crossing.reference for config in checked for crossing in _crossings(config)}
    there = [reference for reference in references if reference.name in known]
    flows = {
        f"{reference.name}/{reference.step}": _flows_with(known[reference.name], reference.step)
        for reference in there
    }
    return {step: having[0] for step, having in flows.items() if len(having) == 1}


def kept_as(
    checked: Iterable[Checked], pool: Iterable[Checked]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return how the Recipes of other pipelines have outputs kept that are read, where they say so.

    Returns:
        Reference → format, and names of what a model may be made of.
    """
    known = _by_name(pool)
    formats = {}
    for reference in {crossing.reference for config in checked for crossing in _crossings(config)}:
        target = known.get(reference.name)
        if target is None:
            continue
        for flow in _flows_with(target, reference.step)[:1]:
            step = target.subjects[flow].flat.steps[reference.step]
            kept = step.formats.get(reference.output, ""), step.trust.get(reference.output, ())
            if kept != ("", ()):
                formats[str(reference)] = kept
    return formats


def families_read(checked: Iterable[Checked], pool: Iterable[Checked]) -> set[str]:
    """Return the families of which a member's earlier runs are read, by the member's axis values.

    Args:
        checked: the Configs whose references are looked at.
        pool: every Config of the project, these included.
    """
    known = _by_name(pool)
    references = {crossing.reference for config in checked for crossing in _crossings(config)}
    names_read = {reference.name for reference in references if reference.kind == "history"}
    return {name for name in names_read if name in known and _is_family(known[name], name)}


def _is_family(target: Checked, name: str) -> bool:
    """Tell whether a name is that of a whole family, and not of a member."""
    return bool(target.file.config.matrix) and name == target.name


def _crossings(checked: Checked) -> Iterator[_Crossing]:
    for subject in checked.subjects.values():
        for step in subject.flat.steps.values():
            for name, read in step.inputs.items():
                if read.source.kind in ELSEWHERE:
                    yield _Crossing(checked, subject, step, name, read)


def _by_name(pool: Iterable[Checked]) -> dict[str, Checked]:
    """Return Configs by their names, and by those of their members."""
    known: dict[str, Checked] = {}
    for config in pool:
        for name in (config.name, *member_names(config.file.config)):
            known.setdefault(name, config)
    return known


def _wrong_name(
    crossing: _Crossing, target: Checked | None, known: Mapping[str, Checked]
) -> Problem | None:
    """Return the Problem of a name that stands for nothing, or for the other kind of thing."""
    kind, name = crossing.reference.kind, crossing.reference.name
    place = crossing.source.place
    if target is None:
        message = f"the project has no {kind} '{name}'"
        return place.problem("C010", message, expected=names(known), hint=nearest(name, known))
    is_family = _is_family(target, name)
    if kind == "history":
        return _other_axes(crossing, target) if is_family else None
    if is_family == (kind == "family"):
        return None
    is_other = "family" if is_family else "pipeline"
    message = f"'{name}' is a {is_other}, not a {kind}"
    return place.problem("C010", message, found=kind, expected=f"{is_other}:{name}/…")


def _other_axes(crossing: _Crossing, target: Checked) -> Problem | None:
    """Return the Problem of a family whose members aren't those of the Config that reads it."""
    if target.file.config.matrix == crossing.owner.file.config.matrix:
        return None
    message = f"'{target.name}' is a family of other members than this Config"
    expected = f"history:MEMBER/…, or the matrix of '{target.name}'"
    return crossing.source.place.problem("C010", message, found=target.name, expected=expected)


def _flows_with(target: Checked, step: str) -> list[str]:
    return [flow for flow, subject in target.subjects.items() if step in subject.flat.steps]


def _fits(crossing: _Crossing, target: Checked) -> Iterator[Problem]:
    """Check that the other pipeline has the step and the output, and that its type fits."""
    reference, place = crossing.reference, crossing.source.place
    flows = _flows_with(target, reference.step)
    whole = all(subject.flat.is_whole for subject in target.subjects.values()) and not target.broken
    if not flows:
        known = dict.fromkeys(
            name for subject in target.subjects.values() for name in subject.flat.steps
        )
        message = f"the pipeline '{target.name}' has no step '{reference.step}'"
        hint = nearest(reference.step, known)
        if whole:
            yield place.problem("C010", message, expected=names(known), hint=hint)
        return
    subject = target.subjects[flows[0]]
    outputs = subject.outputs(reference.step)
    if outputs is not None and reference.output not in outputs:
        where = f"the step '{reference.step}' of '{target.name}'"
        message = f"{where} has no output '{reference.output}'"
        hint = nearest(reference.output, outputs)
        yield place.problem("C010", message, expected=names(outputs), hint=hint)
        return
    signature = crossing.subject.signatures.get(crossing.step.name)
    if signature and crossing.name in signature.inputs:
        given = _given(crossing, subject)
        yield from edge_problems(crossing.subject, crossing.step, crossing.name, given)


def _given(crossing: _Crossing, subject: Subject) -> Type:
    """Return the type of what is read; a family gives one for each member, a history one a run."""
    source = Reference("step", crossing.reference.step, crossing.reference.output)
    given = subject.type_of(source)
    if subject.folder.resolve() != crossing.subject.folder.resolve():
        given = _abroad(given, subject)
    if crossing.reference.kind == "history":
        return Type("list", (Type(BATCH, (given,)),))
    return Type("dict", (Type("str"), given)) if crossing.reference.kind == "family" else given


def _abroad(kind: Type, subject: Subject) -> Type:
    """Return a type as another folder sees it: classes of this folder's own are none there."""
    module = kind.name.rpartition(".")[0]
    if module and subject.reader.sources.is_own(module):
        return UNKNOWN
    return Type(kind.name, tuple(_abroad(arg, subject) for arg in kind.args), kind.values)


def _cycles(edges: Mapping[str, set[str]], known: Mapping[str, Checked]) -> Iterator[Problem]:
    nodes = {*edges, *(target for targets in edges.values() for target in targets)}
    every = {node: edges.get(node, set()) for node in nodes}
    cycle = find_cycle(every)
    if cycle:
        message = f"the pipelines wait for each other: {' → '.join((*cycle, cycle[0]))}"
        place = DocumentPath(known[cycle[0].partition(" ")[0]].file.document, ("name",))
        yield place.problem("C011", message, hint="one of them has to read something else")
