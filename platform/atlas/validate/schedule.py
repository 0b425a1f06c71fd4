"""Rules about schedules: cron fields, time zones, starts."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from atlas.errors import Problem
    from atlas.validate.flat import DocumentPath

_FIELDS = (
    ("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12),
    ("day of the week", 0, 7),
)  # fmt: skip
_MONTHS = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
    "day of the week": {name: number for number, name in enumerate(_DAYS)},
}
_NICKNAMES = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_ON_DAYS = ("day of the month", "day of the week")
"""Fields of which either is enough, where both say something."""
_SATURDAY, _SUNDAY = 6, 7
_COUNTS = {59: 60, 23: 24}
"""Last value of a field → how many it has, where these aren't the same."""
_SHORTEST = 3
"""How many values in a row, or in steps, are written as such."""
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_ITEM = re.compile(r"(\*|([0-9]{1,2}|[A-Za-z]{3})(?:-([0-9]{1,2}|[A-Za-z]{3}))?)(?:/([0-9]{1,2}))?")


def schedule_problems(place: DocumentPath, schedule: Mapping[str, Any]) -> Iterator[Problem]:
    """Return what is wrong with a schedule that has the right structure."""
    yield from _cron_problems(place / "cron", schedule["cron"])
    zone = schedule.get("timezone", "UTC")
    if not zone_exists(zone):
        message = f"there is no time zone '{zone}'"
        expected = "an IANA name such as Europe/Berlin"
        yield (place / "timezone").problem("C006", message, found=zone, expected=expected)
    start = schedule.get("start")
    if start is not None and not _is_time(start):
        message = f"'{start}' isn't a date or time"
        expected = "a date such as 2026-01-31, or 2026-01-31T06:00"
        yield (place / "start").problem("C006", message, found=start, expected=expected)


def _cron_problems(place: DocumentPath, cron: str) -> Iterator[Problem]:
    fields = [(text, limits, cron_values(text, *limits)) for text, limits in _fields(cron)]
    for text, (name, low, high), values in fields:
        if not values:
            message = f"'{text}' isn't a valid {name}"
            expected = f"*, {low} to {high}, or ranges, lists and steps of them"
            yield place.problem("C006", message, found=text, expected=expected)
    days, months, weekday = fields[2][2], fields[3][2], fields[4][0]
    longest = max((_LONGEST_MONTHS.get(month, 31) for month in months), default=31)
    if weekday == "*" and min(days, default=1) > longest:
        message = "that day never comes: none of these months is so long"
        yield place.problem("C006", message, found=cron, expected=f"a day up to {longest}")


def cron_line(cron: str) -> str:
    """Return the normal form of a cron line, which every scheduler reads alike.

    Names and nicknames are numbers in it, and Sunday is 0. A range of one, a list that has a ``*``,
    or steps of a day mean one thing to one scheduler and another to the next, so none is in it. It
    says ``*`` for a day that isn't restricted; of two that are, one is enough.

    Args:
        cron: five fields that are right, or a nickname such as ``@daily``.
    """
    texts = {name: text for text, (name, *_) in _fields(cron)}
    return " ".join(
        "*" if _is_open(texts, name, values, high) else _normal(values, name, low, high)
        for (_, (name, low, high)), values in zip(_fields(cron), cron_fields(cron), strict=True)
    )


def _is_open(texts: Mapping[str, str], name: str, values: set[int], high: int) -> bool:
    """Tell whether a field restricts nothing.

    Days that are all named restrict something if the other field of days does, as Airflow reads it.
    """
    if "*" in texts[name].split(","):
        return True
    others = [text for other, text in texts.items() if other in _ON_DAYS and other != name]
    is_alone = name not in _ON_DAYS or "*" in others[0]
    return is_alone and len(values) == _COUNTS.get(high, high)


def _normal(values: set[int], name: str, low: int, high: int) -> str:
    """Return the normal form of a field that restricts something."""
    on_days = name in _ON_DAYS
    ordered = sorted(values)
    step = ordered[1] - ordered[0] if len(ordered) >= _SHORTEST else 0
    if step > 1 and not on_days and ordered == list(range(low, high + 1, step)):
        return f"*/{step}"
    return ",".join(_runs(ordered))


def _runs(ordered: list[int]) -> Iterator[str]:
    """Yield numbers, and those that follow each other as ranges."""
    for _, group in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        if len(run) >= _SHORTEST:
            yield f"{run[0]}-{run[-1]}"
        else:
            yield from map(str, run)


def cron_lists(cron: str) -> str:
    """Return a cron line that says the same with numbers and lists alone, and 0 for Sunday.

    Args:
        cron: five fields that are right, or a nickname.
    """
    return " ".join(
        text if text == "*" else ",".join(map(str, sorted(values)))
        for text, values in zip(cron_line(cron).split(), cron_fields(cron), strict=True)
    )


def cron_fields(cron: str) -> list[set[int]]:
    """Return what the fields of a cron line match, with 0 for Sunday.

    Args:
        cron: five fields that are right, or a nickname.
    """
    *fields, weekdays = (cron_values(text, *limits) for text, limits in _fields(cron))
    return [*fields, {day % 7 for day in weekdays}]


def comes_on(cron: str, fields: Sequence[set[int]], day: date) -> bool:
    """Tell whether a cron line comes on a day; of two restrictions on days, one is enough.

    Args:
        cron: the line.
        fields: what `cron_fields` gives of it.
        day: the day.
    """
    _, _, days, months, weekdays = fields
    is_day, is_weekday = day.day in days, day.isoweekday() % 7 in weekdays
    both = "*" in cron_line(cron).split()[2::2]
    return day.month in months and (is_day and is_weekday if both else is_day or is_weekday)


def _fields(cron: str) -> list[tuple[str, tuple[str, int, int]]]:
    """Return the fields of a cron line, each with its name and its bounds."""
    return list(zip(_NICKNAMES.get(cron, cron).split(), _FIELDS, strict=True))


def cron_values(text: str, name: str, low: int, high: int) -> set[int]:
    """Return what one field of a cron line matches; nothing when it isn't such a field."""
    matched: set[int] = set()
    for item in text.split(","):
        values = _item_values(item, _NAMES.get(name, {}), low, high)
        if not values:
            return set()
        matched |= values
    return matched


def _item_values(item: str, known: Mapping[str, int], low: int, high: int) -> set[int]:
    match = _ITEM.fullmatch(item)
    if match is None:
        return set()
    step = int(match[4] or 1)
    # Both 0 and 7 are Sunday: a step without an end ends on Saturday.
    end = _SATURDAY if high == _SUNDAY else high
    if match[1] == "*":
        first, last = low, end
    else:
        first = _number(match[2], known)
        last = _number(match[3], known) if match[3] else (max(first, end) if match[4] else first)
    if step == 0 or not low <= first <= last <= high:
        return set()
    return set(range(first, last + 1, step))


def _number(word: str, known: Mapping[str, int]) -> int:
    return int(word) if word.isdecimal() else known.get(word.lower(), -1)


def zone_exists(name: str) -> bool:
    """Tell whether this machine's time zone database has a name; UTC needs none."""
    from zoneinfo import ZoneInfo

    if name == "UTC":
        return True
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
