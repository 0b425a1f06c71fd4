"""Which metrics a class records, as far as its source tells."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from atlas.recipe import FUNCTION_STEP
from atlas.validate.lineage import lineage_of, own_method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.validate.lineage import Owned
    from atlas.validate.signature import Signature, Signatures

_TEMPLATES = "atlas.template"
_EVALUATOR = f"{_TEMPLATES}.Evaluator"
_ROW_EVALUATOR = f"{_TEMPLATES}.RowEvaluator"
_PREDICTOR = f"{_TEMPLATES}.Predictor"


class _ComputedError(Exception):
    """Only running the code tells."""


def recorded_metrics(reader: Signatures, signature: Signature) -> frozenset[str] | None:
    """Return the names of the metrics that a class may record; None where only a run tells."""
    owned = reader.sources.find_class(signature.full)
    if owned is None or not signature.closed or FUNCTION_STEP in signature.ancestors:
        return None
    lineage, _ = lineage_of(reader.annotations, *owned)
    try:
        return frozenset(_names(lineage, signature))
    except _ComputedError:
        return None


def _names(lineage: list[Owned], signature: Signature) -> Iterator[str]:
    for module, node in lineage:
        if module.name != _TEMPLATES:
            yield from _by_context(node)
    if _ROW_EVALUATOR in signature.ancestors:
        raise _ComputedError
    if _PREDICTOR in signature.ancestors:
        yield "rows_scored"
    if _EVALUATOR in signature.ancestors:
        yield from _evaluated(lineage)
    else:
        yield from _given(signature)


def _by_context(node: ast.ClassDef) -> Iterator[str]:
    """Give the names that ``self.context.metric`` is called with."""
    used = {id(one.value) for one in ast.walk(node) if isinstance(one, ast.Attribute)}
    called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and one.attr == "context" and id(one) not in used:
            raise _ComputedError  # The context is handed on.
        if isinstance(one, ast.Attribute) and one.attr == "metric" and id(one) not in called:
            raise _ComputedError
        if isinstance(one, ast.Call):
            yield from _called(one)


def _called(call: ast.Call) -> Iterator[str]:
    if any(isinstance(given, ast.Name) and given.id == "self" for given in call.args):
        raise _ComputedError
    if isinstance(call.func, ast.Attribute) and call.func.attr == "metric":
        yield _text(call.args[0] if call.args else None)


def _evaluated(lineage: list[Owned]) -> Iterator[str]:
    """Give the keys of what ``evaluate`` returns."""
    own = own_method(lineage, "evaluate", _TEMPLATES)
    if own is None or own_method(lineage, "run", _TEMPLATES):
        raise _ComputedError
    for one in ast.walk(own[1]):
        if isinstance(one, ast.Return):
            if not isinstance(one.value, ast.Dict):
                raise _ComputedError
            yield from map(_text, one.value.keys)


def _given(signature: Signature) -> Iterator[str]:
    """Give the outputs, which may be the metric themselves."""
    if signature.outputs is None:
        raise _ComputedError
    if "metrics" in signature.outputs:
        raise _ComputedError
    yield from signature.outputs


def _text(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise _ComputedError
