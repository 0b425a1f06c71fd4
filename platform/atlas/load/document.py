"""Reading one JSON document strictly: no duplicate key, no NaN, bounded size and depth."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import DocumentError, Problem
from atlas.load.locate import Position, locate

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 8 * 2**20
"""The largest document that is read, in bytes; a Recipe of 10,000 steps takes about 3 MB."""
MAX_DEPTH = 100
"""How deep a document may be nested."""

JsonPath = tuple[str | int, ...]


class _DuplicateKeyError(ValueError):
    """Two values for one key."""


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
            message=message,
            file=document.shown,
            path=dotted(at),
            line=position.line,
            column=position.column,
            **more,
        )

    def _position(self, at: JsonPath) -> tuple[Document, Position]:
        """Find the document that has the place, or most of it."""
        found = [(document, locate(document.text, at)) for document in (self, *self.bases)]
        return max(found, key=lambda pair: pair[1].depth)


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
        DocumentError: it can't be read, is no JSON, or exceeds `MAX_BYTES` or `MAX_DEPTH`.
    """
    shown = shown or str(path)
    text = _read_text(path, shown)
    return parse_document(text, path, shown)


def parse_document(text: str, path: Path, shown: str = "") -> Document:
    """Parse a JSON document; as `read_document`, for text that is already in memory."""
    shown = shown or str(path)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded_int,
        )
    except json.JSONDecodeError as error:
        raise DocumentError(_not_json(error, shown)) from None
    except RecursionError:
        raise _refuse("D006", shown, f"is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        code = "D003" if isinstance(error, _DuplicateKeyError) else "D004"
        raise DocumentError(_at_word(code, str(error), text, shown)) from None
    if _deeper_than(value, MAX_DEPTH):
        raise _refuse("D006", shown, f"is nested deeper than {MAX_DEPTH} levels")
    return Document(path, shown, value, text)


def _read_text(path: Path, shown: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            message = f"is larger than {MAX_BYTES // 2**20} MiB"
            raise _refuse("D005", shown, message, "data belongs in a data set, not in a document")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(
            "D007", shown, f"byte {error.start} is no UTF-8", "save it as UTF-8"
        ) from None
    except FileNotFoundError:
        raise _refuse("D001", shown, "there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refuse("D001", shown, f"can't be read: {reason.lower()}") from None


def _refuse(code: str, shown: str, message: str, hint: str = "") -> DocumentError:
    return DocumentError(Problem(code=code, message=message, file=shown, hint=hint))


def _not_json(error: json.JSONDecodeError, shown: str) -> Problem:
    message = f"is no JSON: {error.msg[:1].lower()}{error.msg[1:]}"
    hint = ""
    rest = error.doc[error.pos : error.pos + 2]
    if rest[:1] in ("}", "]") or "trailing comma" in error.msg:
        hint = "JSON has no comma after the last item"
    elif rest[:1] in ("'", "#") or rest == "//":
        hint = "JSON has double quotes only, and no comments"
    return Problem(
        code="D002", message=message, file=shown, line=error.lineno, column=error.colno, hint=hint
    )


def _at_word(code: str, message: str, text: str, shown: str) -> Problem:
    """Return a Problem at the last occurrence of what the message quotes first."""
    word = message.split("'")[1]
    at = text.rfind(json.dumps(word, ensure_ascii=False) if code == "D003" else word)
    line = text.count("\n", 0, at) + 1 if at >= 0 else 0
    column = at - text.rfind("\n", 0, at) if at >= 0 else 0
    hint = "keep one of the two" if code == "D003" else "use a finite number, or a string"
    return Problem(code=code, message=message, file=shown, line=line, column=column, hint=hint)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _DuplicateKeyError(f"the key '{twice}' stands twice in one object")
    return result


def _no_constant(word: str) -> Any:
    raise ValueError(f"'{word}' is no JSON number")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f"'{word[:40]}' is too large a number")
    return number


def _bounded_int(word: str) -> int:
    if len(word) > 300:  # noqa: PLR2004 - what a double can hold, roughly
        raise ValueError(f"'{word[:40]}' begins too large a number")
    return int(word)


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
