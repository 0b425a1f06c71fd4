"""What a version was made from, beyond its run's own tags: data, images, orchestrator, git.

All of it becomes tags of the version: data to show and to check, never a place to load from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.store.orchestrated import ids_of
from atlas.tracking.record import DIRTY, outcomes_of
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.plan import Plan
    from atlas.store import Run, Store


def origin_tags(store: Store, plan: Plan, run: Run) -> dict[str, str]:
    """Return the tags that say what the version of a training run was made from.

    Args:
        store: the artifact store.
        plan: the run's Plan.
        run: the run.

    Returns:
        ``atlas.dirty``, where the commit is known; ``atlas.images``: JSON, step → image;
        ``atlas.data.NAME``: JSON with URI, stated version and the sha256 of what was read;
        ``atlas.kubeflow.run`` and the like, of a run on an orchestrator.
    """
    made_with = [
        (step, outcome.get("provenance", {})) for step, outcome in outcomes_of(store, plan, run)
    ]
    images = {step: facts["image"] for step, facts in made_with if facts.get("image")}
    digests = dict(_read_data(facts for _, facts in made_with))
    return {
        **({"atlas.dirty": str(run.commit.endswith(DIRTY)).lower()} if run.commit else {}),
        **({"atlas.images": canonical(images)} if images else {}),
        **{f"atlas.data.{name}": canonical(facts) for name, facts in _data(plan, digests)},
        **{f"atlas.{name}": identity for name, identity in ids_of(store.location, run).items()},
    }


def _data(plan: Plan, digests: Mapping[str, list[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each data set of the Plan, with the digests of what was read of it."""
    for name, dataset in plan.data.items():
        facts: dict[str, Any] = {"uri": dataset.uri, "version": dataset.version}
        if name in digests:
            facts["sha256"] = digests[name][0] if len(digests[name]) == 1 else digests[name]
        yield name, facts


def _read_data(every: Iterator[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Give each data set that steps have read, with the sha256 of all that was read of it."""
    digests: dict[str, list[str]] = {}
    for facts in every:
        for data in facts.get("data", ()):
            known = digests.setdefault(str(data.get("name", "")), [])
            if data.get("action") == "read" and data.get("sha256") not in known:
                known.append(str(data["sha256"]))
    yield from ((name, known) for name, known in digests.items() if known)
