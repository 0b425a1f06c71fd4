"""The rule that reads every step's class, and says which can't be found or used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import SourceError
from atlas.load import nearest
from atlas.validate.flat import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.errors import Problem
    from atlas.validate.flat import FlatStep
    from atlas.validate.signature import Signature
    from atlas.validate.source import Module
    from atlas.validate.subject import Subject


def read_classes(subject: Subject) -> Iterator[Problem]:
    """Read every step's class, and say which can't be found or used."""
    right: dict[str, Signature] = {}
    for step in subject.flat.steps.values():
        if step.cls in right:
            subject.signatures[step.name] = right[step.cls]
            continue
        try:
            yield from read_class(subject, step)
        except SourceError as error:
            yield error.problem
        if step.name in subject.signatures:
            right[step.cls] = subject.signatures[step.name]


def read_class(subject: Subject, step: FlatStep) -> Iterator[Problem]:
    """Read one step's class, and say why it can't be found or used."""
    module, _, name = step.cls.partition(":")
    sources = subject.reader.sources
    source = sources.module(module) if sources.may_have_steps(module) else None
    if source is None:
        yield _no_module(subject, step, module)
        return
    signature = subject.reader.of(step.cls)
    if signature is None:
        yield _no_class(step, source, name)
    elif _comes_from_elsewhere(subject, signature):
        yield _not_allowed(step, signature.full)
    elif not signature.is_template and signature.closed:
        message = f"{step.cls} isn't a Template"
        expected = "a class that inherits from atlas.Template"
        yield step.cls_place.problem("R015", message, found=step.cls, expected=expected)
    else:
        subject.signatures[step.name] = signature


def _no_module(subject: Subject, step: FlatStep, module: str) -> Problem:
    own, allow = subject.reader.sources.own_modules(), subject.project.allow
    message = f"there is no module '{module}' in the pipeline's folder"
    if allow:
        message += f" or in {names(allow)}"
    hint = nearest(module, own)
    name = step.cls.partition(":")[2]
    if module == "atlas" and subject.reader.sources.find_class(f"atlas.template.{name}"):
        hint = f"did you mean 'atlas.template:{name}'?"
    return step.cls_place.problem("R014", message, found=module, expected=names(own), hint=hint)


def _no_class(step: FlatStep, source: Module, name: str) -> Problem:
    if name in source.names:
        return _not_allowed(step, source.names[name])
    message = f"the module '{source.name}' has no class '{name}'"
    hint = nearest(name, source.classes)
    if name in source.functions:
        message = f"the function '{name}' of the module '{source.name}' isn't a step"
        hint = "write @step above it, without parentheses (from atlas import step)"
    expected = names(source.classes)
    return step.cls_place.problem("R013", message, found=name, expected=expected, hint=hint)


def _not_allowed(step: FlatStep, full: str) -> Problem:
    message = f"{step.cls} is {full}, which is not of the pipeline's folder"
    expected = "a class of the pipeline's folder, or of a package that the project allows"
    hint = f'add "{full.partition(".")[0]}" to allow in [tool.atlas]'
    return step.cls_place.problem("R013", message, found=full, expected=expected, hint=hint)


def _comes_from_elsewhere(subject: Subject, signature: Signature) -> bool:
    """Tell whether a run would refuse the class, for it is defined where no step's may be."""
    module = signature.full.rpartition(".")[0]
    return not subject.reader.sources.may_have_steps(module)
