"""Formats of plain values: JSON, text, bytes, and files and folders as they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

from atlas.errors import StoreError
from atlas.store.format import Encoded, Facts, Format, type_name
from atlas.template import Html, Markdown

_SCALARS = {str, int, float, bool, type(None)}


class Json(Encoded):
    """Plain data: None, numbers, strings, booleans, and lists and dicts of them."""

    name = "json"
    suffix = ".json"

    def accepts(self, value: Any) -> bool:
        """Take what JSON gives back as it was; a tuple comes back as a list."""
        return is_plain(value)

    def encode(self, value: Any) -> bytes:
        """Return compact JSON.

        Raises:
            ValueError: there is a NaN or an infinity in it, which JSON doesn't have.
        """
        text = json.dumps(
            value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_number
        )
        return text.encode("utf-8", "surrogatepass")

    def decode(self, content: bytes) -> Any:
        """Parse JSON."""
        return json.loads(content.decode("utf-8", "surrogatepass"))


class Text(Encoded):
    """A string, as UTF-8."""

    name = "text"
    suffix = ".txt"

    def accepts(self, value: Any) -> bool:
        """Take strings."""
        return isinstance(value, str)

    def encode(self, value: Any) -> bytes:
        """Return the string's bytes."""
        return str(value).encode("utf-8", "surrogatepass")

    def decode(self, content: bytes) -> Any:
        """Return the string."""
        return content.decode("utf-8", "surrogatepass")


class HtmlText(Text):
    """A page, as UTF-8."""

    name = "html"
    suffix = ".html"
    kind: ClassVar[type[str]] = Html

    def accepts(self, value: Any) -> bool:
        """Take what says that it is one: no other string."""
        return isinstance(value, self.kind)

    def encode(self, value: Any) -> bytes:
        """Return the text's bytes.

        Raises:
            TypeError: it is no text.
        """
        if not isinstance(value, str):
            raise TypeError(f"found a {type_name(value)}, expected {self.kind.__name__} or str")
        return super().encode(value)

    def decode(self, content: bytes) -> Any:
        """Return the text as what it is."""
        return self.kind(super().decode(content))


class MarkdownText(HtmlText):
    """A report in Markdown, as UTF-8."""

    name = "markdown"
    suffix = ".md"
    kind = Markdown


class Bytes(Encoded):
    """Bytes, as they are."""

    name = "bytes"
    suffix = ".bin"

    def accepts(self, value: Any) -> bool:
        """Take bytes and bytearrays."""
        return isinstance(value, bytes | bytearray)

    def encode(self, value: Any) -> bytes:
        """Return the bytes."""
        return bytes(value)

    def decode(self, content: bytes) -> Any:
        """Return the bytes."""
        return content


class File(Format):
    """A file that a step made, given as its path; read back as the path of a copy."""

    name = "file"

    def accepts(self, value: Any) -> bool:
        """Take a path unless it is a folder's."""
        return isinstance(value, Path) and not value.is_dir()

    def write(self, value: Any, path: Path) -> Facts:
        """Copy the file, and remember its name.

        Raises:
            StoreError: there is no such file.
        """
        if not value.is_file():
            raise StoreError(f"no such file: {value}")
        shutil.copyfile(value, path)
        path.chmod(0o444)
        return {"name": value.name}

    def read(self, path: Path, facts: Facts) -> Any:
        """Return the path; the file belongs to the store and is only to be read."""
        return path


class Folder(Format):
    """A folder that a step made, given as its path; read back as the path of a copy."""

    name = "folder"

    def accepts(self, value: Any) -> bool:
        """Take a folder's path."""
        return isinstance(value, Path) and value.is_dir()

    def write(self, value: Any, path: Path) -> Facts:
        """Copy the folder with what its links point to."""
        shutil.copytree(value, path)
        return {"name": value.name}

    def read(self, path: Path, facts: Facts) -> Any:
        """Return the path; the folder belongs to the store and is only to be read."""
        return path


def is_plain(value: Any) -> bool:
    """Tell whether a value is data that JSON gives back as it was, tuples as lists."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is dict:
        keys = set(map(type, value)) <= {str}
        return keys and _each_plain(value.values())
    if kind in (list, tuple):
        return _each_plain(value)
    return _is_scalar(value)


def _each_plain(values: Any) -> bool:
    """Look at each value only when the set of their types doesn't tell."""
    return set(map(type, values)) <= _SCALARS or all(map(is_plain, values))


def _is_scalar(value: Any) -> bool:
    """Tell whether a value is a number of another library, such as numpy's, or a str subclass."""
    return isinstance(value, str | int | float) or _is_foreign_number(value)


def _is_foreign_number(value: Any) -> bool:
    names = {base.__name__ for base in type(value).__mro__}
    return bool(names & {"integer", "floating", "bool", "bool_"}) and hasattr(value, "item")


def _number(value: Any) -> Any:
    if _is_foreign_number(value):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no plain data")


FORMATS: tuple[Format, ...] = (
    HtmlText(), MarkdownText(), Text(), Json(), Bytes(), File(), Folder(),
)  # fmt: skip
"""The formats of this module, in the order in which they are asked."""
