"""What a Template takes and gives, read from its source: params, inputs, outputs."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atlas.validate.annotations import Annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.validate.source import Module, Sources
    from atlas.validate.types import Type

_TEMPLATE = "atlas.template.Template"
HOOKS = {
    "atlas.template.Source": {"outputs": {"rows": "read"}},
    "atlas.template.Transform": {"outputs": {"rows": "apply", "fitted": "fit"},
                                 "inputs": {"rows": "apply", "fitted": "apply"}},
    "atlas.template.Trainer": {"outputs": {"model": "train"}, "inputs": {"rows": "train"}},
    "atlas.template.Evaluator": {"inputs": {"rows": "evaluate", "model": "evaluate"}},
    "atlas.template.Predictor": {"outputs": {"scores": "predict"},
                                 "inputs": {"rows": "predict", "model": "predict"}},
    "atlas.template.Sink": {"inputs": {"rows": "write"}},
}  # fmt: skip
"""Which method of a Template of fixed shape says more about an input's or output's type."""


@dataclass(frozen=True, slots=True)
class Field:
    """A param or an input: its type, whether it must be given, and its bounds."""

    type: Type
    required: bool
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Signature:
    """What a Template takes and gives.

    Attributes:
        full: the class's full name.
        outputs: name → type; None when the return hint is missing or of another kind.
        returns: the return hint, for messages.
        any_input: whether ``run`` takes inputs of any name.
        ancestors: full names of all classes it inherits from that could be read.
        closed: whether every ancestor could be read.
    """

    full: str
    params: Mapping[str, Field] = field(default_factory=dict)
    inputs: Mapping[str, Field] = field(default_factory=dict)
    outputs: Mapping[str, Type] | None = None
    returns: str = ""
    any_input: bool = False
    ancestors: tuple[str, ...] = ()
    closed: bool = True

    @property
    def is_template(self) -> bool:
        """Whether the class is known to be a Template."""
        return _TEMPLATE in self.ancestors


class Signatures:
    """Reads signatures of classes, each once."""

    def __init__(self, sources: Sources) -> None:
        """Read from these sources only."""
        self.sources = sources
        self.annotations = Annotations(sources)
        self._read: dict[str, Signature | None] = {}

    def of(self, cls: str) -> Signature | None:
        """Return the signature of ``module:Class``, or None when there is no such class.

        Raises:
            SourceError: a source on the way can't be read.
        """
        full = cls.replace(":", ".")
        if full not in self._read:
            found = self.sources.find_class(full)
            self._read[full] = None if found is None else self._signature(*found)
        return self._read[full]

    def ancestors(self, full: str) -> tuple[str, ...] | None:
        """Return the direct bases of a class whose source is known, else None."""
        found = self.sources.find_class(full)
        if found is None:
            return None
        module, node = found
        return tuple(self.annotations.full_name(module, base) for base in node.bases)

    def _signature(self, module: Module, node: ast.ClassDef) -> Signature:
        lineage, closed = self._lineage(module, node)
        names = tuple(f"{owner.name}.{cls.name}" for owner, cls in lineage)
        params: dict[str, Field] = {}
        for (owner, cls), name in zip(reversed(lineage), reversed(names), strict=True):
            if name != _TEMPLATE:
                params |= self._params(owner, cls)
        partial = Signature(names[0], params, ancestors=names, closed=closed)
        run = next((found for one in lineage if (found := _method(*one, "run"))), None)
        if run is None or names[0] == _TEMPLATE:
            return partial
        return self._with_run(partial, lineage, *run)

    def _lineage(
        self, module: Module, node: ast.ClassDef
    ) -> tuple[list[tuple[Module, ast.ClassDef]], bool]:
        """Return a class and its ancestors, nearest first, and whether all could be read."""
        lineage: dict[str, tuple[Module, ast.ClassDef]] = {}
        closed, pending = True, [(module, node)]
        while pending:
            owner, cls = pending.pop(0)
            if f"{owner.name}.{cls.name}" in lineage:
                continue
            lineage[f"{owner.name}.{cls.name}"] = (owner, cls)
            for base in cls.bases:
                full = self.annotations.full_name(owner, base)
                found = self.sources.find_class(full)
                closed = closed and (found is not None or full in _PLAIN_BASES)
                pending += [found] if found else []
        return list(lineage.values()), closed

    def _params(self, module: Module, node: ast.ClassDef) -> dict[str, Field]:
        found: dict[str, Field] = {}
        for line in node.body:
            if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
                continue
            name = line.target.id
            if name.startswith("_") or name == "context" or _is_class_var(line.annotation):
                continue
            kind = self.annotations.read(module, line.annotation)
            low, high = self.annotations.bounds(module, line.annotation)
            found[name] = Field(kind, line.value is None, low, high)
        return found

    def _with_run(
        self,
        partial: Signature,
        lineage: list[tuple[Module, ast.ClassDef]],
        owner: Module,
        run: ast.FunctionDef,
    ) -> Signature:
        inputs = self._arguments(owner, run)
        outputs, returns = self._returned(owner, run)
        for name in partial.ancestors:
            if name in HOOKS and owner.name == "atlas.template":
                self._refine(lineage, HOOKS[name], inputs, outputs)
        return Signature(
            partial.full,
            partial.params,
            inputs,
            outputs,
            returns,
            run.args.kwarg is not None,
            partial.ancestors,
            partial.closed,
        )

    def _arguments(self, owner: Module, run: ast.FunctionDef) -> dict[str, Field]:
        plain = [*run.args.posonlyargs, *run.args.args][1:]
        first_default = len(plain) - len(run.args.defaults)
        found = {
            arg.arg: Field(self.annotations.read(owner, arg.annotation), index < first_default)
            for index, arg in enumerate(plain)
        }
        for arg, default in zip(run.args.kwonlyargs, run.args.kw_defaults, strict=True):
            found[arg.arg] = Field(self.annotations.read(owner, arg.annotation), default is None)
        return found

    def _returned(self, owner: Module, run: ast.FunctionDef) -> tuple[dict[str, Type] | None, str]:
        hint = run.returns
        if hint is None:
            return None, ""
        text = ast.unparse(hint).strip("'\"")
        kind = self.annotations.read(owner, hint)
        if kind.name == "None":
            return {}, text
        found = self.sources.find_class(kind.name)
        if found is None:
            return None, text
        module, node = found
        bases = {self.annotations.full_name(module, base) for base in node.bases}
        marked = any("dataclass" in ast.unparse(one) for one in node.decorator_list)
        if not marked and not bases & _RECORDS:
            return None, text
        lines = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        return {
            line.target.id: self.annotations.read(module, line.annotation)
            for line in lines
            if isinstance(line.target, ast.Name)
        }, text

    def _refine(
        self,
        lineage: list[tuple[Module, ast.ClassDef]],
        hooks: Mapping[str, Mapping[str, str]],
        inputs: dict[str, Field],
        outputs: dict[str, Type] | None,
    ) -> None:
        """Take the narrower types that the user's own methods of a fixed shape declare."""
        for name, method in hooks.get("outputs", {}).items():
            found = _own_method(lineage, method)
            if found and outputs is not None and found[1].returns is not None:
                outputs[name] = self.annotations.read(found[0], found[1].returns)
        for name, method in hooks.get("inputs", {}).items():
            found = _own_method(lineage, method)
            hint = found and _argument(found[1], name)
            if found and hint is not None:
                own = self.annotations.read(found[0], hint)
                inputs[name] = Field(own, inputs[name].required)


_PLAIN_BASES = {"object", "abc.ABC", "typing.Protocol", "typing.NamedTuple", "typing.TypedDict"}
_RECORDS = {"typing.NamedTuple", "typing.TypedDict", "typing_extensions.TypedDict"}


def _method(module: Module, node: ast.ClassDef, name: str) -> tuple[Module, ast.FunctionDef] | None:
    for line in node.body:
        if isinstance(line, ast.FunctionDef) and line.name == name:
            return module, line
    return None


def _own_method(
    lineage: list[tuple[Module, ast.ClassDef]], name: str
) -> tuple[Module, ast.FunctionDef] | None:
    own = (one for one in lineage if one[0].name != "atlas.template")
    return next((found for one in own if (found := _method(*one, name))), None)


def _argument(method: ast.FunctionDef, name: str) -> ast.expr | None:
    args = [*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs]
    return next((arg.annotation for arg in args if arg.arg == name), None)


def _is_class_var(annotation: ast.expr) -> bool:
    return "ClassVar" in ast.unparse(annotation)
