"""Versions of models, as MLflow and the store have registered them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import AtlasError, StoreError
from atlas.lineage.graph import ALTERED, MISSING, UNCHECKED, LineageNode, Ref
from atlas.lineage.kinds.artifact import check_content
from atlas.lineage.kinds.kind import DECISION, DEPLOYMENT, MODEL, RELEASE, RUN, related
from atlas.step.parts import check_part, located
from atlas.store.keys import MANIFEST
from atlas.tracking.registry import CHALLENGER, CHAMPION, PARTS, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources
    from atlas.tracking.registry import RegisteredVersion

COMPARED = (
    *("atlas.run", "atlas.pipeline", "atlas.commit", "atlas.digest.plan", "atlas.digest.code"),
    PARTS,
    REFERENCE,
)
"""Tags that MLflow and the store must agree on."""


class ModelKind:
    """A version of a model; its key is ``name/version``."""

    name = MODEL

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a version, once its parts, MLflow, the store and its run agree."""
        ref, at = Ref(MODEL, key), f"{sources.store.url}/models/{key}"
        model, version = split(key)
        registered = sources.version(model, version)
        if registered is None:
            where = sources.server.url if sources.server else f"{sources.store.url}/models/{model}"
            state = sources.fault(MISSING, ref, where, "no such version: it was deleted")
            return LineageNode(ref, key, "", {}, at, state)
        states = [
            _check_registries(sources, ref),
            _check_parts(sources, ref, registered),
            _check_reference(sources, ref, registered),
            _check_run(sources, ref, registered),
            _check_decisions(sources, ref),
        ]
        aliases = [a for a in (CHAMPION, CHALLENGER) if sources.alias(model, a) == version]
        metrics = [f"{name} {value:.6g}" for name, value in sorted(registered.metrics().items())]
        facts = {
            "model": model,
            "version": version,
            "digest": _digest(registered),
            "aliases": ", ".join(aliases),
            "metrics": ", ".join(metrics),
            "parts": ", ".join(registered.uris()),
            **({"reference": registered.reference} if registered.reference else {}),
        }
        summary = ", ".join([*aliases, *metrics[:3]])
        where = f"{at}" if sources.server is None else f"{sources.server.url} and {at}"
        return LineageNode(ref, key, summary, facts, where, next(filter(None, states), ""))

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give the run that registered it, and the decisions on it."""
        model, version = split(key)
        registered = sources.version(model, version)
        if registered is not None and registered.tags.get("atlas.run"):
            run = f"{registered.tags.get('atlas.pipeline', model)}/{registered.tags['atlas.run']}"
            yield related(RUN, run, "registered")
        for decision in sources.decisions(model).on(version):
            yield related(DECISION, decision.key, decision.meaning)

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the runs that used it, and the releases and deployments that have it."""
        model, version = split(key)
        for links in sources.runs_where(lambda links: links.model == key):
            yield related(RUN, links.key, "was used by")
        for links in sources.runs_where(lambda links: links.challenger == key):
            yield related(RUN, links.key, "scored as the challenger in")
        for release in sources.releases.values():
            if key in release.models:
                yield related(RELEASE, release.name, "is pinned by")
        for entry in sources.deployments():
            if entry.champions.get(model) == version:
                yield related(DEPLOYMENT, entry.key, "was the champion at")


def split(key: str) -> tuple[str, str]:
    """Return the model and the version of a key."""
    model, _, version = key.rpartition("/")
    return model, version


def _digest(registered: RegisteredVersion) -> str:
    try:
        return registered.resolved().digest
    except AtlasError:
        return ""


def _check_registries(sources: LineageSources, ref: Ref) -> str:
    """Compare the tags that MLflow has of a version with the copy in the store."""
    model, version = split(ref.key)
    served, kept = sources.served(model, version), sources.kept(model, version)
    if served is None or kept is None:
        return ""
    for tag in COMPARED:
        found, expected = served.tags.get(tag, ""), kept.tags.get(tag, "")
        if found != expected:
            where = f"tag {tag} of version {version} at {sources.server and sources.server.url}"
            expected = f"{_cut(expected)}, as {sources.store.url}/models/{ref.key} has it"
            return sources.fault(ALTERED, ref, where, _cut(found) or "nothing", expected)
    return ""


def _cut(text: str) -> str:
    return text if len(text) < 200 else f"{text[:199]}…"  # noqa: PLR2004


def _check_parts(sources: LineageSources, ref: Ref, registered: RegisteredVersion) -> str:
    """Compare the artifacts of a version with what was registered."""
    try:
        version = registered.resolved()
    except AtlasError as error:
        return sources.fault(ALTERED, ref, f"tag {PARTS}", str(error))
    for part in version.parts.values():
        try:
            store, key = located(sources.store, (), part.uri)
            manifest = store.manifest_at(key)
            check_part(part, manifest, own=True)
        except StoreError as error:
            return sources.fault(_state_of(sources, part.uri), ref, part.uri, str(error))
        state = check_content(sources, ref, manifest)
        if state:
            return state
    return ""


def _check_reference(sources: LineageSources, ref: Ref, registered: RegisteredVersion) -> str:
    """Compare what a version was trained on, in counts, with the digest in its tag."""
    if not registered.reference:
        return ""
    from atlas.monitor.references import check_reference, has_reference

    where = f"{sources.store.url}/profiles, the reference {registered.reference[:12]}…"
    try:
        if not has_reference(sources.store, registered.reference):
            is_own = any(uri.startswith(f"{sources.store.url}/") for uri in registered.uris())
            found, expected = "it isn't there", "the counts of what the version was trained on"
            return sources.fault(MISSING if is_own else UNCHECKED, ref, where, found, expected)
        check_reference(sources.store, registered.reference)
    except StoreError as error:
        return sources.fault(ALTERED, ref, where, str(error))
    return ""


def _state_of(sources: LineageSources, uri: str) -> str:
    """Return the state of a part that isn't what was registered."""
    key = uri.removeprefix(f"{sources.store.url}/")
    if key == uri:
        return UNCHECKED
    return ALTERED if sources.store.location.exists(f"{key}/{MANIFEST}") else MISSING


def _check_decisions(sources: LineageSources, ref: Ref) -> str:
    """Tell whether the log of a model's champions is whole, as far as its index tells."""
    model = split(ref.key)[0]
    where = f"{sources.store.url}/champions, the log of model {model}"
    state = ""
    for fault in sources.decisions(model).faults:
        state = sources.fault(ALTERED, ref, where, fault, "the entries as they were written")
    return state


def _check_run(sources: LineageSources, ref: Ref, registered: RegisteredVersion) -> str:
    """Compare the tags of a version with the record of the run that registered it."""
    tags = registered.tags
    links = sources.links_of(f"{tags.get('atlas.pipeline', '')}/{tags.get('atlas.run', '')}")
    if links is None:
        return ""
    for tag, found in (("atlas.digest.plan", links.plan), ("atlas.commit", links.commit)):
        expected = tags.get(tag, "")
        if found != expected:
            where = f"{sources.store.url}/{links.key}/run.json"
            text = f"{expected or 'nothing'}, as tag {tag} of version {ref.key} says"
            return sources.fault(ALTERED, Ref(RUN, links.key), where, found or "nothing", text)
    return ""
