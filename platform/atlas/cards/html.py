"""A model card as one HTML page that loads nothing, for a light and a dark screen."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from atlas.cards.card import TEXTS
from atlas.cards.plot import interval_bar, scale_of
from atlas.cards.words import interval, number, row_count, title
from atlas.pages import DARK, POLICY, STYLE, xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.cards.card import CardDecision, CardMetric, CardTable, ModelCard


def html(card: ModelCard) -> str:
    """Return a card as one page that loads nothing and runs no script."""
    return "\n".join((*_lines(card), ""))


def _lines(card: ModelCard) -> Iterator[str]:
    """Give the page line by line."""
    sections = [(name, content) for name, content in _sections(card) if content]
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{xml(title(card))}: model card</title>"
    yield f"<style>{STYLE}{DARK}{_own_style()}</style></head><body>"
    yield from _header(card)
    links = "".join(f'<li><a href="#{_id(name)}">{name}</a></li>' for name, _ in sections)
    yield f'<nav aria-label="Sections"><ul>{links}</ul></nav><main>'
    yield from _texts(card)
    for name, content in sections:
        yield f'<section aria-labelledby="{_id(name)}"><h2 id="{_id(name)}">{name}</h2>'
        yield f"{content}</section>"
    yield f"</main><footer><p>Model card of {xml(title(card))}, made by Atlas.</p></footer>"
    yield "</body></html>"


def _own_style() -> str:
    return files("atlas.cards").joinpath("card.css").read_text(encoding="utf-8")


def _id(name: str) -> str:
    return name.lower().replace(" ", "-")


def _header(card: ModelCard) -> Iterator[str]:
    kind = "status champion" if card.version == card.champion else "status"
    yield f"<header><h1>{xml(title(card))}</h1>"
    yield f'<p><span class="{kind}">{xml(card.status)}</span></p>'
    trained = f", trained {xml(card.trained[:19].replace('T', ' '))} UTC" if card.trained else ""
    yield f"<p>Pipeline {xml(card.pipeline)}{trained}</p>"
    if card.owners:
        yield f"<p>Owners: {xml(', '.join(card.owners))}</p>"
    yield "</header>"


def _texts(card: ModelCard) -> Iterator[str]:
    """Give what people have written; every character of it is text."""
    texts = [(heading, card.texts[name]) for name, heading in TEXTS.items() if name in card.texts]
    if texts:
        yield '<div class="texts">'
        for heading, text in texts:
            yield f"<section><h2>{heading}</h2>{_paragraphs(text)}</section>"
        yield "</div>"
    else:
        yield "<p>The Config has no card: nobody has written what the model is for.</p>"


def _paragraphs(text: str) -> str:
    parts = re.split(r"\n\s*\n", text)
    lines = ("<br>".join(map(xml, part.strip().splitlines())) for part in parts)
    return "".join(f"<p>{line}</p>" for line in lines)


def _sections(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Give the sections below the texts; an empty one is left out."""
    yield "Metrics", _metrics(card)
    yield "Decisions", _decisions(card)
    yield "Since it is deployed", _batches(card)
    yield "Data", _data(card)
    yield "Lineage", _facts("What the version was made from", card.lineage.items())
    yield "Not known", "".join(f"<p>{xml(note)}</p>" for note in card.notes)


# Metrics ----------------------------------------------------------------------------------------


def _metrics(card: ModelCard) -> str:
    if not card.metrics:
        return ""
    head = ("metric", "value", f"{card.confidence:.0%} interval", "range", "how", "rows")
    scales = {metric.name: scale_of(card.metrics, metric.name) for metric in card.metrics}
    rows = "".join(_metric(metric, scales[metric.name]) for metric in card.metrics)
    caption = "On the test set of the training run; an interval needs the rows' own values"
    return _table(caption, head, rows)


def _metric(metric: CardMetric, scale: tuple[float, float] | None) -> str:
    name = metric.slice or metric.name
    kind = ' class="slice"' if metric.slice else ""
    mark = " (promotion)" if metric.rule and not metric.slice else ""
    bounds, method = interval(metric)
    cells = (
        f'<td class="number">{number(metric.value)}</td><td class="number">{xml(bounds)}</td>'
        f'<td>{interval_bar(metric, scale)}</td><td class="method">{xml(method)}</td>'
        f'<td class="number">{row_count(metric.rows)}</td>'
    )
    return f'<tr{kind}><th scope="row">{xml(name)}{mark}</th>{cells}</tr>'


# Tables -----------------------------------------------------------------------------------------


def _decisions(card: ModelCard) -> str:
    faults = "".join(f'<p class="fault">{xml(fault)}</p>' for fault in card.faults)
    if not card.decisions:
        return faults
    rows = "".join(map(_decision, card.decisions))
    whole = "checked and whole" if not card.faults else "not whole"
    caption = f"From the hash-chained log of champions, which is {whole}"
    return faults + _table(caption, ("entry", "time", "action", "by", "reason"), rows)


def _decision(entry: CardDecision) -> str:
    time = xml(entry.time[:19].replace("T", " "))
    return (
        f'<tr><th scope="row">{entry.number}</th><td class="time">{time}</td>'
        f"<td>{xml(entry.action)}</td><td>{xml(entry.who)}</td>"
        f'<td class="words">{xml(entry.reason)}</td></tr>'
    )


def _batches(card: ModelCard) -> str:
    if not card.batches:
        return ""
    names = sorted({name for batch in card.batches for name in batch.metrics})
    rows = "".join(
        f'<tr><th scope="row">{xml(batch.time[:19].replace("T", " "))}</th>'
        f'<td class="number">{batch.labels:,} of {batch.predictions:,}</td>'
        + "".join(f'<td class="number">{number(batch.metrics.get(name))}</td>' for name in names)
        + "</tr>"
        for batch in card.batches
    )
    caption = "Batches of predictions, as far as labels have come"
    return _table(caption, ("batch", "labels", *names), rows)


def _data(card: ModelCard) -> str:
    facts = ("uri", "version", "sha256")
    rows = "".join(
        f'<tr><th scope="row">{xml(name)}</th>'
        + "".join(f"<td><code>{xml(_text(known.get(fact)))}</code></td>" for fact in facts)
        + "</tr>"
        for name, known in card.data.items()
    )
    content = _table("Data sets that the run has read", ("name", *facts), rows) if rows else ""
    sides = (("Tables that go in", card.inputs), ("Tables that come out", card.outputs))
    return content + "".join(_tables(caption, tables) for caption, tables in sides)


def _tables(caption: str, tables: Sequence[CardTable]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{xml(table.name)}</th><td class="number">{row_count(table.rows)}'
        f"</td><td>{_columns(table.columns)}</td></tr>"
        for table in tables
    )
    return _table(caption, ("table", "rows", "columns"), rows) if rows else ""


def _columns(columns: Sequence[object]) -> str:
    named = (column for column in columns if isinstance(column, dict))
    return ", ".join(
        f"{xml(str(column.get('name')))} <code>{xml(str(column.get('type')))}</code>"
        for column in named
    )


def _facts(caption: str, facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{xml(name)}</th><td><code>{xml(value)}</code></td></tr>'
        for name, value in facts
    )
    return _table(caption, ("what", "is"), rows) if rows else ""


def _table(caption: str, headers: Sequence[str], rows: str) -> str:
    numbers = ("value", "rows", "labels")
    cells = "".join(
        f'<th scope="col"{_number_class(name, numbers)}>{xml(name)}</th>' for name in headers
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{xml(caption)}">'
        f"<table><caption>{xml(caption)}</caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _number_class(name: str, numbers: Sequence[str]) -> str:
    return ' class="number"' if name in numbers or "interval" in name else ""


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "-")
