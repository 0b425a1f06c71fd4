"""What a person may ask the lineage of, and which node it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, StoreError
from atlas.lineage.graph import ALTERED, Ref
from atlas.lineage.images import without_host
from atlas.lineage.kinds import kind as kinds
from atlas.lineage.kinds.data import content_at
from atlas.lineage.links import SHORT
from atlas.lineage.releases import PREFIX, full_commit
from atlas.load.words import nearest
from atlas.step.binding import run_id
from atlas.store import FolderLocation
from atlas.store.keys import is_artifact_key, is_data_key
from atlas.store.manifest import path_digest
from atlas.uris import is_file_uri, path_of, uri_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.lineage.links import RunLinks
    from atlas.lineage.sources import LineageSources

_MODEL = re.compile(r"models:/(?P<name>[^/@.][^/@]*)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")
_HEX = re.compile(r"[0-9a-f]{7,64}")
EXPECTED = (
    "a model version (models:/NAME/3, NAME/3 or NAME@champion), a file of predictions or of data, "
    "the id of a run, of a DAG run or of a Kubeflow run, an image, a release, or a git commit"
)


def resolve_thing(sources: LineageSources, thing: str) -> list[Ref]:
    """Return the nodes that a person means; mostly one.

    Args:
        sources: where they are looked for.
        thing: a model version, file, run, image, release, commit or digest.

    Raises:
        AtlasError: there is nothing of that name, or a run's id is that of several.
    """
    for find in _FINDERS:
        refs = find(sources, thing)
        if refs:
            return list(dict.fromkeys(refs))
    known = [*(links.key for links in sources.links), *sources.releases]
    hint = nearest(thing, known)
    text = f"nothing here is '{thing[:200]}'{f' ({hint})' if hint else ''}"
    raise AtlasError(f"{text}; expected {EXPECTED}")


def _file(sources: LineageSources, thing: str) -> list[Ref]:
    """Find a file, or a copy of it anywhere, by its content; else by where it is."""
    path = path_of(thing) if thing.startswith("file:") else Path(thing)
    try:
        if not path.exists():
            return []
    except OSError:
        return []
    return _of_path(sources, path.resolve(), thing) if path.is_file() or "/" in thing else []


def _of_path(sources: LineageSources, path: Path, thing: str) -> list[Ref]:
    own = _own_key(sources, path)
    if own:
        return [Ref(kinds.ARTIFACT, own)]
    sha256 = path_digest(path)[0] if path.is_dir() else content_at(path)
    content = content_at(path) if path.is_dir() else sha256
    refs = [*_artifacts(sources, sha256), *_data(sources, content)]
    return refs or _delivered(sources, path, content) or _unknown_file(sources, path, sha256, thing)


def _own_key(sources: LineageSources, path: Path) -> str:
    """Return the artifact's key of a path in the store itself; empty for another path."""
    location = sources.store.location
    if not isinstance(location, FolderLocation):
        return ""
    root = Path(location.root).resolve()
    key = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    folder = key.rpartition("/")[0]
    if is_data_key(key):
        return folder
    return key if is_artifact_key(key) and location.exists(f"{key}/manifest.json") else ""


def _artifacts(sources: LineageSources, sha256: str) -> list[Ref]:
    """Return the artifacts of a content; those that took it from the cache lead to the first."""
    keys = [
        f"{links.key}/{unit}"
        for links in sources.links
        for unit, start in links.outputs.items()
        if start == sha256[:SHORT]
    ]
    return [Ref(kinds.ARTIFACT, key) for key in keys if _has_digest(sources, key, sha256)]


def _has_digest(sources: LineageSources, key: str, sha256: str) -> bool:
    try:
        return sources.store.manifest_at(key).sha256 == sha256
    except StoreError:
        return True  # The index knows of it; what became of it is shown there.


def _data(sources: LineageSources, sha256: str) -> list[Ref]:
    known = any(use.sha256 == sha256 for links in sources.links for use in links.data)
    return [Ref(kinds.DATA, sha256)] if known and sha256 else []


def _delivered(sources: LineageSources, path: Path, sha256: str) -> list[Ref]:
    """Find what was delivered to a path, though it isn't what is there now: it was altered."""
    for links in sorted(sources.links, key=lambda links: links.created, reverse=True):
        for use in links.data:
            if use.action == "written" and _is_at(use.uri, path):
                ref = Ref(kinds.DATA, use.sha256)
                expected = f"sha256 {use.sha256}, as run {links.key} has delivered it"
                sources.fault(ALTERED, ref, uri_of(path), f"sha256 {sha256}", expected)
                return [ref]
    return []


def _is_at(uri: str, path: Path) -> bool:
    """Tell whether a path is that of a URI, or in its folder."""
    if not is_file_uri(uri):
        return False
    place = path_of(uri).resolve()
    return place == path or (uri.endswith("/") and path.is_relative_to(place))


def _unknown_file(sources: LineageSources, path: Path, sha256: str, thing: str) -> list[Ref]:
    """Go by the rows of a table that nobody has written so: they may say which run they are of."""
    from atlas.lineage.rows import COLUMNS, runs_in

    plans = filter(None, map(sources.plan, {links.plan for links in sources.links}))
    named = {str(plan.predictions["run"]) for plan in plans if "run" in plan.predictions}
    columns = (*sorted(named), *COLUMNS)
    runs = [run for name in runs_in(path, columns) for run in _matching(sources, _is_run(name))]
    for links in runs:
        found = f"sha256 {sha256}, of which no run has made an artifact"
        ref = Ref(kinds.RUN, links.key)
        sources.fault(ALTERED, ref, uri_of(path), found, "a file as the run has made it")
    if runs:
        return [Ref(kinds.RUN, links.key) for links in runs]
    raise AtlasError(
        f"{thing}: no run of {sources.store.url} has made or read this file: its sha256 is "
        f"{sha256}, and none of its columns names a run; expected a file as a run has written it, "
        "or the store that the run used (--env, ATLAS_STORE)"
    )


def _model(sources: LineageSources, thing: str) -> list[Ref]:
    match = _MODEL.fullmatch(thing if thing.startswith("models:") else f"models:/{thing}")
    if match is None:
        return []
    name, version, alias = match["name"], match["version"], match["alias"]
    registered = sources.version(name, alias or version)
    if registered is not None:
        return [Ref(kinds.MODEL, f"{name}/{registered.version}")]
    known = any(f"{name}/{version}" in (links.model, links.registered) for links in sources.links)
    if known or thing.startswith("models:"):
        return [Ref(kinds.MODEL, f"{name}/{version}")] if known else _no_model(sources, name, thing)
    return []


def _no_model(sources: LineageSources, name: str, thing: str) -> list[Ref]:
    hint = nearest(name, sources.registry.models())
    raise AtlasError(f"{thing}: there is no such model version{f' ({hint})' if hint else ''}")


def _run(sources: LineageSources, thing: str) -> list[Ref]:
    """Find a run by its id, by that of its DAG run or of its Kubeflow run, or by its page."""
    runs = _matching(sources, _is_run(thing))
    if len(runs) > 1:
        names = ", ".join(links.key for links in runs[:5])
        more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""  # noqa: PLR2004
        raise AtlasError(f"several runs have the id {thing}; expected one of {names}{more}")
    return [Ref(kinds.RUN, links.key) for links in runs]


def _matching(sources: LineageSources, matches: Callable[[RunLinks], bool]) -> list[RunLinks]:
    return list(sources.runs_where(matches))


def _is_run(thing: str) -> Callable[[RunLinks], bool]:
    """Return what tells whether a run is meant: by ``run``, ``pipeline/run`` or ``dag/run``."""
    head, _, tail = thing.rpartition("/")

    def matches(links: RunLinks) -> bool:
        if not thing:
            return False
        ids = {links.run, links.key}
        if thing in ids or thing in (*links.ids.values(), *links.page.split("/")):
            return True
        dag = f"{links.pipeline}-{links.flow}"
        own = head in ("", links.pipeline, dag) and bool(tail)
        return own and (tail == links.run or run_id(links.flow, tail) == links.run)

    return matches


def _release(sources: LineageSources, thing: str) -> list[Ref]:
    name = thing if thing.startswith(PREFIX) else f"{PREFIX}{thing}"
    return [Ref(kinds.RELEASE, name)] if name in sources.releases else []


def _image(sources: LineageSources, thing: str) -> list[Ref]:
    """Find an image by its reference, with or without a host, or by its digest or tag alone."""
    reference = without_host(thing)
    for image in sources.images:
        digest = image.digest.removeprefix("sha256:")
        names = {image.name, image.tagged, image.digest, digest, image.tag} - {""}
        if reference in names:
            return [Ref(kinds.IMAGE, image.name)]
    used = any(reference == without_host(name) for links in sources.links for name in links.images)
    return [Ref(kinds.IMAGE, reference)] if used else []


def _deployment(sources: LineageSources, thing: str) -> list[Ref]:
    return [Ref(kinds.DEPLOYMENT, thing)] if "#" in thing and sources.entry(thing) else []


def _digest(sources: LineageSources, thing: str) -> list[Ref]:
    """Find a Plan, a snapshot of code, data or an artifact by its digest."""
    if not re.fullmatch("[0-9a-f]{64}", thing):
        return []
    location = sources.store.location
    found = [Ref(kinds.PLAN, thing)] if location.exists(f"plans/{thing}.json") else []
    found += [Ref(kinds.CODE, thing)] if location.exists(f"code/{thing}") else []
    return [*found, *_data(sources, thing), *_artifacts(sources, thing)]


def _commit(sources: LineageSources, thing: str) -> list[Ref]:
    """Find a commit by its id or the beginning of it, in git or in what runs have recorded."""
    text = thing.removesuffix("-dirty").lower()
    commit = full_commit(sources.folder, text)
    if commit:
        return [Ref(kinds.COMMIT, commit)]
    if not _HEX.fullmatch(text):
        return []
    recorded = {
        kinds.commit_of(links.commit) for links in sources.links if links.commit.startswith(text)
    }
    return [Ref(kinds.COMMIT, commit) for commit in sorted(recorded)]


_FINDERS = (_release, _deployment, _file, _model, _run, _image, _digest, _commit)
