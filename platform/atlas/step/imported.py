"""Comparing what classes are once imported with what was read of them; decides what only it can."""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.step import code
from atlas.step.failure import one_line
from atlas.step.real import RealSignature, RealTypes
from atlas.template import Template
from atlas.validate import condition_rules, foreach_rules, step_rules
from atlas.validate.signature import methods_of
from atlas.validate.subject import Subject
from atlas.validate.types import UNKNOWN, Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.errors import Problem
    from atlas.validate import Checked, Report
    from atlas.validate.flat import FlatStep
    from atlas.validate.signature import Field, Signature

OPEN = "N001"
"""The code of the warnings that an import settles."""
_RULES = (
    step_rules.check_signatures,
    step_rules.check_params,
    step_rules.check_inputs,
    step_rules.check_formats,
    step_rules.check_edges,
    *foreach_rules.RULES,
    *condition_rules.RULES,
)
"""The rules that look at signatures."""


@dataclass
class RealSubject(Subject):
    """A flow whose signatures are those of the imported classes."""

    types: RealTypes = field(default_factory=lambda: RealTypes(""))

    def ancestors(self, full: str) -> tuple[str, ...] | None:
        """Return the classes that a class is really a subclass of."""
        return self.types.ancestors(full)


def import_problems(report: Report) -> list[Problem]:
    """Import every class of a Report, and return what the source didn't tell.

    Runs the top level of the pipelines' modules. What they print goes to stderr.

    Returns:
        Where a class is another once imported than its source says (``I001`` …), and what breaks
        the rules only so. With them, the Report's warnings `OPEN` are settled.
    """
    problems: dict[Problem, None] = {}
    for checked in report.checked:
        with contextlib.redirect_stdout(sys.stderr):
            problems |= dict.fromkeys(_of_config(checked))
    reported = {(problem.code, problem.file, problem.path) for problem in report.problems}
    return [
        problem
        for problem in problems
        if (problem.code, problem.file, problem.path) not in reported
    ]


def _of_config(checked: Checked) -> Iterator[Problem]:
    name = checked.file.config.name
    code.unmount(name)
    code.mount(name, checked.file.folder)
    real: dict[str, RealSubject] = {}
    # One for both flows: inference takes parts of the model, which are of training's types.
    types = RealTypes(f"{code.__name__}.{name}")
    for flow, subject in checked.subjects.items():
        own = RealSubject(
            subject.file, subject.flat, subject.environment, subject.project, {}, real, types=types
        )
        yield from _import_all(subject, own)
        real[flow] = own
        if flow in checked.file.flows:
            for rule in _RULES:
                yield from (problem for problem in rule(own) if problem.code != OPEN)


def _import_all(subject: Subject, own: RealSubject) -> Iterator[Problem]:
    """Import the class of every step, and fill in its real signature."""
    for step in subject.flat.steps.values():
        read = subject.signatures.get(step.name)
        if read is None:
            continue
        if step.search is None:
            yield from _import_one(subject, own, step, read)
            continue
        # A step of a search takes and gives more than its class: what was read stands.
        yield from _import_one(subject, own, step, subject.reader.of(step.cls) or read)
        own.signatures[step.name] = read
    yield from _import_evaluators(subject, own)


def _import_evaluators(subject: Subject, own: RealSubject) -> Iterator[Problem]:
    """Import the classes that measure the trials of searches, which are steps of no flow."""
    for search in subject.flat.searches.values():
        step = search.evaluator
        written = subject.reader.of(step.cls) if step else None
        if step and written:
            yield from _import_one(subject, own, step, written)
            own.signatures.pop(step.name, None)


def _import_one(
    subject: Subject, own: RealSubject, step: FlatStep, written: Signature
) -> Iterator[Problem]:
    """Import a class, keep its real signature, and compare it with what was read."""
    imported = _imported(subject, step)
    if not isinstance(imported, type):
        yield imported
        return
    reader = RealSignature(imported, written, own.types)
    real = reader.signature()
    own.signatures[step.name] = real
    yield from _differences(step, written, real, own.types)
    yield from _vague(step, reader.vague)


def _imported(subject: Subject, step: FlatStep) -> type[Any] | Problem:
    """Return a step's class, or the Problem of importing it."""
    module, _, name = step.cls.partition(":")
    try:
        cls = code.load_class(subject.file.config.name, step.cls, subject.project.allow)
    except AttributeError as error:
        if _user_line(error, subject):
            return _failed(subject, step, error)
        message = f"the module '{module}' has no class '{name}' once it is imported"
        return step.cls_place.problem("I002", message, found=name)
    except (Exception, SystemExit) as error:
        return _failed(subject, step, error)
    if not issubclass(cls, Template):
        message = f"{step.cls} isn't a Template once it is imported"
        expected = "a class that inherits from atlas.Template"
        return step.cls_place.problem("I002", message, found=step.cls, expected=expected)
    return _without_method(step, cls) or cls


def _without_method(step: FlatStep, cls: type[Any]) -> Problem | None:
    """Return the Problem of a method that is something else once the class is imported."""
    ancestors = (f"{base.__module__}.{base.__qualname__}" for base in cls.__mro__)
    for name in methods_of(ancestors):
        there = inspect.getattr_static(cls, name, None)
        if not inspect.isfunction(there):
            found = "None" if there is None else f"a {type(there).__name__}"
            message = f"{step.cls}.{name} is {found} once it is imported"
            expected = f"def {name}"
            return step.cls_place.problem("I002", message, found=found, expected=expected)
    return None


def _failed(subject: Subject, step: FlatStep, error: BaseException) -> Problem:
    module = step.cls.partition(":")[0]
    line = _user_line(error, subject)
    where = f" ({line})" if line else ""
    message = f"importing '{module}' fails: {one_line(error)}{where}"
    missing = isinstance(error, ModuleNotFoundError)
    hint = "install what the pipeline's requirements name, in this environment" if missing else ""
    return step.cls_place.problem("I001", message, found=module, hint=hint)


def _user_line(error: BaseException, subject: Subject) -> str:
    """Return the last line of the pipeline's own code that an error came through."""
    folder = subject.folder.resolve()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        with contextlib.suppress(ValueError, OSError):
            file = type(folder)(frame.filename).resolve().relative_to(folder)
            return f"{file.as_posix()}, line {frame.lineno}"
    return ""


def _differences(
    step: FlatStep, read: Signature, real: Signature, types: RealTypes
) -> Iterator[Problem]:
    """Yield where source and import disagree; what the source left open isn't compared."""
    words = (
        ("I003", "param", read.params, real.params),
        ("I004", "input", read.inputs, real.inputs),
    )
    for number, what, in_source, imported in words:
        for name in {**in_source, **imported} if read.closed else in_source:
            source_type = _field(in_source.get(name), types)
            imported_type = _field(imported.get(name), None)
            if _are_different(source_type, imported_type):
                yield _differs(step, number, f"{what} '{name}'", source_type, imported_type)
    for name in {**(read.outputs or {}), **(real.outputs or {})} if _compare(read, real) else ():
        source_type = _output((read.outputs or {}).get(name), types)
        imported_type = _output((real.outputs or {}).get(name), None)
        if _are_different(source_type, imported_type):
            yield _differs(step, "I005", f"output '{name}'", source_type, imported_type)


def _compare(read: Signature, real: Signature) -> bool:
    return read.outputs is not None or (read.closed and real.outputs is not None)


def _are_different(source_type: str, imported_type: str) -> bool:
    """Tell whether two types differ, as far as both are known."""
    return UNKNOWN.name not in f"{source_type} {imported_type}" and source_type != imported_type


def _differs(
    step: FlatStep, number: str, what: str, source_type: str, imported_type: str
) -> Problem:
    difference = f"is {imported_type} once it is imported, and {source_type} in its source"
    message = f"the {what} of {step.cls} {difference}"
    return step.cls_place.problem(number, message, found=imported_type, expected=source_type)


def _field(declared: Field | None, types: RealTypes | None) -> str:
    """Describe a param or input, to compare and to tell."""
    if declared is None:
        return "missing"
    kind = types.again(declared.type) if types else declared.type
    bounds = "".join(
        f", {word} {bound}"
        for word, bound in (("at least", declared.minimum), ("at most", declared.maximum))
        if bound is not None
    )
    return f"{kind}{'' if declared.required else ' with a default'}{bounds}"


def _output(kind: Type | None, types: RealTypes | None) -> str:
    if kind is None:
        return "missing"
    return str(types.again(kind) if types else kind)


def _vague(step: FlatStep, hints: Mapping[str, str]) -> Iterator[Problem]:
    for place, hint in hints.items():
        message = f"the hint '{hint}' of {place} in {step.cls} can't be evaluated"
        expected = "a type that its module defines or imports"
        yield step.cls_place.problem(
            "I006", message, severity="warning", found=hint, expected=expected
        )
