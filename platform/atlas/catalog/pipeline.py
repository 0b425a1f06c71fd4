"""The page of one pipeline in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.advice import mention
from atlas.catalog.front import status_kind
from atlas.catalog.parts import (
    BAD,
    GOOD,
    NONE,
    address,
    code,
    moment,
    number,
    page,
    pill,
    row,
    section,
    table,
)
from atlas.catalog.plot import over_time
from atlas.draw import of_plans
from atlas.draw.as_svg import svg
from atlas.pages import xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.catalog.entries import CatalogEntry, CatalogModel, CatalogTrigger, CatalogVersion
    from atlas.plan import Plan

_METRICS = 6
"""The most metrics of versions that are columns."""
_LOUD = ("fires", "fired", "warns")


def pipeline_page(entry: CatalogEntry) -> str:
    """Return the page of a pipeline."""
    return page(f"{entry.name}: pipeline", _content(entry))


def _content(entry: CatalogEntry) -> Iterator[str]:
    sections = [(name, content) for name, content in _sections(entry) if content]
    yield '<nav aria-label="Catalogue"><a href="../index.html">All pipelines</a></nav>'
    yield from _header(entry)
    listed = (f'<li><a href="#{_id(name)}">{name}</a></li>' for name, _ in sections)
    yield f'<nav aria-label="Sections"><ul class="links">{"".join(listed)}</ul></nav>'
    yield '<main id="main">'
    yield from (f'<p class="fault">{xml(note)}</p>' for note in entry.notes)
    yield from (section(name, content) for name, content in sections)
    yield f"</main><footer><p>{xml(entry.name)}, in the catalogue that Atlas made.</p></footer>"


def _id(name: str) -> str:
    return name.lower().replace(" ", "-")


def _header(entry: CatalogEntry) -> Iterator[str]:
    pipeline = entry.pipeline
    yield f"<header><h1>{xml(entry.name)}</h1>"
    if pipeline.description:
        yield f"<p>{xml(pipeline.description)}</p>"
    if pipeline.axes:
        values = ", ".join(f"{axis} {value}" for axis, value in pipeline.axes.items())
        yield f"<p>Member of the family {xml(pipeline.config)}: {xml(values)}.</p>"
    if entry.owners:
        yield f"<p>Owners: {xml(', '.join(entry.owners))}.</p>"
    if entry.links:
        yield f'<ul class="links" aria-label="Pages of services">{_links(entry)}</ul>'
    yield "</header>"


def _links(entry: CatalogEntry) -> str:
    """Return links to services; only addresses of the web are any."""
    return "".join(
        f'<li><a href="{xml(link.url)}" rel="noreferrer noopener">{xml(link.name)}</a></li>'
        for link in entry.links
        if link.url.startswith(("http://", "https://"))
    )


def _sections(entry: CatalogEntry) -> Iterator[tuple[str, str]]:
    """Give the sections; one without content is left out."""
    yield "Graph", _graph(entry)
    yield "Deployments", _deployments(entry)
    yield "Model", _model(entry.model) if entry.model else ""
    yield "Last runs", _runs(entry)
    yield "Retraining", _triggers(entry)
    yield "Lineage", _lineage(entry)


def _graph(entry: CatalogEntry) -> str:
    plans = [*entry.pipeline.plans.values()]
    drawing = svg(of_plans(plans), titled=False)
    rows = (
        row(
            f"{plan.flow} {xml(step.name)}",
            code(step.cls),
            xml(", ".join(step.upstream()) or NONE),
        )
        for plan in plans
        for step in plan.steps
    )
    shown = f'<div class="graph" tabindex="0" role="group" aria-label="Graph">{drawing}</div>'
    details = table("The steps of each flow", ("step", "class", "after"), rows)
    return f"{shown}<details><summary>The same as a table</summary>{details}</details>"


def _deployments(entry: CatalogEntry) -> str:
    rows = (
        row(
            xml(name),
            pill("deployed", GOOD) if one.record else pill("destroyed"),
            code(one.release),
            moment(one.at),
            xml(one.by or NONE),
            code(one.commit[:12]),
            str(one.number),
        )
        for name, one in sorted(entry.deployments.items())
    )
    headers = ("environment", "state", "release", "at", "by", "commit", "number")
    found = table("The last deployment in each Environment", headers, rows)
    return found or "<p>It isn't deployed anywhere that is known here.</p>"


# Model ------------------------------------------------------------------------------------------


def _model(model: CatalogModel) -> str:
    champion = f"version {model.champion}" if model.champion else "none"
    intro = f"<p>Model {code(model.name)}, champion: {xml(champion)}.</p>"
    names = _metric_names(model)
    rows = (_version(version, model, names) for version in model.versions)
    headers = ("version", "trained", *names, "commit", "run")
    plot = over_time(model) if model.metric else ""
    return intro + plot + table("Versions, the newest first", headers, rows)


def _metric_names(model: CatalogModel) -> list[str]:
    """Return the metrics to show: that of the promotion first."""
    found = dict.fromkeys(name for version in model.versions for name in version.metrics)
    names = sorted(found, key=lambda name: (name != model.metric, name))
    return names[:_METRICS]


def _version(version: CatalogVersion, model: CatalogModel, names: Sequence[str]) -> str:
    is_champion = version.version == model.champion
    mark = f" {pill('champion', GOOD)}" if is_champion else ""
    values = [version.metrics.get(name) for name in names]
    return row(
        f"{xml(version.version)}{mark}",
        moment(version.created),
        *(number(value) if value is not None else NONE for value in values),
        code(version.commit[:12]),
        code(version.run),
    )


# Runs and retraining ----------------------------------------------------------------------------


def _runs(entry: CatalogEntry) -> str:
    rows = (
        row(
            f'<a href="{xml(run.page)}" rel="noreferrer noopener">{xml(run.run)}</a>'
            if run.page.startswith(("http://", "https://"))
            else xml(run.run),
            xml(run.flow),
            pill(run.status, status_kind(run.status)),
            moment(run.started),
            f"{run.seconds:,.0f} s",
            xml(run.trigger or NONE),
            xml(run.registered or run.model or NONE),
        )
        for run in entry.runs
    )
    headers = ("run", "flow", "status", "began", "took", "by", "model")
    return table("The newest runs", headers, rows)


def _triggers(entry: CatalogEntry) -> str:
    if not entry.triggers:
        text = f"Its triggers were never looked at, which {mention('monitor')} does."
        return f"<p>{text}</p>" if entry.pipeline.retraining else ""
    rows = (
        row(
            xml(one.name),
            pill(one.state, BAD if one.state in _LOUD else ""),
            _budget(one),
            xml(one.why),
        )
        for one in entry.triggers
    )
    found = table("Triggers", ("trigger", "state", "risk of a false alarm, spent", "why"), rows)
    return f"<p>Last looked at {moment(entry.checked)} UTC.</p>{found}"


def _budget(trigger: CatalogTrigger) -> str:
    if not trigger.budget:
        return NONE
    share = min(1.0, max(0.0, trigger.spent / trigger.budget))
    much = ' class="much"' if share > 0.8 else ""  # noqa: PLR2004
    return (
        f'<svg class="spent" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect{much} width="{share * 100:.1f}" height="8"/></svg> '
        f'<span class="nowrap">{share:.0%} of {trigger.budget:g}</span>'
    )


# Lineage ----------------------------------------------------------------------------------------


def _lineage(entry: CatalogEntry) -> str:
    pipelines = (
        row(word, _pipelines(names))
        for word, names in (("reads", entry.reads), ("is read by", entry.read_by))
        if names
    )
    plans = entry.pipeline.plans.values()
    data = (
        row(xml(name), xml(flow), code(uri), code(_digest(entry, name)))
        for name, flow, uri in dict.fromkeys(
            (name, plan.flow, _uri(plan, name)) for plan in plans for name in plan.data
        )
    )
    headers = ("data", "flow", "where", "digest of what the champion was trained on")
    others = table("Other pipelines", ("relation", "pipelines"), pipelines)
    return others + table("Data", headers, data)


def _pipelines(names: Sequence[str]) -> str:
    links = (f'<a href="../{address(name)}">{xml(name)}</a>' for name in names)
    return ", ".join(links)


def _uri(plan: Plan, name: str) -> str:
    """Return where a data set is, without a user or a password in it."""
    uri = plan.data[name].uri
    scheme, mark, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def _digest(entry: CatalogEntry, name: str) -> str:
    model = entry.model
    versions = model.versions if model else ()
    found = next((one for one in versions if model and one.version == model.champion), None)
    return found.data.get(name, "")[:16] if found else ""
