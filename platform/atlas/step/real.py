"""What a Template takes and gives once it is imported, in the words that validation uses."""

from __future__ import annotations

import inspect
import types
import typing
from contextlib import suppress
from dataclasses import field, is_dataclass, replace
from enum import Enum
from importlib import import_module
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from atlas.dataclass import dataclass
from atlas.formats import type_aliases
from atlas.step.hints import globals_of, resolve
from atlas.template import Bounds, param_hints
from atlas.validate.signature import HOOKS, Field, Signature
from atlas.validate.types import ANY, LITERAL, NONE, UNKNOWN, Type, union

_BARE = ("builtins", "typing", "collections.abc")
"""Modules whose names stand without them."""
_PUBLIC = {
    "pathlib._local.Path": "pathlib.Path",
    "pathlib._local.PurePath": "pathlib.PurePath",
}
_WRAPPERS = (typing.Final, typing.ClassVar, typing.Required, typing.NotRequired)
_SIMPLE = ((None, NONE), (type(None), NONE), (Any, ANY), (object, ANY), (Ellipsis, Type("...")))
_DATA = "atlas.template.Data"
_TEMPLATES = "atlas.template"


@dataclass
class RealTypes:
    """Turns evaluated hints into Types, and remembers the classes in them.

    Attributes:
        package: the package that the pipeline's folder was loaded as.
    """

    package: str
    _classes: dict[str, type[Any]] = field(default_factory=dict)

    def of(self, hint: Any) -> Type:
        """Return the Type of a hint; `UNKNOWN` when classes alone can't tell what fits it."""
        simple = next((kind for known, kind in _SIMPLE if hint is known), None)
        if simple is not None:
            return simple
        origin = get_origin(hint)
        if origin is not None:
            return self._generic(origin, get_args(hint))
        return self._class(hint) if isinstance(hint, type) else UNKNOWN

    def again(self, read: Type) -> Type:
        """Return a Type that was read from the source, under the names that an import gives."""
        name = read.name
        if "." in name and name != "...":
            imported = self._import(name)
            name = self.of(imported).name if isinstance(imported, type) else UNKNOWN.name
        return Type(name, tuple(map(self.again, read.args)), read.values)

    def ancestors(self, name: str) -> tuple[str, ...] | None:
        """Return what a class inherits from, and which classes met so far it is a subclass of.

        None when it isn't known.
        """
        cls = self._classes.get(name)
        if cls is None:
            return None
        others = (key for key, other in self._classes.items() if _is_subclass(cls, other))
        names = dict.fromkeys((*map(self._name, cls.__mro__), *others))
        kind = ("TypedDict",) if typing.is_typeddict(cls) else ()
        return (*(key for key in names if key != name), *kind)

    def members(self, name: str) -> tuple[Any, ...] | None:
        """Return the values of an Enum's members; None where it takes others, too."""
        cls = self._classes.get(name)
        if cls is None or not issubclass(cls, Enum) or "_missing_" in vars(cls):
            return None
        return tuple(member.value for member in cls.__members__.values())

    def member(self, name: str, value: Any) -> Any:
        """Return the member of an Enum that has a value.

        Raises:
            ValueError: it has none.
        """
        return self._classes[name](value)

    def holds(self, name: str, value: Any) -> bool | None:
        """Tell whether a value is one of a class; None where the class isn't known."""
        cls = self._classes.get(name)
        if cls is None or getattr(cls, "_is_protocol", False):
            return None
        return isinstance(value, cls)

    def _generic(self, origin: Any, args: tuple[Any, ...]) -> Type:
        if origin is Annotated:
            bounds = next((metadata for metadata in args[1:] if isinstance(metadata, Bounds)), None)
            kind = self.of(args[0])
            return replace(kind, bounds=(bounds.minimum, bounds.maximum)) if bounds else kind
        if origin in _WRAPPERS:
            return self.of(args[0])
        if origin in (Union, types.UnionType):
            return union(*map(self.of, args))
        if origin is Literal:
            return Type(LITERAL, values=args)
        base = self.of(origin)
        return base if base.name == "numpy.ndarray" else Type(base.name, tuple(map(self.of, args)))

    def _class(self, cls: type[Any]) -> Type:
        name = self._name(cls)
        if getattr(cls, "_is_protocol", False) and name != _DATA and not _is_checkable(cls):
            return UNKNOWN
        self._classes |= {self._name(base): base for base in cls.__mro__ if base is not object}
        return Type(name)

    def _name(self, cls: type[Any]) -> str:
        if cls.__module__ in _BARE:
            return cls.__qualname__
        full = f"{cls.__module__}.{cls.__qualname__}".removeprefix(f"{self.package}.")
        return _PUBLIC.get(full) or type_aliases().get(full, full)

    def _import(self, full: str) -> Any:
        """Return what a full name stands for, as the pipeline's code finds it; else None."""
        module, _, name = full.rpartition(".")
        for place in (f"{self.package}.{module}", module):
            # What is named for type checkers only may fail in any way.
            with suppress(Exception):
                return getattr(import_module(place), name)
        return None


def _is_checkable(cls: type[Any]) -> bool:
    return bool(getattr(cls, "_is_runtime_protocol", False))


def _is_subclass(cls: type[Any], other: type[Any]) -> bool:
    try:
        return issubclass(cls, other)
    except TypeError:
        return False


@dataclass
class RealSignature:
    """Reads one imported class.

    Attributes:
        cls: the class.
        read: what its source says, for hints that only a type checker can evaluate.
        types: turns hints into Types.
        vague: hints that nobody can evaluate: ``params.trees`` → the hint.
    """

    cls: type[Any]
    read: Signature
    types: RealTypes
    vague: dict[str, str] = field(default_factory=dict)

    def signature(self) -> Signature:
        """Return what the class takes and gives."""
        run = inspect.signature(self.cls.run)
        kinds = [parameter.kind for parameter in run.parameters.values()]
        outputs, returns = self._outputs()
        inputs = self._inputs(run)
        if self.cls.run.__module__ == _TEMPLATES:
            self._refine(inputs, outputs)
        return Signature(
            full=self.read.full,
            params=self._params(),
            inputs=inputs,
            outputs=outputs,
            returns=returns,
            any_input=inspect.Parameter.VAR_KEYWORD in kinds,
            ancestors=tuple(f"{base.__module__}.{base.__qualname__}" for base in self.cls.__mro__),
        )

    def _params(self) -> dict[str, Field]:
        params: dict[str, Field] = {}
        for name, raw in param_hints(self.cls).items():
            hint = resolve(raw, globals_of(_owner(self.cls, name)))
            kind = self._type(hint, f"params.{name}", self.read.params.get(name))
            bounds = next(
                (metadata for metadata in get_args(hint)[1:] if isinstance(metadata, Bounds)),
                Bounds(),
            )
            params[name] = Field(kind, not hasattr(self.cls, name), *bounds)
        return params

    def _inputs(self, run: inspect.Signature) -> dict[str, Field]:
        inputs: dict[str, Field] = {}
        for name, parameter in list(run.parameters.items())[1:]:
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                continue
            hint = self._hint(self.cls.run, name)
            kind = self._type(hint, f"inputs.{name}", self.read.inputs.get(name))
            inputs[name] = Field(kind, parameter.default is parameter.empty)
        return inputs

    def _outputs(self) -> tuple[dict[str, Type] | None, str]:
        hint = self._hint(self.cls.run, "return")
        if hint is None or hint is type(None):
            return {}, "None"
        if not isinstance(hint, type) or not _is_record(hint):
            text = "" if hint is Any else str(hint)
            return (self._read_outputs() if isinstance(hint, str) else None), text
        raw = {
            key: field_hint
            for base in reversed(hint.__mro__)
            for key, field_hint in _own_hints(base).items()
        }
        read = self.read.outputs or {}
        return {
            name: self._type(field_hint, f"outputs.{name}", read.get(name))
            for name, field_hint in raw.items()
        }, hint.__qualname__

    def _read_outputs(self) -> dict[str, Type] | None:
        """Return what the source says where the return hint is for type checkers only."""
        read = self.read.outputs
        return (
            None if read is None else {name: self.types.again(kind) for name, kind in read.items()}
        )

    def _refine(self, inputs: dict[str, Field], outputs: dict[str, Type] | None) -> None:
        """Take the narrower types that the user's own methods of a fixed shape declare."""
        names = (f"{base.__module__}.{base.__qualname__}" for base in self.cls.__mro__)
        hooks = next((HOOKS[name] for name in names if name in HOOKS), {})
        for name, method in hooks.get("outputs", {}).items():
            if outputs is not None and self._own_hint(method, "return"):
                hint = self._hint(getattr(self.cls, method), "return")
                outputs[name] = self._type(
                    hint, f"outputs.{name}", (self.read.outputs or {}).get(name)
                )
        for name, method in hooks.get("inputs", {}).items():
            if self._own_hint(method, name):
                hint = self._hint(getattr(self.cls, method), name)
                kind = self._type(hint, f"inputs.{name}", self.read.inputs.get(name))
                inputs[name] = Field(kind, inputs[name].required)

    def _own_hint(self, method: str, name: str) -> bool:
        function = getattr(self.cls, method)
        return function.__module__ != _TEMPLATES and name in function.__annotations__

    def _hint(self, method: Any, name: str) -> Any:
        """Return one hint of a method; Any where there is none."""
        plain = inspect.unwrap(method)
        return resolve(plain.__annotations__.get(name, Any), plain.__globals__)

    def _type(self, hint: Any, place: str, read: Field | Type | None) -> Type:
        """Return a hint's Type; where it can't be evaluated, the one that its source says."""
        if not isinstance(hint, str):
            return self.types.of(hint)
        known = read.type if isinstance(read, Field) else read or UNKNOWN
        kind = self.types.again(known)
        if _has_unknown(kind):
            self.vague[place] = hint
        return kind


def _has_unknown(kind: Type) -> bool:
    return kind == UNKNOWN or any(map(_has_unknown, kind.args))


def _owner(cls: type[Any], name: str) -> type[Any]:
    return next((base for base in cls.__mro__ if name in _raw_hints(base)), cls)


def _raw_hints(cls: type[Any]) -> dict[str, Any]:
    return inspect.get_annotations(cls)


def _own_hints(cls: type[Any]) -> dict[str, Any]:
    return {name: resolve(hint, globals_of(cls)) for name, hint in _raw_hints(cls).items()}


def _is_record(cls: type[Any]) -> bool:
    return hasattr(cls, "_fields") or is_dataclass(cls) or typing.is_typeddict(cls)
