"""A run or an artifact as text: what `atlas show` prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.artifacts.finding import Artifact, find, of_run
from atlas.dataclass import dataclass
from atlas.pages.texts import pad, visible, width
from atlas.previews import Preview, preview
from atlas.runs.history import history
from atlas.store import FolderLocation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from atlas.artifacts.opening import OpenedArtifacts

_OF_ARTIFACT = re.compile(r"models:/.+|.+/[^/]+\.[^/]+")
_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to see: for a person, and for a program.

    Attributes:
        text: for a terminal.
        facts: the same, as plain data.
    """

    text: str
    facts: Any

    def to_json(self) -> Any:
        """Return the facts."""
        return self.facts


def shown(place: OpenedArtifacts, thing: str, rows: int = 10) -> Shown:
    """Return what there is to see of a run or an artifact.

    Args:
        place: where it is looked for.
        thing: a run's id or ``pipeline/id``, ``RUN/step.output``, or a model version.
        rows: how many rows of a table.

    Raises:
        AtlasError: there is no such thing.
        StoreError: it can't be read.
    """
    if _OF_ARTIFACT.fullmatch(thing):
        found = find(place, thing)
        looks = [(one, _look(one, rows)) for one in found]
        texts = [_artifact(artifact, look) for artifact, look in looks]
        facts = [{**one.to_json(), **look.to_json()} for one, look in looks]
        return Shown("\n\n".join(texts), facts)
    return _run(place, thing)


def _look(artifact: Artifact, rows: int) -> Preview:
    return preview(artifact.store, artifact.manifest, most=rows, hides_rows=artifact.hides_rows)


def _run(place: OpenedArtifacts, thing: str) -> Shown:
    summary = history(place.store).find(thing)
    run = place.store.run(summary.pipeline, summary.run)
    artifacts = of_run(place.store, run)
    metrics = {name: summary.metrics[name] for name in sorted(summary.metrics)}
    about = [f"{summary.name}: {summary.flow}, {summary.status}"]
    about += [f"model: {run.model.name}, version {run.model.version}"] if run.model else []
    numbers = [(name, f"{value:.6g}") for name, value in metrics.items()]
    listed = [
        (one.name, one.manifest.type, one.manifest.format, _size(one.manifest.size))
        for one in artifacts
    ]
    parts = [
        "\n".join(about),
        _table(("metric", "value"), numbers),
        _table(("output", "type", "kept as", "size"), listed),
    ]
    facts = {
        "run": summary.run, "pipeline": summary.pipeline, "flow": summary.flow,
        "status": summary.status, "metrics": metrics,
        "outputs": [artifact.to_json() for artifact in artifacts],
    }  # fmt: skip
    return Shown("\n\n".join(filter(None, parts)), facts)


def _artifact(artifact: Artifact, look: Preview) -> str:
    kept = artifact.manifest
    head = f"{artifact.name}: {kept.type}, kept as {kept.format}, {_size(kept.size)}"
    lines = [visible(head), f"sha256 {kept.sha256}", _place(artifact)]
    if look.rows is not None:
        lines += [look.rows.shape, "", _table(look.rows.columns, look.rows.rows)]
    if look.text:
        text = look.text.splitlines()
        more = [f"… {len(text) - _MOST_LINES} more lines"] if len(text) > _MOST_LINES else []
        lines += ["", *(visible(line[:400]) for line in text[:_MOST_LINES]), *more]
    return "\n".join([*lines, *([f"note: {visible(look.note)}"] if look.note else [])])


def _place(artifact: Artifact) -> str:
    """Return where the file is: a path, where the store is a folder, which a browser opens."""
    location = artifact.store.location
    if isinstance(location, FolderLocation):
        return str(location.local(artifact.manifest.data))
    return f"{artifact.store.url}/{artifact.manifest.data}"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[visible(cell) for cell in row] for row in (headers, *rows)]
    if len(cells) == 1:
        return ""
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(pad, row, widths)).rstrip() for row in cells)


_STEP = 1024


def _size(amount: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if amount < _STEP:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:.1f} GiB"
