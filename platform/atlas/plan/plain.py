"""Plans as plain data, and back: what has its default is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from atlas.condition import Condition
from atlas.config import Canary
from atlas.plan.family import Family
from atlas.plan.parts import (
    Foreach,
    InputSource,
    Model,
    Output,
    PlanData,
    PlanStep,
    Schedule,
    Value,
)
from atlas.recipe import Image, Parameter, Resources, Retries
from atlas.search.part import SearchPart


def plain(value: Any) -> Any:
    """Return plain data; a field that is None or empty is left out, so that new ones are free."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is Value:
        return {"kind": value.kind, "value": value.value}
    if kind is Foreach and len(value.axes) == 1 and not value.group:
        return plain(value.axes[0])  # As it was written when there was nothing else.
    names = _field_names(kind)  # type: ignore[arg-type]  # a class has a hash
    if names:
        return _plain_record(value, names)
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in sorted(value)}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _plain_record(record: Any, names: tuple[str, ...]) -> dict[str, Any]:
    written = {}
    for name in names:
        value = getattr(record, name)
        if value:
            kind = type(value)
            if kind in _ATOMS:
                written[name] = value
            elif kind not in _DEFAULTS or value != _DEFAULTS[kind]:
                written[name] = plain(value)
        # A parameter's default may be the empty text, which isn't the same as none.
        elif value is not None and (name == "default" or not hasattr(value, "__len__")):
            written[name] = plain(value)
    return written


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind)) if is_dataclass(kind) else ()


_ATOMS = frozenset((str, int, float, bool, type(None)))
_DEFAULTS = {type(record): record for record in (Resources(), Retries())}


def read_fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a Plan that `plain` wrote."""
    simple = {key: value for key, value in raw.items() if key not in {"version", *_READERS}}
    read = {key: reader(raw[key]) for key, reader in _READERS.items() if raw.get(key)}
    return {"steps": (), **simple, **read}


def _each(kind: Any) -> Any:
    return lambda raw: {key: kind(**value) for key, value in raw.items()}


def _dataset(raw: Mapping[str, Any]) -> PlanData:
    lists = {name: tuple(raw[name]) for name in ("partition", "key") if name in raw}
    return PlanData(**{**raw, **lists})


def _parameters(raw: Mapping[str, Any]) -> dict[str, Parameter]:
    return {key: Parameter.parse(value) for key, value in raw.items()}


def _source(raw: Mapping[str, Any]) -> InputSource:
    options = tuple(map(_source, raw.get("options", ())))
    return InputSource(
        **{
            "name": "",
            **raw,
            "trust": tuple(raw.get("trust", ())),
            "keys": tuple(raw.get("keys", ())),
            "options": options,
        }
    )


def _condition(raw: Mapping[str, Any]) -> Condition:
    source = _source(raw["source"]) if "source" in raw else None
    parts = tuple(map(_condition, raw.get("parts", ())))
    return Condition(**{**raw, "source": source, "parts": parts})


def _outputs(raw: Mapping[str, Any]) -> dict[str, Output]:
    return {
        name: Output(**{**value, "trust": tuple(value.get("trust", ()))})
        for name, value in raw.items()
    }


def _foreach(raw: Any) -> Foreach:
    given: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"axes": [raw]}
    axes = tuple((name, _source(keys)) for name, keys in given["axes"])
    return Foreach(axes, given.get("group", ""))


def _step(raw: Mapping[str, Any]) -> PlanStep:
    foreach = raw.get("foreach")
    own = {
        "inputs": {key: _source(value) for key, value in raw.get("inputs", {}).items()},
        "params": {k: Value(v["kind"], v["value"]) for k, v in raw.get("params", {}).items()},
        "outputs": _outputs(raw.get("outputs", {})),
        "after": tuple(raw.get("after", ())),
        "foreach": _foreach(foreach) if foreach else None,
        "resources": Resources(**raw.get("resources", {})),
        "retries": Retries(**raw.get("retries", {})),
        "secrets": tuple(raw.get("secrets", ())),
        "tolerations": tuple(raw.get("tolerations", ())),
        "when": _condition(raw["when"]) if "when" in raw else None,
        "optional": tuple(raw.get("optional", ())),
        "search": SearchPart(**raw["search"]) if "search" in raw else None,
    }
    return PlanStep(**{**raw, **own})


def _model(raw: Mapping[str, Any]) -> Model:
    canary = Canary(**raw["canary"]) if raw.get("canary") else None
    return Model(**{**raw, "outputs": _outputs(raw.get("outputs", {})), "canary": canary})


_READERS: Mapping[str, Any] = {
    "steps": lambda raw: tuple(_step(step) for step in raw),
    "parameters": _parameters,
    "data": lambda raw: {key: _dataset(value) for key, value in raw.items()},
    "images": _each(Image),
    "model": _model,
    "schedule": lambda raw: Schedule(**raw),
    "family": lambda raw: Family(**raw),
    "notify": lambda raw: {event: tuple(told) for event, told in raw.items()},
    "packages": tuple,
    "formats": tuple,
    "stores": tuple,
}
