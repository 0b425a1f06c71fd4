"""Runs: of a training or an inference, on whatever target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.lineage.graph import ALTERED, MISSING, LineageNode, Ref, short
from atlas.lineage.images import without_host
from atlas.lineage.kinds.commit import meaning_of
from atlas.lineage.kinds.image import check_code
from atlas.lineage.kinds.kind import (
    ARTIFACT,
    COMMIT,
    DATA,
    DEPLOYMENT,
    IMAGE,
    MODEL,
    PLAN,
    RUN,
    commit_of,
    related,
)
from atlas.step.provenance import READ, WRITTEN
from atlas.store.keys import RUN as RUN_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.links import RunLinks
    from atlas.lineage.sources import LineageSources
    from atlas.plan import Plan
    from atlas.store import Run


class RunKind:
    """A run; its key is ``pipeline/run``."""

    name = RUN

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a run, once its record agrees with its steps, its Plan, its images and git."""
        ref, at = Ref(RUN, key), f"{sources.store.url}/{key}"
        run, state = _bound(sources, ref)
        if run is None:
            return LineageNode(ref, key, "", {}, at, state)
        ended = sources.store.run_outcome(run.pipeline, run.id) or {}
        plan = sources.plan(run.plan)
        states = [_check_record(sources, ref, run), _check_code(sources, ref, run, plan)]
        status = str(ended.get("status") or "without an end")
        facts = _facts(sources, run, ended)
        words = (status, run.created[:19], run.user, run.target)
        return LineageNode(
            ref, key, ", ".join(filter(None, words)), facts, at, next(filter(None, states), "")
        )

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give what it was made of: deployment, model, data, other runs, Plan, images, commit."""
        links = sources.links_of(key)
        if links is not None:
            yield from _inputs_of(sources, links)
            yield from _code_of(sources, links)

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give what came of it: its model, what it delivered, its results, runs that read it."""
        links = sources.links_of(key)
        if links is None:
            return
        for name in _registered(sources, links):
            yield related(MODEL, name, "registered")
        for use in links.data:
            if use.action == WRITTEN:
                yield related(DATA, use.sha256, "wrote")
        for unit in _results(sources, links):
            yield related(ARTIFACT, f"{key}/{unit}", "made")
        for other in sources.runs_where(lambda other: key in other.upstream):
            yield related(RUN, other.key, "was read by")


def _inputs_of(sources: LineageSources, links: RunLinks) -> Iterator[RelatedRef]:
    """Give what deployed a run, the model that it used, and the data and runs that it read."""
    deployment = sources.deployment_of(links)
    if deployment is not None:
        yield related(DEPLOYMENT, deployment.key, "deployed the Plan of")
    if links.model:
        yield related(MODEL, links.model, "was used by")
    if links.challenger:
        yield related(MODEL, links.challenger, "scored as the challenger in")
    for use in links.data:
        if use.action == READ:
            yield related(DATA, use.sha256, f"was read as {use.name} by")
    yield from (related(RUN, upstream, "was read by") for upstream in links.upstream)


def _code_of(sources: LineageSources, links: RunLinks) -> Iterator[RelatedRef]:
    """Give the Plan of a run, the images that its steps ran in, and the commit of its code."""
    if links.plan:
        yield related(PLAN, links.plan, "was run as")
    for image in links.images:
        yield related(IMAGE, sources.image_key(without_host(image)), "ran steps of")
    if links.commit:
        meaning = meaning_of(links.commit, "was checked out for")
        yield related(COMMIT, commit_of(links.commit), meaning)


def _bound(sources: LineageSources, ref: Ref) -> tuple[Run | None, str]:
    """Return a run's record; None, and the state of its node, where it can't be read."""
    pipeline, _, name = ref.key.partition("/")
    where = f"{sources.store.url}/{ref.key}/{RUN_FILE}"
    try:
        if not sources.store.has_run(pipeline, name):
            return None, sources.fault(MISSING, ref, where, "no such run: it was removed")
        return sources.store.run(pipeline, name), ""
    except StoreError as error:
        return None, sources.fault(ALTERED, ref, where, str(error))


def _facts(sources: LineageSources, run: Run, ended: dict[str, Any]) -> dict[str, str]:
    outcomes = sources.outcomes(run)
    made_with = [outcome.provenance for outcome in outcomes.values() if outcome.provenance]
    versions = sorted({str(used.get("python", "")) for used in made_with} - {""})
    interval = f"{run.interval_start}..{run.interval_end}" if run.interval_start else ""
    links = sources.links_of(f"{run.pipeline}/{run.id}")
    return {
        "run": run.id,
        "pipeline": run.pipeline,
        "flow": run.flow,
        "started": run.created,
        "ended": str(ended.get("ended", "")),
        "by": run.user,
        "trigger": run.trigger,
        "target": run.target,
        "interval": interval,
        "parameters": ", ".join(f"{name}={value}" for name, value in run.parameters.items()),
        "python": ", ".join(versions),
        "page": links.page if links else "",
        "mlflow run": str(ended.get("tracked", "")),
        **(links.ids if links else {}),
    }


def _check_record(sources: LineageSources, ref: Ref, run: Run) -> str:
    """Compare a run's record with its own name, and with what its steps say that it was."""
    where = f"{sources.store.url}/{ref.key}/{RUN_FILE}"
    state = sources.compare(ref, where, f"{run.pipeline}/{run.id}", ref.key)
    if state:
        return state
    now = sources.store.run_digest(run)
    for unit, outcome in sources.outcomes(run).items():
        then = "" if outcome.cached else str(outcome.provenance.get("run", ""))
        if then not in ("", now):
            expected = f"sha256 {then}, as step {unit} has seen it"
            return sources.fault(ALTERED, ref, where, f"sha256 {now}", expected)
    return ""


def _check_code(sources: LineageSources, ref: Ref, run: Run, plan: Plan | None) -> str:
    """Compare the code of a run's Plan with its commit's, and with that of its images."""
    if plan is None or not plan.code:
        return ""
    images = [
        sources.image(sources.image_key(without_host(name))) for name in _images(sources, ref)
    ]
    for image in filter(None, images):
        state = check_code(sources, ref, image, plan.code)
        if state:
            return state
    if not run.commit or run.commit.endswith("-dirty"):
        return ""
    found = sources.code_at(run.commit, plan)
    if found in ("", plan.code):
        return ""
    where = f"commit {short(run.commit)} of {sources.folder}"
    expected = f"code {plan.code}, as the run's Plan says"
    return sources.fault(ALTERED, ref, where, f"code {found}", expected)


def _images(sources: LineageSources, ref: Ref) -> tuple[str, ...]:
    links = sources.links_of(ref.key)
    return links.images if links else ()


def _registered(sources: LineageSources, links: RunLinks) -> list[str]:
    """Return the versions that a run has registered: in MLflow, and in the store before that."""
    if not links.registered:
        return []
    model, _, _ = links.registered.rpartition("/")
    return [links.registered] if model else []


def _results(sources: LineageSources, links: RunLinks) -> list[str]:
    """Return the outputs of an inference that none of its steps reads: what it was run for."""
    plan = sources.plan(links.plan)
    if plan is None or links.flow != "inference":
        return []
    read = {(s.name, s.output) for step in plan.steps for s in step.sources() if s.kind == "step"}
    results = []
    for unit in links.outputs:
        step, *_, output = unit.split("/")
        if (step, output) not in read:
            results.append(unit)
    return results
