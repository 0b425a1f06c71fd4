"""The front page of the catalogue: every pipeline in a table that is searched as one types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.catalog.entries import counted
from atlas.catalog.parts import BAD, GOOD, NONE, address, moment, page, pill
from atlas.pages import xml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.catalog.entries import Catalog, CatalogEntry

STATES = {
    "deployed": "deployed", "not-deployed": "not deployed", "failed": "last run failed",
    "fired": "a trigger has fired", "no-champion": "no champion",
}  # fmt: skip
_HEADERS = ("Pipeline", "Family", "Owners", "Deployed in", "Champion", "Last run", "Triggers")
_WIDE = {"Family", "Owners"}


def front_page(catalog: Catalog) -> str:
    """Return the front page."""
    title = f"{catalog.project}: pipelines" if catalog.project else "Pipelines"
    return page(title, _content(catalog, title), scripted=True)


def _content(catalog: Catalog, title: str) -> Iterator[str]:
    count = counted(catalog)
    yield f"<header><h1>{xml(title)}</h1>"
    yield f"<p>{count}, as they were at {moment(catalog.made)} UTC.</p></header>"
    yield '<main id="main">'
    yield from (f'<p class="fault">{xml(note)}</p>' for note in catalog.notes)
    options = "".join(f'<option value="{key}">{words}</option>' for key, words in STATES.items())
    yield '<div class="search" role="search" hidden><div>'
    yield '<label for="search">Search by name, family, owner, text</label>'
    yield '<input id="search" type="search" autocomplete="off"></div>'
    yield '<div><label for="state">Which</label><select id="state"><option value="">all</option>'
    yield f'{options}</select></div><output id="count" for="search state">'
    yield f"{len(catalog.entries):,} of {count}</output></div>"
    yield '<div class="scroll list" tabindex="0" role="group" aria-label="Pipelines">'
    yield '<table id="pipelines"><caption>Every pipeline, by name</caption><thead><tr>'
    yield "".join(f'<th scope="col"{_wide(name)}>{name}</th>' for name in _HEADERS)
    yield "</tr></thead><tbody>"
    yield from map(_row, catalog.entries)
    yield "</tbody></table></div></main><footer><p>Made by Atlas.</p></footer>"


def _wide(name: str) -> str:
    return ' class="wide"' if name in _WIDE else ""


def _row(entry: CatalogEntry) -> str:
    pipeline = entry.pipeline
    about = f'<span class="about">{xml(pipeline.description)}</span>'
    name = f'<a href="{address(entry.name)}">{xml(entry.name)}</a>'
    family = xml(pipeline.config) if pipeline.axes else NONE
    owners = xml(", ".join(entry.owners)) or NONE
    return (
        f'<tr data-state="{" ".join(_states(entry))}"><th scope="row">{name}{about}</th>'
        f'<td class="wide">{family}</td><td class="wide">{owners}</td>'
        f"<td>{_environments(entry)}</td><td>{_champion(entry)}</td><td>{_run(entry)}</td>"
        f"<td>{_triggers(entry)}</td></tr>"
    )


def _states(entry: CatalogEntry) -> Iterator[str]:
    """Give what the page is filtered by."""
    yield "deployed" if entry.environments else "not-deployed"
    if entry.runs and entry.runs[0].status not in ("done", "running"):
        yield "failed"
    if any(trigger.state in ("fires", "fired") for trigger in entry.triggers):
        yield "fired"
    if entry.model is None or not entry.model.champion:
        yield "no-champion"


def _environments(entry: CatalogEntry) -> str:
    found = sorted(entry.environments.items())
    return " ".join(pill(f"{name} {one.release}".strip()) for name, one in found) or NONE


def _champion(entry: CatalogEntry) -> str:
    model = entry.model
    if model is None or not model.champion:
        return NONE
    version = next((one for one in model.versions if one.version == model.champion), None)
    value = version.metrics.get(model.metric) if version else None
    about = f"{model.metric} {value:,.4g}" if value is not None else ""
    return f'{xml(model.champion)}<span class="about nowrap">{xml(about)}</span>'


def _run(entry: CatalogEntry) -> str:
    if not entry.runs:
        return NONE
    run = entry.runs[0]
    return f"{pill(run.status, status_kind(run.status))} {moment(run.started)}"


def status_kind(status: str) -> str:
    """Return the colour of a run's status."""
    return {"done": GOOD, "failed": BAD, "killed": BAD}.get(status, "")


def _triggers(entry: CatalogEntry) -> str:
    loud = [one for one in entry.triggers if one.state != "quiet"]
    pills = " ".join(pill(f"{one.name} {one.state}", BAD) for one in loud)
    return pills or ("quiet" if entry.triggers else NONE)
