"""What an artifact's format is, how one is chosen, and how to add one.

A format of your own is a subclass of `Format`, or of `Encoded` where the value fits into memory
twice, given to `register`:

    class Onnx(Encoded):
        name = "onnx"
        suffix = ".onnx"

        def accepts(self, value): return type(value).__name__ == "ModelProto"
        def encode(self, value): return value.SerializeToString()
        def decode(self, content): return onnx.load_from_string(content)

    register(Onnx())

It is found by every step when the module that registers it is one of the pipeline's, imported by
`steps.py`; or is an installed one that the project's ``[tool.atlas] formats`` names, which its
Plans carry to every target; or is one of the entry points of the group ``atlas.formats`` of an
installed package.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from atlas.errors import StoreError, clean
from atlas.store.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path

Facts: TypeAlias = Mapping[str, Any]
"""Plain data that a format keeps in the manifest and gets back when it reads."""

MODULES = "ATLAS_FORMATS"
"""Variable with the modules that add formats, separated by commas, for whoever reads artifacts of a
project without a Plan: its ``formats``."""
ENTRY_POINTS = "atlas.formats"
"""Group of the entry points that packages name their formats under."""


class Format:
    """Writes values of some types to a file or folder, and reads them back.

    Attributes:
        name: what Recipes and manifests call it.
        suffix: the ending of its file's name, empty for a folder.
        makes_objects: whether the content names what is made of it, so that its digest is checked
            before it is read.
    """

    name: ClassVar[str]
    suffix: ClassVar[str] = ""
    makes_objects: ClassVar[bool] = False

    def accepts(self, value: Any) -> bool:
        """Tell whether this is the format for a value that names none; costs no import."""
        return False

    def suffix_of(self, value: Any) -> str:
        """Return the ending of the name of a value's file; the format's, unless values differ."""
        return self.suffix

    def write(self, value: Any, path: Path) -> Facts:
        """Write the value to a path that isn't there yet; return what reading needs to know."""
        raise NotImplementedError

    def read(self, path: Path, facts: Facts) -> Any:
        """Return the value that was written to a path."""
        raise NotImplementedError

    def write_trusting(self, value: Any, path: Path, trust: Trust) -> Facts:
        """Write the value; a format that makes objects of what it reads refuses untrusted ones."""
        return self.write(value, path)

    def read_trusting(self, path: Path, facts: Facts, trust: Trust) -> Any:
        """Return the value; a format that makes objects refuses what isn't trusted."""
        return self.read(path, facts)


class Encoded(Format):
    """A format that turns a value into bytes and back."""

    def encode(self, value: Any) -> bytes:
        """Return the value as bytes."""
        raise NotImplementedError

    def decode(self, content: bytes) -> Any:
        """Return the value that was encoded."""
        raise NotImplementedError

    def pack(self, value: Any, trust: Trust) -> tuple[bytes, Facts]:
        """Return the value as bytes, and what reading needs to know besides."""
        return self.encode(value), {}

    def unpack(self, content: bytes, facts: Facts, trust: Trust) -> Any:
        """Return the value that was packed."""
        return self.decode(content)

    def write(self, value: Any, path: Path) -> Facts:
        """Write the encoded value."""
        return self.write_trusting(value, path, Trust())

    def read(self, path: Path, facts: Facts) -> Any:
        """Read and decode."""
        return self.read_trusting(path, facts, Trust())

    def write_trusting(self, value: Any, path: Path, trust: Trust) -> Facts:
        """Write the packed value."""
        content, facts = self.pack(value, trust)
        path.write_bytes(content)
        return facts

    def read_trusting(self, path: Path, facts: Facts, trust: Trust) -> Any:
        """Read and unpack."""
        return self.unpack(path.read_bytes(), facts, trust)


_formats: dict[str, Format] = {}


def register(added: Format) -> None:
    """Add a format, which is asked before those that are there; one of the same name goes."""
    others = {name: one for name, one in _known().items() if name != added.name}
    _formats.clear()
    _formats.update({added.name: added, **others})


def is_own(one: Format) -> bool:
    """Tell whether a format is Atlas's own, which proves what it writes by itself."""
    return type(one).__module__.startswith("atlas.store.")


def use(modules: Iterable[str]) -> None:
    """Import modules that add formats, unless they are imported.

    Raises:
        StoreError: one can't be imported.
    """
    for module in modules:
        _import(module)


def named(name: str) -> Format:
    """Return the format of a name.

    Raises:
        StoreError: there is none.
    """
    found = _known().get(name) or _from_packages(name)
    if found is None:
        known = ", ".join(_known())
        raise StoreError(
            f"there is no format '{name}'; expected {known}, or one that `atlas.store.register` "
            "adds in a module that steps.py imports"
        )
    return found


def chosen(value: Any) -> Format:
    """Return the format for a value by its type.

    Raises:
        StoreError: no format is safe for it.
    """
    found = next((one for one in _known().values() if one.accepts(value)), None)
    if found is None:
        raise StoreError(
            f"no format keeps {_described(value)} without pickle; expected a table, an array, a "
            "scikit-learn model, plain data, str, bytes or a Path; or name the output's format in "
            'the Recipe: "outputs": {"NAME": {"format": "pickle"}}'
        )
    return found


def type_name(value: Any) -> str:
    """Return a type's package and name: ``pandas.DataFrame``, ``int``."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"


def article(name: str) -> str:
    """Return a type's name with its article: ``an int``."""
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def ancestry(value: Any) -> set[str]:
    """Return the names of a value's type and its bases, as `type_name` spells them."""
    kinds = type(value).__mro__
    return {f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}" for kind in kinds}


def _described(value: Any) -> str:
    """Return a value's type; of a container, that of the first part that can't be kept."""
    from atlas.store.packing import untaken

    path, part = untaken(value)
    inner = f" with {article(type_name(part))} at {clean(path, 120)}" if path else ""
    return f"a value of type {type_name(value)}{inner}"


def _known() -> dict[str, Format]:
    if not _formats:
        from atlas.store import models, plain, tables

        own = (*plain.FORMATS, *tables.FORMATS, *models.FORMATS)
        _formats.update({one.name: one for one in own})
        use(filter(None, os.environ.get(MODULES, "").split(",")))
    return _formats


def _import(module: str) -> None:
    """Import a module of the project that adds formats.

    Raises:
        StoreError: it can't be imported.
    """
    from importlib import import_module

    try:
        import_module(module)
    except ImportError as error:
        hint = "[tool.atlas] formats names it; it has to be installed wherever steps run"
        raise StoreError(
            f"formats: module '{module}' can't be imported: {error} ({hint})"
        ) from error


def _from_packages(name: str) -> Format | None:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS, name=name):
        register(point.load()())
    return _formats.get(name)
