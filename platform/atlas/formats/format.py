"""What an artifact's format is: one class that says everything that Atlas knows of it.

A format of your own is a subclass of `Format`, or of `Encoded` where the value fits into memory
twice, given to `register`:

    class Onnx(Encoded):
        name = "onnx"
        suffix = ".onnx"
        types = {"onnx.ModelProto": ()}
        shows = "model"

        def encode(self, value): return value.SerializeToString()
        def decode(self, content): return onnx.load_from_string(content)

    register(Onnx())

Every step finds it when the module that registers it is one of the pipeline's, imported by
`steps.py`; or is an installed one that the project's ``[tool.atlas] formats`` names, which its
Plans carry to every target; or is one of the entry points of the group ``atlas.formats`` of an
installed package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from atlas.formats.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path

Facts: TypeAlias = Mapping[str, Any]
"""Plain data that a format keeps in the manifest and gets back when it reads."""

WiderTypes: TypeAlias = Mapping[str, tuple[str, ...]]
"""Full name of a type → names of wider types that its values also have."""
PROVEN = 64 << 20
"""Size in bytes up to which an artifact is read once before its manifest is written, where its
structure alone doesn't tell whether it can be."""


class Format:
    """Writes values of some types to a file or folder, and reads them back.

    Attributes:
        name: what Recipes and manifests call it.
        suffix: the ending of its file's name, empty for a folder.
        types: full public names of the types whose values it keeps where no format is named, each
            with the wider types that such a value also has: ``"Collection"`` for a DataFrame.
            Validation takes such a type as different from every type that isn't among these.
        aliases: further full names of these types, as imports give them → the public one.
        arrives: of these types, those that come back as another: full name → that of what an input
            gets. A figure arrives as a picture.
        shows: what pages show its values as: ``table``, ``model``, ``picture``, ``html``,
            ``markdown``, or empty for a plain artifact.
        makes_objects: whether the content names what is made of it, so that its digest is checked
            before it is read.
        takes_trust: whether a Recipe's ``trust`` says what its values may be made of.
        proves_itself: whether what it wrote can be read for sure: writing has compared its
            structure, has read it, or takes nothing else. What another format writes is read once
            by the store. A subclass doesn't inherit it.
        is_unsafe: whether reading runs what is in the content, so that it is read only where the
            Recipe names this format for the output.
    """

    name: ClassVar[str]
    suffix: ClassVar[str] = ""
    types: ClassVar[WiderTypes] = {}
    aliases: ClassVar[Mapping[str, str]] = {}
    arrives: ClassVar[Mapping[str, str]] = {}
    shows: ClassVar[str] = ""
    makes_objects: ClassVar[bool] = False
    takes_trust: ClassVar[bool] = False
    proves_itself: ClassVar[bool] = False
    is_unsafe: ClassVar[bool] = False

    @property
    def is_folder(self) -> bool:
        """Whether it writes a folder instead of a file."""
        return not self.suffix

    def accepts(self, value: Any) -> bool:
        """Tell whether this is the format for a value that names none; costs no import."""
        return bool(ancestry(value) & {short(name) for name in self.types})

    def suffix_of(self, value: Any) -> str:
        """Return the ending of the name of a value's file; the format's, unless values differ."""
        return self.suffix

    def page(self, content: bytes) -> str:
        """Return HTML that shows what a file holds: of ``picture``, ``html`` and ``markdown``."""
        return content.decode("utf-8", "replace")

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
    classes = type(value).__mro__
    return {f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}" for cls in classes}


def short(full: str) -> str:
    """Return a type's package and name, as `ancestry` spells it."""
    return f"{full.partition('.')[0]}.{full.rpartition('.')[2]}"
