"""Rules about an Environment: what it overrides must be there, and its URIs must stay inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.load import nearest
from atlas.validate.data_rules import location_problems, not_tables, table_endings
from atlas.validate.flat import DocumentPath, names
from atlas.validate.schedule import schedule_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from atlas.environment import Environment
    from atlas.errors import Problem
    from atlas.load import ConfigFile
    from atlas.validate.flat import Flat

_INSIDE = ("store:", "project:")
"""Beginnings of URIs that mean a path inside of a place."""


def environment_problems(
    environment: Environment,
    place: DocumentPath,
    flats: Mapping[str, tuple[ConfigFile, Mapping[str, Flat]]],
    known: Callable[[], Iterable[str]],
) -> Iterator[Problem]:
    """Return what is wrong with an Environment.

    Args:
        environment: what it says.
        place: its document.
        flats: Config's name → the Config and its flows, of those that were checked.
        known: gives the names of all Configs of the project; slow.
    """
    yield from _data(environment, place / "data")
    yield from _notify(environment, place)
    yield from location_problems(environment, place / "data")
    yield from _tables(environment, place / "data", (file for file, _ in flats.values()))
    yield from _overrides(environment, place, set(flats), known)
    for name, flows in environment.schedules.items():
        for flow, schedule in flows.items():
            yield from _schedule(place / "schedules" / name / flow, flow, schedule, flats.get(name))
    for name, steps in environment.resources.items():
        if name in flats:
            yield from _steps(place / "resources" / name, steps, flats[name])


def _data(environment: Environment, place: DocumentPath) -> Iterator[Problem]:
    for name, where in environment.data.items():
        scheme = _scheme(where.uri)
        if _leads_out(where.uri):
            message = f"'{where.uri}' leads out of what '{scheme}' means, or nowhere"
            expected = f"{scheme}PATH, without / in front and without .."
            at = place / name / "uri"
            yield at.problem("E005", message, found=where.uri, expected=expected)
        known = environment.secrets
        if where.credential and where.credential not in known and not where.is_sql:
            message = f"the environment '{environment.name}' has no secret '{where.credential}'"
            at = place / name / "credential"
            hint = nearest(where.credential, known)
            credential, expected = where.credential, names(known)
            yield at.problem("E003", message, found=credential, expected=expected, hint=hint)


def _notify(environment: Environment, place: DocumentPath) -> Iterator[Problem]:
    """Check that the Environment knows the secrets that hold the addresses of who is notified."""
    known = environment.secrets
    written = place.document.value.get("notify", {})
    for event, told in environment.notify.items():
        for index, name in enumerate(told):
            if name not in known:
                at = place / "notify" / event
                at = at if isinstance(written.get(event), str) else at / index
                message = f"the environment '{environment.name}' has no secret '{name}'"
                hint = nearest(name, known) or f"add secrets.{name}, which holds the address"
                yield at.problem("E003", message, found=name, expected=names(known), hint=hint)


def _scheme(uri: str) -> str:
    """Return the beginning of a URI that means a path inside of a place; empty for another."""
    return next((start for start in _INSIDE if uri.startswith(start)), "")


def _leads_out(uri: str) -> bool:
    """Tell whether a URI leaves the place that it means, or names nothing in it."""
    scheme = _scheme(uri)
    path = uri.removeprefix(scheme)
    is_wrong = path.startswith("/") or ".." in path.split("/") or not path.strip("/")
    return bool(scheme) and is_wrong


def _tables(
    environment: Environment, place: DocumentPath, files: Iterable[ConfigFile]
) -> Iterator[Problem]:
    """Check that what a Config calls a table is in a format that has tables."""
    named = {name: file for file in files for name in _declared_tables(file)}
    for name, file in named.items():
        where = environment.data.get(name)
        read_as = not_tables(where) if where else ""
        if where and read_as and not _leads_out(where.uri):
            key = "format" if where.format else "uri"
            message = (
                f"the Config '{file.config.name}' calls it a table, and it would be read as "
                f"{read_as}"
            )
            expected = f"a file that ends in {table_endings()}, or a format of these"
            hint = "CSV and JSON may be compressed: .csv.gz, .csv.zip, .csv.bz2, .csv.xz, .csv.zst"
            setting = where.format or where.uri
            at = place / name / key
            yield at.problem("E006", message, found=setting, expected=expected, hint=hint)


def _declared_tables(file: ConfigFile) -> list[str]:
    """Return the data sets that a Config calls tables; what has no type may be anything."""
    value = file.document.value
    data = value.get("data") if isinstance(value, dict) else None
    pairs = data.items() if isinstance(data, dict) else ()
    return [name for name, data in pairs if isinstance(data, dict) and data.get("type") == "table"]


def _overrides(
    environment: Environment,
    place: DocumentPath,
    checked: set[str],
    known: Callable[[], Iterable[str]],
) -> Iterator[Problem]:
    """Check that the Configs are there for which something is overridden."""
    sections: Mapping[str, Iterable[str]] = {
        "schedules": environment.schedules,
        "resources": environment.resources,
        "alerts": environment.alerts,
    }
    named = [(kind, name) for kind, section in sections.items() for name in section]
    unknown = [(kind, name) for kind, name in named if name not in checked]
    configs = dict.fromkeys(known()) if unknown else {}
    for kind, name in unknown:
        if name not in configs:
            message = f"the project has no Config '{name}'"
            hint = nearest(name, configs)
            at = place / kind / name
            expected = names(configs)
            yield at.problem("E004", message, found=name, expected=expected, hint=hint)


def _schedule(
    place: DocumentPath,
    flow: str,
    schedule: Mapping[str, str] | None,
    checked: tuple[ConfigFile, Mapping[str, Flat]] | None,
) -> Iterator[Problem]:
    if schedule:
        yield from schedule_problems(place, schedule)
    if checked and flow not in checked[0].config.recipes:
        message = f"the Config '{checked[0].config.name}' has no Recipe for {flow}"
        yield place.problem("E004", message, found=flow, expected=names(checked[0].config.recipes))


def _steps(
    place: DocumentPath, steps: Iterable[str], checked: tuple[ConfigFile, Mapping[str, Flat]]
) -> Iterator[Problem]:
    file, flats = checked
    whole = len(flats) == len(file.config.recipes) and all(flat.is_whole for flat in flats.values())
    known = dict.fromkeys(name for flat in flats.values() for name in flat.steps)
    for name in steps if whole else ():
        if name not in known:
            message = f"the Config '{file.config.name}' has no step '{name}'"
            hint, expected = nearest(name, known), names(known)
            at = place / name
            yield at.problem("E004", message, found=name, expected=expected, hint=hint)
