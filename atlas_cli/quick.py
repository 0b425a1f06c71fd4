"""Arguments of plain types, without pydantic: typer imports it for any value, and it takes 0.1 s.

What isn't plain, and every value that doesn't fit, is left to typer, so that its checks and its
words stay what they are.
"""

from __future__ import annotations

from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import typer.core

_PLAIN = (str, int, float, bool, Path)
_CHECKED = ("parser", "exists", "writable", "resolve_path", "allow_dash", "path_type", "clamp")
"""What a parameter may ask of typer besides its type; any of these is left to typer."""


class _Quick:
    """Turns the text of one parameter into its type; stands in for typer's runtime parameter."""

    def __init__(self, descriptor: Any, kind: type) -> None:
        self.descriptor = descriptor
        self.kind = kind

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value as its type."""
        several = param.multiple or param.nargs != 1
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        try:
            if several and not isinstance(value, str):
                return [self._one(item) for item in value]
            return self._one(value)
        except ValueError:
            from typer._coercion import build_runtime_param

            return build_runtime_param(self.descriptor).coerce(value, param=param, ctx=ctx)

    def _one(self, value: Any) -> Any:
        if isinstance(value, self.kind):
            return self._bounded(value)
        if self.kind is bool or not isinstance(value, str):
            raise ValueError(value)
        return self._bounded(self.kind(value))

    def _bounded(self, value: Any) -> Any:
        info = self.descriptor.parameter_info
        low, high = getattr(info, "min", None), getattr(info, "max", None)
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(value)
        return value


def quicken() -> None:
    """Let typer read plain parameters without pydantic, where it is a typer that uses it."""
    base = getattr(typer.core, "_TyperParameter", None)
    usual = getattr(base, "get_runtime_param", None)
    if base is None or usual is None or hasattr(usual, "is_quick"):
        return

    def get_runtime_param(param: Any) -> Any:
        kind = _plain_kind(param.type_descriptor)
        return usual(param) if kind is None else _Quick(param.type_descriptor, kind)

    get_runtime_param.is_quick = True  # type: ignore[attr-defined]
    base.get_runtime_param = get_runtime_param


def _plain_kind(descriptor: Any) -> type | None:
    """Return the plain type of a parameter, or None when typer has more to do for it."""
    info, kind = descriptor.parameter_info, descriptor.annotation
    if get_origin(kind) in (Union, UnionType):
        (kind, *others) = [each for each in get_args(kind) if each is not NoneType]
        if others:
            return None
    if get_origin(kind) in (list, tuple) and len({*get_args(kind)}) == 1:
        kind = get_args(kind)[0]
    special = any(getattr(info, name, None) for name in _CHECKED)
    folders = getattr(info, "file_okay", True) and getattr(info, "dir_okay", True)
    return kind if kind in _PLAIN and folders and not special else None
