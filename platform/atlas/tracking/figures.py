"""The figures of a run, for MLflow's page of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.formats import BUILT_IN, named
from atlas.store.keys import artifact_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Store
    from atlas.store.run import Run

_MOST_FIGURES = 50
_MOST_BYTES = 32 << 20
"""Size in bytes of all figures that one run gives MLflow; the store has the rest."""


def figures_of(
    store: Store, run: Run, outcomes: Mapping[str, Mapping[str, Any]]
) -> dict[str, bytes]:
    """Return a run's figures as files: ``figures/draw.loss.png``; pages of Plotly are HTML.

    Args:
        store: where they are.
        run: the run.
        outcomes: step, or ``step.2`` for a key of it → its recorded outcome.
    """
    found: dict[str, bytes] = {}
    left = _MOST_BYTES
    for unit, outcome in outcomes.items():
        for output in outcome.get("outputs", {}):
            figure = _figure(store, run, unit, str(output), left)
            if figure is not None and len(found) < _MOST_FIGURES:
                ending, content = figure
                found[f"figures/{unit}.{output}{ending}"] = content
                left -= len(content)
    return found


def _figure(store: Store, run: Run, unit: str, output: str, most: int) -> tuple[str, bytes] | None:
    """Return the ending and the content of a figure; None of another artifact, or a large one."""
    step, _, number = unit.rpartition(".")
    index = int(number) if step and number.isdigit() else None
    key = artifact_key(run.pipeline, run.id, unit if index is None else step, output, index)
    try:
        manifest = store.manifest_at(key)
        if manifest.format not in BUILT_IN or manifest.size > most:
            return None
        form = named(manifest.format)
        if form.shows != "picture" and manifest.format != "plotly":
            return None
        return form.suffix, store.content(manifest)
    except (StoreError, OSError):
        return None
