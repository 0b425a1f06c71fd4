"""What a run needs to be run once more: its code, its data, and what it read of other runs."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, StoreError
from atlas.lineage.code import code_at_commit
from atlas.lineage.graph import short
from atlas.lineage.kinds.data import content_at
from atlas.lineage.links import data_of
from atlas.plan.code import code_digest
from atlas.step.provenance import READ
from atlas.store import ModelPart, add_code, code_folder
from atlas.store.code import code_key
from atlas.store.keys import MANIFEST, is_data_key
from atlas.uris import is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from atlas.lineage.links import DataUse
    from atlas.lineage.sources import LineageSources
    from atlas.reproduce.original import OriginalRun
    from atlas.store import ModelVersion, Run, Store


def put_code(sources: LineageSources, original: OriginalRun, store: Store) -> tuple[Path, str]:
    """Put a run's code into a store, and return where it is and what has to be said of it.

    That is the recorded snapshot, or else what the commit has; never the work tree.

    Raises:
        StoreError: the snapshot isn't what its name says; nothing of it is executed.
        AtlasError: it is gone, and so is the commit, or that has other code.
    """
    digest = original.plan.code
    if sources.store.location.exists(code_key(digest)):
        add_code(store, code_folder(sources.store, digest), digest)
        return code_folder(store, digest), ""
    commit = original.run.commit.removesuffix("-dirty")
    with ExitStack() as stack:
        folders = stack.enter_context(code_at_commit(sources.folder, commit, original.plan))
        same = [folder for folder in folders if code_digest(folder) == digest]
        if not same:
            raise AtlasError(_without_code(sources, original, commit, found=bool(folders)))
        add_code(store, same[0], digest)
    text = f"the snapshot of the code is gone: it was taken from commit {short(commit)}"
    return code_folder(store, digest), text


def _without_code(
    sources: LineageSources, original: OriginalRun, commit: str, *, found: bool
) -> str:
    where = f"{sources.store.url}/{code_key(original.plan.code)}"
    if not commit:
        why = "and the run has recorded no commit"
    elif found:
        why = f"and commit {short(commit)} has other code, for files weren't committed then"
    else:
        why = f"and the repository of {sources.folder} hasn't got commit {short(commit)}"
    return f"{where}: the snapshot of the code is gone, {why}; fetch the commit, or train again"


def changed_data(sources: LineageSources, original: OriginalRun) -> list[str]:
    """Return a message for each data set that isn't any more what the run has read."""
    return [text for use in data_read(original.outcomes.values()) if (text := _changed(use))]


def data_read(outcomes: Iterable[object]) -> list[DataUse]:
    """Return what a run has read, each content once."""
    uses = (use for outcome in outcomes for use in data_of(outcome))  # type: ignore[arg-type]
    return list(dict.fromkeys(use for use in uses if use.action == READ))


def _changed(use: DataUse) -> str:
    found = content_at(path_of(use.uri)) if is_file_uri(use.uri) else "-"
    if found in ("-", use.sha256):
        return ""
    has = f"has sha256 {found}" if found else "isn't there"
    return f"data.{use.name}: {use.uri} {has}; the run has read sha256 {use.sha256}"


def put_inputs(sources: LineageSources, original: OriginalRun, store: Store) -> Run:
    """Put what a run reads of the store into another one, and return the run as it is there.

    Raises:
        AtlasError: an artifact that it reads is gone, or isn't what was written.
    """
    run = original.run
    for key, pointed in run.upstream.items():
        step = key.split("/")[1]
        _copy_run(sources.store, store, pointed, step)
    for data in original.plan.data.values():
        scheme, _, path = data.uri.partition(":")
        if scheme == "store":
            _copy(sources.store, store, path.strip("/"))
    model = copied_model(sources.store, store, run.model) if run.model else None
    return replace(run, model=model, champion=None)


def _copy_run(source: Store, target: Store, pointed: str, step: str) -> None:
    """Copy a step of another run, with the run's record and its Plan."""
    pipeline, _, name = pointed.partition("/")
    if not source.has_run(pipeline, name):
        raise AtlasError(f"run {pointed}, which this run has read, was removed; train again")
    run = source.run(pipeline, name)
    target.add_plan(source.plan(run.plan))
    target.bind(run)
    for entry in source.location.entries(f"{pointed}/{step}"):
        if entry.key.endswith(f"/{MANIFEST}"):
            copy_artifact(source, target, entry.key.removesuffix(f"/{MANIFEST}"))
        elif not is_data_key(entry.key):
            target.location.write(entry.key, source.location.read(entry.key))


def copy_artifact(source: Store, target: Store, key: str) -> None:
    """Copy an artifact under its own key.

    Raises:
        StoreError: it isn't there, or isn't whole.
    """
    manifest = source.manifest_at(key)
    if not source.has(manifest):
        raise StoreError(f"{source.url}/{manifest.data}: the artifact's data is gone; train again")
    _copy(source, target, manifest.data)
    target.location.write(f"{key}/{MANIFEST}", manifest.text)


def _copy(source: Store, target: Store, key: str) -> None:
    if not source.location.exists(key):
        return
    path = source.location.local(key)
    with target.location.writing(key) as place:
        if path.is_dir():
            shutil.copytree(path, place)
        else:
            shutil.copyfile(path, place)


def copied_model(source: Store, target: Store, model: ModelVersion) -> ModelVersion:
    """Copy the parts of a model that a run reads."""
    parts: Mapping[str, ModelPart] = {
        name: replace(part, uri=f"{target.url}/{_own_key(source, target, part)}")
        for name, part in model.parts.items()
    }
    return replace(model, parts=parts)


def _own_key(source: Store, target: Store, part: ModelPart) -> str:
    key = part.uri.removeprefix(f"{source.url}/")
    if key == part.uri:
        raise StoreError(f"{part.uri}: lies in another store than {source.url}; run it there")
    copy_artifact(source, target, key)
    return key
