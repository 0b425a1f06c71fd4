"""A model card in Markdown, as forges and MLflow show it; what people wrote stays plain text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.cards.card import TEXTS
from atlas.cards.words import interval, number, row_count, title
from atlas.pages.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.cards.card import ModelCard

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~&])")


def markdown(card: ModelCard) -> str:
    """Return a card as Markdown, with no HTML in it."""
    return "\n".join((*_lines(card), ""))


def escaped(text: str) -> str:
    """Return a text on one line, in which nothing is Markdown or HTML."""
    return _MARKUP.sub(r"\\\1", visible(text))


def _lines(card: ModelCard) -> Iterator[str]:
    yield f"# {escaped(title(card))}"
    yield f"\nStatus: {escaped(card.status)}."
    for name, heading in TEXTS.items():
        if name in card.texts:
            yield f"\n## {heading}\n\n{_paragraphs(card.texts[name])}"
    if card.owners:
        yield "\n## Owners\n"
        yield from (f"- {escaped(owner)}" for owner in card.owners)
    yield from _metrics(card)
    yield from _decisions(card)
    yield from _batches(card)
    yield from _data(card)
    yield from _section("Lineage", ("what", "value"), card.lineage.items())
    yield from _list("Not known", card.notes)


def _paragraphs(text: str) -> str:
    """Return a text's paragraphs, which are apart by an empty line, as Markdown's."""
    parts = re.split(r"\n\s*\n", text)
    return "\n\n".join("  \n".join(map(escaped, part.strip().splitlines())) for part in parts)


def _metrics(card: ModelCard) -> Iterator[str]:
    rows = (
        (metric.name, metric.slice or "all", number(metric.value), *interval(metric),
         row_count(metric.rows))
        for metric in card.metrics
    )  # fmt: skip
    headers = ("metric", "slice", "value", f"{card.confidence:.0%} interval", "method", "rows")
    yield from _section("Metrics", headers, rows)


def _decisions(card: ModelCard) -> Iterator[str]:
    rows = (
        (str(entry.number), entry.time, entry.action, entry.who, entry.reason or "-")
        for entry in card.decisions
    )
    yield from _section("Decisions", ("entry", "time", "action", "by", "reason"), rows)
    yield from _list("Faults of the log", card.faults)


def _batches(card: ModelCard) -> Iterator[str]:
    names = sorted({name for batch in card.batches for name in batch.metrics})
    rows = (
        (batch.time, f"{batch.labels:,} of {batch.predictions:,}",
         *(number(batch.metrics.get(name)) for name in names))
        for batch in card.batches
    )  # fmt: skip
    yield from _section("Since it is deployed", ("batch", "labels", *names), rows)


def _data(card: ModelCard) -> Iterator[str]:
    facts = ("uri", "version", "sha256")
    rows = (
        (name, *(_text(known.get(fact)) for fact in facts)) for name, known in card.data.items()
    )
    yield from _section("Data", ("name", *facts), rows)
    for heading, tables in (("Inputs", card.inputs), ("Outputs", card.outputs)):
        columns = (
            (table.name, row_count(table.rows),
             ", ".join(f"{column.get('name')}: {column.get('type')}" for column in table.columns))
            for table in tables
        )  # fmt: skip
        yield from _section(heading, ("table", "rows", "columns"), columns)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "-")


def _section(heading: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Give a table below its heading; nothing of an empty one."""
    cells = [[escaped(cell) for cell in row] for row in rows]
    if cells:
        yield f"\n## {heading}\n"
        yield f"| {' | '.join(map(escaped, headers))} |"
        yield f"|{' --- |' * len(headers)}"
        yield from (f"| {' | '.join(row)} |" for row in cells)


def _list(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"\n## {heading}\n"
        yield from (f"- {escaped(line)}" for line in lines)
