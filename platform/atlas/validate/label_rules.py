"""Rules about steps that join late labels: params that no type tells to be wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.labels.measures import MEASURES
from atlas.load import nearest
from atlas.validate.flat import names
from atlas.validate.schedule import zone_exists
from atlas.validate.subject import step_subjects
from atlas.values import DURATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.errors import Problem
    from atlas.validate.flat import FlatStep, Param
    from atlas.validate.subject import Subject

_LABEL_JOIN = "atlas.labels.join.LabelJoin"
_ZONES = ("timezone", "prediction_timezone")
_DECLARED = {"label": "label", "label_time": "time"}
"""Param → what a data set of the Config declares of the same column."""


def check_label_joins(subject: Subject) -> Iterator[Problem]:
    """Check the params of steps that are a `LabelJoin`, as far as they are written down."""
    for step, signature in step_subjects(subject):
        if _LABEL_JOIN in signature.ancestors:
            known = {name: param for name, param in step.params.items() if param.kind == "value"}
            yield from _zones(known)
            yield from _tolerance(known)
            yield from _columns(step, known)
            yield from _declared(subject, known)


def _zones(params: Mapping[str, Param]) -> Iterator[Problem]:
    for param in (params[name] for name in _ZONES if name in params):
        if isinstance(param.value, str) and not zone_exists(param.value):
            message = f"there is no time zone '{param.value}'"
            expected = "an IANA name such as Europe/Berlin"
            yield param.place.problem("R048", message, found=param.value, expected=expected)


def _tolerance(params: Mapping[str, Param]) -> Iterator[Problem]:
    param = params.get("tolerance")
    if param and isinstance(param.value, str) and not re.fullmatch(DURATION, param.value):
        message = f"'{param.value}' isn't a duration"
        yield param.place.problem("R048", message, found=param.value, expected="such as 30m or 2h")


def _columns(step: FlatStep, params: Mapping[str, Param]) -> Iterator[Problem]:
    """Check that a key is named, and a column for what each metric is computed from."""
    key = params.get("key")
    if key and key.value == []:
        yield key.place.problem("R048", "no column tells rows apart", expected="a column's name")
    given = {name for name in ("prediction", "score") if _is_given(step, params, name)}
    if not given and not {"prediction", "score"} & step.params.keys():
        message = f"the step '{step.name}' is given no column with predictions"
        yield step.place.problem("R048", message, expected="params.prediction or params.score")
        return
    metrics: Any = params["metrics"].value if "metrics" in params else ()
    for index, name in enumerate(metrics if isinstance(metrics, list | tuple) else ()):
        measure = MEASURES.get(name) if isinstance(name, str) else None
        if measure and measure.needs not in given:
            message = f"the metric '{name}' is computed from the param '{measure.needs}'"
            place = params["metrics"].place / index
            yield place.problem("R048", message, found=name, expected=f"params.{measure.needs}")


def _is_given(step: FlatStep, params: Mapping[str, Param], name: str) -> bool:
    """Tell whether a param is given, or may be: what only a run knows may be any column."""
    return bool(params[name].value) if name in params else name in step.params


def _declared(subject: Subject, params: Mapping[str, Param]) -> Iterator[Problem]:
    """Warn of columns that the Config's data declare under another name."""
    for name, fact in _DECLARED.items():
        param = params.get(name)
        columns = {getattr(data, fact) for data in subject.file.config.data.values()} - {""}
        if param and param.value and columns and param.value not in columns:
            message = f"the Config's data have no {fact} column '{param.value}'"
            hint = nearest(str(param.value), columns) or "rename one, or leave it out of the data"
            expected = names(sorted(columns))
            yield param.place.problem(
                "R048", message, severity="warning", found=param.value, expected=expected, hint=hint
            )


RULES = (check_label_joins,)
"""The rules about labels."""
