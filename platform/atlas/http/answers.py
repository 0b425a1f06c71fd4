"""What a service answers: its status, its content, and the shape of its JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from atlas.errors import MalformedError, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")
_SHOWN = 100
_NO_CONTENT = 204
_OF_PAGES = {"next_page_token", "total_size"}
_KINDS: dict[type, str] = {
    dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number",
    float: "a number", type(None): "null",
}  # fmt: skip


class Answer(NamedTuple):
    """An answer.

    Attributes:
        status: such as 200.
        content: its bytes.
        headers: by name in lower case.
        url: what was asked.
    """

    status: int
    content: bytes
    headers: Mapping[str, str]
    url: str = ""

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> dict[str, Any]:
        """Return the JSON object that it is; status 204, of no content, is an empty one.

        Raises:
            MalformedError: it is something else.
        """
        where = f"{self.url.partition('?')[0]}: status {self.status}"
        if self.status == _NO_CONTENT:
            return {}
        try:
            body = json.loads(self.content)
        except (ValueError, RecursionError):
            found = f"no JSON: {excerpt(self.content)}"
            raise MalformedError(f"{where}: found {found}; expected a JSON object") from None
        return pick(body, "", dict, where)


def pick(value: Any, path: str, kind: type[T], where: str) -> T:
    """Return what stands at a dotted path of JSON, if it is of a kind.

    Args:
        value: the JSON.
        path: such as ``run.info.run_id``; empty for all of it.
        kind: the type that is expected; ``float`` takes whole numbers too.
        where: what was asked, for the message.

    Raises:
        MalformedError: it is missing, or of another type.
    """
    member = value
    for key in path.split(".") if path else ():
        member = member.get(key) if isinstance(member, dict) else None
    is_bool = isinstance(member, bool)
    if kind is float and isinstance(member, int) and not is_bool:
        return float(member)  # type: ignore[return-value]
    if isinstance(member, kind) and (kind is bool or not is_bool):
        return member
    at = f"{path}: " if path else ""
    what = "nothing" if member is None and path else _KINDS.get(type(member), "something else")
    expected = "a JSON object" if not path and kind is dict else _KINDS[kind]
    raise MalformedError(f"{where}: {at}found {what}; expected {expected}")


def optional(value: Any, path: str, default: T, where: str) -> T:
    """Return what stands at a dotted path of JSON; the default where nothing or null does.

    Raises:
        MalformedError: it is of another type than the default.
    """
    member = value
    for key in path.split("."):
        member = member.get(key) if isinstance(member, dict) else None
    return default if member is None else pick(member, "", type(default), f"{where}: {path}")


def objects(value: Mapping[str, Any], key: str, where: str, *texts: str) -> list[dict[str, Any]]:
    """Return the objects of a list.

    Args:
        value: the JSON object that has it.
        key: under which.
        where: what was asked, for messages.
        texts: keys of each object, under which there has to be a text.

    Raises:
        MalformedError: it is something else.
    """
    inner = f"{where}: {key}"
    entries = [pick(entry, "", dict, inner) for entry in pick(value, key, list, where)]
    for entry, text in ((entry, text) for entry in entries for text in texts):
        pick(entry, text, str, inner)
    return entries


def listed(page: Mapping[str, Any], key: str, where: str, *texts: str) -> list[dict[str, Any]]:
    """Return the objects of a list that a service leaves out when it is empty (as protobuf does).

    Raises:
        MalformedError: it is something else, or there is something else in its place.
    """
    if page.get(key) is None and not set(page) - {key} - _OF_PAGES:
        return []
    return objects(page, key, where, *texts)


def pages(
    fetch: Callable[[Mapping[str, Any]], Mapping[str, Any] | None],
    key: str,
    where: str,
    *texts: str,
) -> Iterator[dict[str, Any]]:
    """Return the items of a list that comes in pages, each of which names the next by a token.

    Args:
        fetch: asks for a page; given ``page_token`` for all but the first; None where nothing is.
        key: of the items in a page.
        where: what is asked, for messages.
        texts: keys of each item, under which there has to be a text.

    Raises:
        MalformedError: a page is something else, or the pages have no end.
    """
    token, seen = "", {""}
    while True:
        page = fetch({"page_token": token} if token else {})
        if page is None:
            return
        yield from listed(page, key, where, *texts)
        token = page.get("next_page_token") or ""
        if not token:
            return
        if not isinstance(token, str) or token in seen:
            raise MalformedError(f"{where}: its pages have no end: one names itself as the next")
        seen.add(token)


def offset_pages(
    fetch: Callable[[int], Mapping[str, Any]], key: str, where: str, *texts: str
) -> Iterator[dict[str, Any]]:
    """Return the items of a list that comes in pages, each of which says how many there are.

    Args:
        fetch: asks for the page that begins with an item, numbered from 0.
        key: of the items in a page; their number is under ``total_entries``.
        where: what is asked, for messages.
        texts: keys of each item, under which there has to be a text.

    Raises:
        MalformedError: a page is something else.
    """
    seen, total = 0, 1
    while seen < total:
        page = fetch(seen)
        items = objects(page, key, where, *texts)
        yield from items
        seen += len(items)
        total = pick(page, "total_entries", int, where) if items else seen


def excerpt(content: bytes) -> str:
    """Return the start of an answer that isn't what was expected, fit for a message."""
    text = content[: 16 * _SHOWN].decode("utf-8", "replace").strip()
    title = re.search(r"<title[^>]*>\s*([^<]{1,200}?)\s*</title>", text, re.IGNORECASE)
    if title or text[:1] == "<":
        return f"a page '{clean(title[1], _SHOWN)}'" if title else "a page"
    return repr(clean(text, _SHOWN)) if text else "nothing"
