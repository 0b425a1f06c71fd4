"""The page's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.monitor.report.content import FIRED, NEAR, WARNS
from atlas.monitor.report.words import batch, chance, moment, number, percent
from atlas.pages import xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas.monitor.drift import Measured
    from atlas.monitor.report.content import Happening, TriggerLine

MOST_ROWS, MOST_NAMES = 1000, 8
"""How many rows the table of all tests has at most, and how many new categories are named."""
_KINDS = {FIRED: "bad", WARNS: "warn", NEAR: "warn"}


def table(caption: str, headers: Sequence[str], rows: Iterable[str], kind: str = "") -> str:
    """Return a table, which scrolls by itself on a narrow screen; nothing of no rows.

    Args:
        caption: what it shows.
        headers: of its columns; of one with numbers, the header begins with ``#``.
        rows: as HTML.
        kind: ``stacked`` for a table whose rows are below each other on a narrow screen.
    """
    body = "".join(rows)
    if not body:
        return ""
    cells = "".join(
        f'<th scope="col"{_NUMBER if name[:1] == "#" else ""}>{xml(name.lstrip("#"))}</th>'
        for name in headers
    )
    styled = f' class="{kind}"' if kind else ""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{xml(caption)}">'
        f"<table{styled}><caption>{xml(caption)}</caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


_NUMBER = ' class="number"'


def _row(name: str, cells: Iterable[tuple[str, str]]) -> str:
    """Return a row: its name, and cells with their class."""
    inner = "".join(
        f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>" for text, kind in cells
    )
    return f'<tr><th scope="row">{xml(name)}</th>{inner}</tr>'


def triggers(lines: Iterable[TriggerLine]) -> str:
    """Return the triggers, with what each has found and what it has spent."""
    headers = ("trigger", "state", "#found", "#compared with", "risk spent", "why")
    caption = "What starts a retraining, and how near each is"
    return table(caption, headers, map(_trigger, lines), "stacked")


def _trigger(line: TriggerLine) -> str:
    write = percent if line.unit == "share" else number
    unit = f" {xml(line.unit)}" if line.unit not in ("", "share") else ""
    state = f'<span class="status {_KINDS.get(line.state, "good")}">{xml(line.state)}</span>'
    found, threshold = (
        "-" if value is None else f"{write(value)}{unit}" for value in (line.value, line.threshold)
    )
    cells = (
        (state, ""),
        (found, "number"),
        (threshold, "number"),
        (_spent(line), "spent" if line.budget else "none"),
        (xml(line.why), "words"),
    )
    return _row(line.name, cells)


def _spent(line: TriggerLine) -> str:
    """Return how much of a risk is spent, as a bar and in words."""
    if line.spent is None or not line.budget:
        return "-"
    share = min(line.spent / line.budget, 1.0)
    words = f"{percent(line.spent)} of {percent(line.budget)}"
    bar = (
        f'<svg class="meter" viewBox="0 0 100 8" role="img" aria-label="{percent(share)} spent">'
        f'<rect class="whole" width="100" height="8"/>'
        f'<rect class="part" width="{100 * share:.1f}" height="8"/></svg>'
    )
    return f"{bar}{words}"


def measured(of: str, every: Sequence[Measured]) -> str:
    """Return every test that one kind of table had; those of the lowest chance first."""
    headers = ("column", "test", "#batches", "#rows", "#distance", "#tolerance", "#threshold",
               "#probability", "#ranked", "result")  # fmt: skip
    shown = every[:MOST_ROWS]
    left = f"; {len(every) - len(shown):,} more are left out" if len(every) > len(shown) else ""
    caption = f"Tests of {of}, the least probable first{left}"
    rows = table(caption, headers, map(_test, shown))
    return f"<details><summary>{len(every):,} tests of {xml(of)}</summary>{rows}</details>"


def _test(one: Measured) -> str:
    numbers = (
        f"{one.window}", f"{one.rows:,}", percent(one.distance), percent(one.tolerance),
        percent(one.threshold), chance(one.chance), chance(one.adjusted),
    )  # fmt: skip
    result = ("alarm", "failed") if one.alarms else ("", "")
    cells = [(one.test, ""), *((text, "number") for text in numbers), result]
    return _row(one.feature, cells)


def unseen(columns: Mapping[str, Mapping[str, int]]) -> str:
    """Return the categories that training had none of."""
    rows = (_row(name, ((_names(values), "words"),)) for name, values in sorted(columns.items()))
    return table("Categories that training didn't have", ("column", "categories (rows)"), rows)


def _names(values: Mapping[str, int]) -> str:
    frequent = sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
    named = ", ".join(f"{xml(name)} ({rows:,})" for name, rows in frequent[:MOST_NAMES])
    more = len(frequent) - MOST_NAMES
    return f"{named} and {more} more" if more > 0 else named


def breaches(lines: Iterable[tuple[str, str]]) -> str:
    """Return what batches break of what training's data promise."""
    rows = (_row(batch(name), ((xml(words), "words"),)) for name, words in lines)
    caption = "Batches that break what the data of training promise"
    return table(caption, ("batch", "what"), rows)


def happenings(events: Iterable[Happening]) -> str:
    """Return events and retrainings."""
    rows = (
        _row(
            moment(event.time),
            (
                (xml(event.what), ""),
                (xml(event.state), ""),
                (xml(event.why), "words"),
                (f"<code>{xml(event.id)}</code>", ""),
            ),
        )
        for event in events
    )
    headers = ("time", "what", "state", "why", "event")
    return table("Events, and what became of them", headers, rows, "stacked")


def facts(pairs: Mapping[str, str]) -> str:
    """Return facts by name."""
    rows = (_row(name, ((f"<code>{xml(value)}</code>", ""),)) for name, value in pairs.items())
    return table("What was compared with", ("what", "is"), rows)
