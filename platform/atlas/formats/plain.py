"""Formats of plain values: JSON, text, bytes, and files and folders as they are."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from atlas.errors import StoreError
from atlas.formats.format import Encoded, Facts, Format, article, type_name
from atlas.template import Html, Markdown

if TYPE_CHECKING:
    from atlas.formats.format import WiderTypes
    from atlas.formats.trust import Trust


class Json(Encoded):
    """Plain data, and values of Python, NumPy and pandas that JSON doesn't have itself."""

    name = "json"
    suffix = ".json"
    proves_itself = True

    def accepts(self, value: Any) -> bool:
        """Take what comes back as it was, of its own type."""
        from atlas.formats.packing import takes

        return takes(value)

    def pack(self, value: Any, trust: Trust) -> tuple[bytes, Facts]:
        """Return compact JSON, and whether there are values in it that JSON doesn't know.

        Raises:
            StoreError: something in it can't be kept.
        """
        from atlas.formats.packing import is_plain, packed

        plain = is_plain(value)
        whole = value if plain else packed(value, trust)
        text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", "surrogatepass"), {} if plain else {"packed": True}

    def unpack(self, content: bytes, facts: Facts, trust: Trust) -> Any:
        """Parse JSON, and restore the values that JSON doesn't have itself."""
        from atlas.formats.unpacking import unpacked

        plain = json.loads(content.decode("utf-8", "surrogatepass"))
        return unpacked(plain, trust) if facts.get("packed") else plain


class Text(Encoded):
    """A string, as UTF-8."""

    name = "text"
    suffix = ".txt"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"str": ()}
    kind: ClassVar[type[str]] = str

    def accepts(self, value: Any) -> bool:
        """Take what is a string itself: an Enum or numpy's string would come back as another."""
        return type(value) is self.kind

    def encode(self, value: Any) -> bytes:
        """Return the text's bytes.

        Raises:
            TypeError: it isn't text, or of a class that would be lost.
        """
        if type(value) not in (str, self.kind):
            expected = "str" if self.kind is str else f"{self.kind.__name__} or str"
            raise TypeError(f"found {article(type_name(value))}, expected {expected}")
        return str(value).encode("utf-8", "surrogatepass")

    def decode(self, content: bytes) -> Any:
        """Return the text as what it is."""
        return self.kind(content.decode("utf-8", "surrogatepass"))

    def page(self, content: bytes) -> str:
        """Return the text itself."""
        return str(self.decode(content))


class HtmlText(Text):
    """A page, as UTF-8."""

    name = "html"
    suffix = ".html"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"atlas.template.Html": ("str",)}
    shows = "html"
    kind = Html


class MarkdownText(Text):
    """A report in Markdown, as UTF-8."""

    name = "markdown"
    suffix = ".md"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"atlas.template.Markdown": ("str",)}
    shows = "markdown"
    kind = Markdown


class Bytes(Encoded):
    """Bytes, as they are."""

    name = "bytes"
    suffix = ".bin"
    proves_itself = True
    types: ClassVar[WiderTypes] = {
        "bytes": (),
        "bytearray": ("MutableSequence",),
    }

    def accepts(self, value: Any) -> bool:
        """Take bytes and bytearrays."""
        return type(value) in (bytes, bytearray)

    def pack(self, value: Any, trust: Trust) -> tuple[bytes, Facts]:
        """Return the bytes, and whether they can change.

        Raises:
            TypeError: it isn't bytes.
        """
        if type(value) not in (bytes, bytearray):
            raise TypeError(f"found {article(type_name(value))}, expected bytes")
        return bytes(value), {"bytearray": True} if type(value) is bytearray else {}

    def unpack(self, content: bytes, facts: Facts, trust: Trust) -> Any:
        """Return the bytes."""
        return bytearray(content) if facts.get("bytearray") else content


class FileFormat(Format):
    """A file that a step made, given as its path; read back as the path of a copy."""

    name = "file"
    proves_itself = True

    @property
    def is_folder(self) -> bool:
        """A file may have no ending."""
        return False

    def accepts(self, value: Any) -> bool:
        """Take a path unless it is a folder's."""
        return isinstance(value, Path) and not value.is_dir()

    def suffix_of(self, value: Any) -> str:
        """Return the file's own ending, by which programs tell what is in it."""
        return _suffix_of(Path(value))

    def write(self, value: Any, path: Path) -> Facts:
        """Copy the file, and remember its name.

        Raises:
            StoreError: there is no such file.
        """
        if not value.is_file():
            raise StoreError(f"there is no file {value}")
        shutil.copyfile(value, path)
        path.chmod(0o444)
        return {"name": value.name}

    def read(self, path: Path, facts: Facts) -> Any:
        """Return the path; the file belongs to the store and is only to be read."""
        return path


class FolderFormat(Format):
    """A folder that a step made, given as its path; read back as the path of a copy."""

    name = "folder"
    proves_itself = True

    def accepts(self, value: Any) -> bool:
        """Take a folder's path."""
        return isinstance(value, Path) and value.is_dir()

    def suffix_of(self, value: Any) -> str:
        """Return the folder's own ending, such as ``.zarr``."""
        return _suffix_of(Path(value))

    def write(self, value: Any, path: Path) -> Facts:
        """Copy the folder with what its links point to."""
        shutil.copytree(value, path)
        return {"name": value.name}

    def read(self, path: Path, facts: Facts) -> Any:
        """Return the path; the folder belongs to the store and is only to be read."""
        return path


_SUFFIXES = re.compile(r"(\.[A-Za-z0-9][A-Za-z0-9_-]{0,15}){1,2}$")


def _suffix_of(path: Path) -> str:
    """Return the ending of a file's name, as ``.csv`` or ``.tar.gz``; none of an odd one."""
    match = _SUFFIXES.search(path.name.lstrip("."))
    return match.group() if match and len(match.group()) < len(path.name.lstrip(".")) else ""
