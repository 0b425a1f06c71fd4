"""Reading one JSON document strictly: no duplicate key, no NaN, bounded size and depth."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import DocumentError, Problem, clean
from atlas.load.locate import Index, JsonPath, Position, find_repeated_key, find_word
from atlas.load.paths import read_at_most

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG_SCHEMA = b"config.v1.json"
_EXTENDING = (b'"extends"', b'"version"', b'"name"')
_BASE = re.compile(rb'"abstract"\s*:\s*true')
MAX_BYTES = 4 * 2**20
"""The largest document that is read, in bytes; a Recipe of 10,000 steps takes about 2 MB."""
MAX_DEPTH = 100
"""How deep a document may be nested."""
_MOST_DIGITS = 300


class _DuplicateKeyError(ValueError):
    """Two values for one key."""


class _NumberError(ValueError):
    """A number that JSON or a double doesn't have; holds it as it is written."""


@dataclass(frozen=True)
class Document:
    """A document as read, and where each of its values stands.

    Attributes:
        path: the file.
        shown: the file's path as messages show it.
        value: what it holds.
        text: the file's text; empty for a document made by a program.
        bases: the documents that this one extends, nearest first.
    """

    path: Path
    shown: str
    value: Any
    text: str = field(default="", repr=False)
    bases: tuple[Document, ...] = ()

    def problem(self, code: str, at: JsonPath, message: str, **more: Any) -> Problem:
        """Return a Problem at a place of this document, or of the one it was inherited from."""
        document, position = self._position(at)
        return Problem(
            code=code,
            message=clean(message),
            file=document.shown,
            path=clean(dotted(at)),
            line=position.line,
            column=position.column,
            **{name: clean(text) for name, text in more.items()},
        )

    @cached_property
    def index(self) -> Index:
        """Where the document's values stand."""
        return Index(self.text)

    def place(self, at: JsonPath) -> tuple[str, int]:
        """Return the file and the line in which a value stands: here, or where it came from."""
        document, position = self._position(at)
        return document.shown, position.line

    def _position(self, at: JsonPath) -> tuple[Document, Position]:
        """Find the document that has the place, or most of it."""
        places = [(document, document.index.locate(at)) for document in (self, *self.bases)]
        return max(places, key=lambda pair: pair[1].depth)


def dotted(at: JsonPath) -> str:
    """Return a JSON path as messages write it: ``steps.train.after[0]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at)
    return text.removeprefix(".")


def read_document(path: Path, shown: str = "") -> Document:
    """Read a JSON document.

    Args:
        path: the file.
        shown: how messages name it; by default its path.

    Returns:
        The document; its content is not checked against a schema.

    Raises:
        DocumentError: it can't be read, isn't JSON, or exceeds `MAX_BYTES` or `MAX_DEPTH`.
    """
    shown = shown or clean(str(path))
    text = _read_text(path, shown)
    return parse_document(text, path, shown)


def is_meant_as_config(path: Path) -> bool:
    """Tell whether a JSON file is meant as a Config.

    It has ``recipes``, names the schema, extends another, or is to be extended. One that can't be
    opened counts as meant, so that whoever reads it says why.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return True
        raw = read_at_most(path, MAX_BYTES)
    except (OSError, ValueError):
        return True
    return b'"recipes"' in raw or _CONFIG_SCHEMA in raw or _extends(raw)


def _extends(raw: bytes) -> bool:
    """Tell whether a Config's text names no Recipe because it extends, or is to be extended."""
    return _BASE.search(raw) is not None or all(word in raw for word in _EXTENDING)


def parse_document(text: str, path: Path, shown: str = "") -> Document:
    """Parse a JSON document; as `read_document`, for text that is already in memory."""
    shown = shown or clean(str(path))
    try:
        value = _decoded(text)
    except json.JSONDecodeError as error:
        raise DocumentError(_not_json(error, shown)) from None
    except RecursionError:
        raise _refuse("D006", shown, f"is nested deeper than {MAX_DEPTH} levels") from None
    except _DuplicateKeyError:
        raise DocumentError(_repeated(text, shown)) from None
    except _NumberError as error:
        raise DocumentError(_no_double(str(error), text, shown)) from None
    if _may_be_deep(text) and _deeper_than(value, MAX_DEPTH):
        raise _refuse("D006", shown, f"is nested deeper than {MAX_DEPTH} levels")
    return Document(path, shown, value, text)


def _read_text(path: Path, shown: str) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refuse("D001", shown, "isn't a file")
        raw = read_at_most(path, MAX_BYTES)
        if len(raw) > MAX_BYTES:
            message = f"is larger than {MAX_BYTES // 2**20} MiB"
            raise _refuse("D005", shown, message, "data belongs in a data set, not in a document")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} isn't UTF-8"
        raise _refuse("D007", shown, message, "save it as UTF-8") from None
    except FileNotFoundError:
        raise _refuse("D001", shown, "there is no such file") from None
    except (OSError, ValueError) as error:
        raise _refuse("D001", shown, f"can't be read: {_reason(error)}") from None


def _reason(error: OSError | ValueError) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if number else "no file can have that name"


def _refuse(code: str, shown: str, message: str, hint: str = "") -> DocumentError:
    return DocumentError(Problem(code=code, message=message, file=shown, hint=hint))


def _not_json(error: json.JSONDecodeError, shown: str) -> Problem:
    message = f"isn't JSON: {error.msg[:1].lower()}{error.msg[1:]}"
    return Problem(
        code="D002",
        message=message,
        file=shown,
        line=error.lineno,
        column=error.colno,
        hint=_json_hint(error),
    )


def _json_hint(error: json.JSONDecodeError) -> str:
    """Return what is most often wrong where JSON ends early."""
    rest = error.doc[error.pos : error.pos + 2]
    before = error.doc[: error.pos].rstrip()[-1:]
    if not error.doc.strip():
        return "the file is empty"
    if "trailing comma" in error.msg.lower() or (rest[:1] in ("}", "]") and before == ","):
        return "JSON has no comma after the last item"
    if rest[:1] in ("'", "#") or rest == "//":
        return "JSON has double quotes only, and no comments"
    if "',' delimiter" in error.msg:
        return "a comma is missing before this, or a quote isn't closed"
    return ""


def _repeated(text: str, shown: str) -> Problem:
    """Return the Problem of a key that stands twice, at the second."""
    path, offset = find_repeated_key(text) or ((), 0)
    key = clean(str(path[-1]) if path else "", 60)
    return Problem(
        code="D003",
        message=f"the key '{key}' appears twice in one object",
        path=clean(dotted(path)),
        file=shown,
        hint="keep one of the two",
        **_line_of(text, offset),
    )


def _no_double(word: str, text: str, shown: str) -> Problem:
    """Return the Problem of a number that can't be kept."""
    what = "isn't a JSON number" if word.lstrip("-").isalpha() else "is too large a number"
    return Problem(
        code="D004",
        message=f"'{clean(word, 40)}' {what}",
        file=shown,
        hint="use a finite number, or a string",
        **_line_of(text, find_word(text, word)),
    )


def _line_of(text: str, offset: int) -> dict[str, Any]:
    """Return an offset's line and column, as fields of a Problem."""
    place = Index(text).position(max(offset, 0))
    return {"line": place.line, "column": place.column}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _DuplicateKeyError
    return result


def _no_number(word: str) -> Any:
    raise _NumberError(word)


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise _NumberError(word)
    return number


def _bounded_int(word: str) -> int:
    if len(word) > _MOST_DIGITS:
        raise _NumberError(word)
    return int(word)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_number,
    parse_float=_finite,
    parse_int=_bounded_int,
)


def _decoded(text: str) -> Any:
    """Return what a JSON text holds; as `json.loads`, which makes a decoder each time."""
    return json.loads(text) if text.startswith("\ufeff") else _DECODER.decode(text)


def _may_be_deep(text: str) -> bool:
    """Tell whether a text has brackets enough to be nested too deep."""
    return text.count("{") + text.count("[") > MAX_DEPTH


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict | list)]
