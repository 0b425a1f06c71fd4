"""The words of the builder: references to what an input reads, and what a param stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from atlas.dataclass import dataclass
from atlas.functions import is_step
from atlas.recipe import OneOf, Reference
from atlas.template import Template

_PRIVATE = "atlas.step.code."
"""In front of a pipeline's name and module, where Atlas itself has loaded its code."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A param's value that isn't a literal: ``{"parameter": NAME}`` and its like.

    Attributes:
        kind: ``parameter``, ``feature``, ``axis``, ``run`` or ``literal``.
        value: the name, or the literal.
    """

    kind: str
    value: Any


class StepOutputs:
    """A step of a builder; its attributes, or its items, are references to its outputs."""

    def __init__(self, name: str) -> None:
        """Give the outputs of the step of this name."""
        self._name = name

    def __getattr__(self, output: str) -> Reference:
        """Return the reference to an output: ``load.rows``."""
        if output.startswith("_"):
            raise AttributeError(output)
        return self[output]

    def __getitem__(self, output: str) -> Reference:
        """Return the reference to an output whose name isn't an attribute: ``load["rows"]``."""
        return Reference("step", self._name, output)

    def __repr__(self) -> str:
        """Say which step it is."""
        return f"<step {self._name}>"

    def __str__(self) -> str:
        """Return the step's name."""
        return self._name


def one_of(*outputs: Reference | str) -> OneOf:
    """Return what takes the first of several outputs whose step ran."""
    return OneOf(tuple(o if isinstance(o, Reference) else Reference.parse(o) for o in outputs))


def data(name: str) -> Reference:
    """Return a reference to a data set of the Config."""
    return Reference("data", name)


def model(part: str) -> Reference:
    """Return a reference to a part of the model version that an inference run uses."""
    return Reference("model", part)


def pipeline(name: str, output: str) -> Reference:
    """Return a reference to ``step.output`` of another pipeline's latest successful run."""
    return Reference.parse(f"pipeline:{name}/{output}")


def family(name: str, output: str) -> Reference:
    """Return a reference to ``step.output`` of all members of a family, by axis values."""
    return Reference.parse(f"family:{name}/{output}")


def history(name: str, output: str) -> Reference:
    """Return a reference to ``step.output`` of a pipeline's earlier runs in the step's window."""
    return Reference.parse(f"history:{name}/{output}")


def feature(path: str) -> Dynamic:
    """Return the param's value that the Config's features have at a dotted path."""
    return Dynamic("feature", path)


def axis(name: str) -> Dynamic:
    """Return the param's value that is the family member's value on an axis of the matrix."""
    return Dynamic("axis", name)


def run_fact(fact: str) -> Dynamic:
    """Return the param's value that is known at a run's start.

    Args:
        fact: ``interval_start``, ``interval_end`` or ``id``.
    """
    return Dynamic("run", fact)


def literal(value: Any) -> Dynamic:
    """Return a value as it is, where it would else be read as one of the others."""
    return Dynamic("literal", value)


def reference(value: Any) -> str:
    """Return a reference as JSON has it.

    Raises:
        TypeError: it is something else; most often a step in place of one of its outputs.
    """
    if isinstance(value, Reference | str):
        return str(value)
    if isinstance(value, StepOutputs):
        raise TypeError(f"{value!r} is a step, not an output; write {value}.NAME")
    raise TypeError(f"{value!r} isn't a reference; expected an output, data(…), model(…) or a text")


def class_name(cls: type[Template] | Callable[..., Any] | str) -> str:
    """Return ``module:Class`` of a class, or of a function that is a step.

    Raises:
        TypeError: it isn't a Template, or is defined where no run could import it from.
    """
    if isinstance(cls, str):
        return cls
    if not is_step(cls) and not (isinstance(cls, type) and issubclass(cls, Template)):
        raise TypeError(
            f"{cls!r} isn't a Template; expected a class that inherits from it, or a @step"
        )
    module = cls.__module__
    if module == "__main__" or "<locals>" in cls.__qualname__:
        hint = f"move it to a module of the pipeline's folder and write 'MODULE:{cls.__name__}'"
        raise TypeError(f"{cls.__name__}: no run can import a class that is defined here; {hint}")
    if module.startswith(_PRIVATE):
        module = module.removeprefix(_PRIVATE).partition(".")[2]
    return f"{module}:{cls.__qualname__}"


def param(value: Any) -> Any:
    """Return a param's value as JSON has it."""
    if isinstance(value, Dynamic):
        return {value.kind: plain(value.value)}
    return plain(value)


def plain(value: Any) -> Any:
    """Return a copy of a value as JSON has it.

    Raises:
        TypeError: JSON has no such value.
    """
    if isinstance(value, Mapping):
        return {_key(key): plain(member) for key, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(member) for member in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Dynamic):
        raise TypeError(f"a {value.kind} can only be a param's whole value, not a part of one")
    raise TypeError(f"{value!r} is a {type(value).__name__}, which JSON can't say")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is a {type(key).__name__}; JSON has texts only")
    return key
