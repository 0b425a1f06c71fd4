"""What a Template takes and gives, read from its source: params, inputs, outputs."""

from __future__ import annotations

import ast
from dataclasses import field, replace
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.recipe import FUNCTION_STEP, VALUE
from atlas.validate.annotations import Annotations, dotted
from atlas.validate.leaving import Leaving
from atlas.validate.lineage import lineage_of, method_of, own_method
from atlas.validate.record import Returned, returned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.validate.lineage import Owned
    from atlas.validate.source import Module, Sources
    from atlas.validate.types import Type

_TEMPLATES = "atlas.template"
_TEMPLATE = f"{_TEMPLATES}.Template"
_SINK = f"{_TEMPLATES}.Sink"
_PREDICTOR = f"{_TEMPLATES}.Predictor"
HOOKS = {
    "atlas.template.Source": {"outputs": {"rows": "read"}},
    "atlas.template.Transform": {"outputs": {"rows": "apply", "fitted": "fit"},
                                 "inputs": {"rows": "apply", "fitted": "apply"}},
    "atlas.template.Trainer": {"outputs": {"model": "train"}, "inputs": {"rows": "train"}},
    "atlas.template.Evaluator": {"inputs": {"rows": "evaluate", "model": "evaluate"}},
    "atlas.template.RowEvaluator": {"outputs": {"row_metrics": "evaluate_rows"},
                                    "inputs": {"rows": "evaluate_rows", "model": "evaluate_rows"}},
    "atlas.template.Predictor": {"outputs": {"scores": "predict"},
                                 "inputs": {"rows": "predict", "model": "predict"}},
    "atlas.template.Sink": {"inputs": {"rows": "write"}},
}  # fmt: skip
"""Which method of a Template of fixed shape says more about an input's or output's type."""
_TO_WRITE = {
    "atlas.template.Transform": "apply",
    "atlas.template.Trainer": "train",
    "atlas.template.Evaluator": "evaluate",
    "atlas.template.RowEvaluator": "evaluate_rows",
    "atlas.template.Predictor": "predict",
    _TEMPLATE: "run",
}
"""The method that a subclass of a Template has to write."""
_NO_METHOD = ("property", "cached_property", "staticmethod", "classmethod")
"""Decorators that make something else of a method."""


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
        is_open: whether only an import could tell what ``run`` returns.
        lacks: the method that the class has to write and hasn't; empty for none.
        unfit: the method of it that can't be called as one, and why; empty for none.
        writes: the inputs that it writes to, as far as its source tells.
    """

    full: str
    params: Mapping[str, Field] = field(default_factory=dict)
    inputs: Mapping[str, Field] = field(default_factory=dict)
    outputs: Mapping[str, Type] | None = None
    returns: str = ""
    any_input: bool = False
    ancestors: tuple[str, ...] = ()
    closed: bool = True
    is_open: bool = False
    lacks: str = ""
    unfit: str = ""
    writes: tuple[str, ...] = ()

    @property
    def is_template(self) -> bool:
        """Whether the class is known to be a Template."""
        return _TEMPLATE in self.ancestors


def may_predict(signature: Signature | None) -> bool:
    """Tell whether a class is a Predictor, or may be one as far as its sources tell."""
    return signature is None or _PREDICTOR in signature.ancestors or not signature.closed


class Signatures:
    """Reads signatures of classes, each once."""

    def __init__(self, sources: Sources) -> None:
        """Read from these sources only."""
        self.sources = sources
        self.annotations = Annotations(sources)
        self.leaving = Leaving(sources)
        self._read: dict[str, Signature | None] = {}

    def of(self, cls: str) -> Signature | None:
        """Return the signature of ``module:Class``, or None when there is no such class.

        Raises:
            SourceError: a source on the way can't be read.
        """
        full = cls.replace(":", ".")
        if full not in self._read:
            owned = self.sources.find_class(full)
            self._read[full] = None if owned is None else self._signature(*owned)
        return self._read[full]

    def ancestors(self, full: str) -> tuple[str, ...] | None:
        """Return the direct bases of a class whose source is known, else None."""
        owned = self.sources.find_class(full)
        if owned is None:
            return None
        module, node = owned
        return tuple(self.annotations.full_name(module, base) for base in node.bases)

    def _signature(self, module: Module, node: ast.ClassDef) -> Signature:
        lineage, closed = lineage_of(self.annotations, module, node)
        names = tuple(f"{owner.name}.{cls.name}" for owner, cls in lineage)
        params: dict[str, Field] = {}
        for (owner, cls), name in zip(reversed(lineage), reversed(names), strict=True):
            if name != _TEMPLATE:
                self._add_params(params, owner, cls)
        partial = Signature(
            names[0], params, ancestors=names, closed=closed,
            lacks=_lacking(lineage, names, closed), unfit=_unfit(lineage, names),
        )  # fmt: skip
        methods = ((owner, method_of(cls, "run")) for owner, cls in lineage)
        owner, run = next(((above, run) for above, run in methods if run), (module, None))
        if run is None or partial.lacks == "run":
            return partial
        return self._with_run(partial, lineage, owner, run)

    def _add_params(self, params: dict[str, Field], module: Module, node: ast.ClassDef) -> None:
        """Add the params that a class declares, over those of its ancestors."""
        for line in node.body:
            if isinstance(line, ast.Assign):
                targets = (target.id for target in line.targets if isinstance(target, ast.Name))
                known = [name for name in targets if name in params]
                params |= {name: replace(params[name], required=False) for name in known}
            if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
                continue
            name = line.target.id
            if name.startswith("_") or name == "context" or _is_class_var(line.annotation):
                continue
            kind = self.annotations.read(module, line.annotation)
            low, high = self.annotations.bounds(module, line.annotation)
            inherited = name in params and not params[name].required
            params[name] = Field(kind, line.value is None and not inherited, low, high)

    def _with_run(
        self,
        partial: Signature,
        lineage: list[Owned],
        owner: Module,
        run: ast.FunctionDef | ast.AsyncFunctionDef,
    ) -> Signature:
        inputs = self._arguments(owner, run)
        result = returned(self.annotations, owner, run.returns)
        if result.outputs is None and FUNCTION_STEP in partial.ancestors and run.returns:
            kind = self.annotations.read(owner, run.returns)
            result = Returned({VALUE: kind}, result.text)
        hooked = partial.ancestors if owner.name == _TEMPLATES else ()
        hooks: Mapping[str, Mapping[str, str]] = next(
            (HOOKS[name] for name in hooked if name in HOOKS), {}
        )
        self._refine(lineage, hooks, inputs, result.outputs)
        return replace(
            partial,
            inputs=inputs,
            outputs=result.outputs,
            returns=result.text,
            any_input=run.args.kwarg is not None,
            is_open=result.is_open,
            writes=("target",) if _SINK in hooked else _writes(owner, run, inputs),
        )

    def _arguments(
        self, owner: Module, run: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> dict[str, Field]:
        plain = [*run.args.posonlyargs, *run.args.args][1:]
        required = len(plain) - len(run.args.defaults)
        arguments = {
            arg.arg: Field(self.annotations.read(owner, arg.annotation), index < required)
            for index, arg in enumerate(plain)
        }
        for arg, default in zip(run.args.kwonlyargs, run.args.kw_defaults, strict=True):
            arguments[arg.arg] = Field(
                self.annotations.read(owner, arg.annotation), default is None
            )
        return arguments

    def _refine(
        self,
        lineage: list[Owned],
        hooks: Mapping[str, Mapping[str, str]],
        inputs: dict[str, Field],
        outputs: dict[str, Type] | None,
    ) -> None:
        """Take the narrower types that the user's own methods of a fixed shape declare."""
        for name, method in hooks.get("outputs", {}).items():
            written = own_method(lineage, method, _TEMPLATES)
            if written and outputs is not None and written[1].returns is not None:
                outputs[name] = self.annotations.read(written[0], written[1].returns)
        for name, method in hooks.get("inputs", {}).items():
            written = own_method(lineage, method, _TEMPLATES)
            hint = written and _argument(written[1], name)
            if written and hint is not None:
                own = self.annotations.read(written[0], hint)
                inputs[name] = Field(own, inputs[name].required)


def methods_of(names: Iterable[str]) -> list[str]:
    """Return the methods that a run calls of a class with some ancestors, which it may write."""
    hooks = next((HOOKS[name] for name in names if name in HOOKS), {})
    return ["run", *dict.fromkeys(one for group in hooks.values() for one in group.values())]


def _unfit(lineage: list[Owned], names: tuple[str, ...]) -> str:
    """Return which method of the user's own isn't a plain one, and what it is."""
    for name in methods_of(names):
        own = own_method(lineage, name, _TEMPLATES)
        if own and isinstance(own[1], ast.AsyncFunctionDef):
            return f"{name} is async, and nothing would wait for it"
        marks = own[1].decorator_list if own else []
        words = [ast.unparse(mark).rpartition(".")[2] for mark in marks]
        if odd := next((word for word in words if word in _NO_METHOD), ""):
            return f"{name} is a {odd}"
    return ""


def _lacking(lineage: list[Owned], names: tuple[str, ...], closed: bool) -> str:
    """Return the method that a class has to write and hasn't, as far as its sources tell."""
    if not closed or own_method(lineage, "run", _TEMPLATES):
        return ""
    fixed = next((name for name in names if name in HOOKS or name == _TEMPLATE), "")
    required = _TO_WRITE.get(fixed, "")
    return "" if not required or own_method(lineage, required, _TEMPLATES) else required


def _writes(owner: Module, run: ast.AST, inputs: Mapping[str, Field]) -> tuple[str, ...]:
    return tuple(sorted(_written(run, inputs))) if owner.writes else ()


def _written(run: ast.AST, inputs: Mapping[str, Field]) -> set[str]:
    """Return the inputs whose method ``write`` is called."""
    calls = (node.func for node in ast.walk(run) if isinstance(node, ast.Call))
    names = (
        call.value.id
        for call in calls
        if isinstance(call, ast.Attribute)
        and call.attr == "write"
        and isinstance(call.value, ast.Name)
    )
    return {name for name in names if name in inputs}


def _argument(method: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.expr | None:
    args = [*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs]
    return next((arg.annotation for arg in args if arg.arg == name), None)


def _is_class_var(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Constant):
        return isinstance(annotation.value, str) and "ClassVar" in annotation.value
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return dotted(base).endswith("ClassVar")
