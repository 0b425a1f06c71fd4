"""The signature of a model: columns and types of the tables that go in and come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.models.findings import champions
from atlas.store import FolderLocation, artifact_key
from atlas.tracking.limits import MODEL_TAG
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.plan import Plan, PlanStep
    from atlas.store import Manifest, Run, Store

SIGNATURE = "atlas.signature"
"""Tag of a version: JSON with ``inputs`` and ``outputs``: ``step.name`` → columns in their order,
with Arrow's types. Inputs are tables that the steps were given which make or read a part of the
model, outputs are those that these steps made."""
_FORMATS = ("parquet", "arrow")
_MOST_COLUMNS = 1000
_LARGEST = 64 << 20
"""Bytes of a table beyond which it isn't fetched from another machine for its schema alone."""

Columns = list[dict[str, str]]


def signature_tags(store: Store, plan: Plan, run: Run) -> dict[str, str]:
    """Return the tag with a model's signature; nothing where no table goes in or comes out.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the training run.
    """
    steps = _steps(plan)
    inputs = dict(_tables(store, run, ((f"{s.name}.{n}", o) for s in steps for n, o in _read(s))))
    outputs = dict(
        _tables(store, run, (_made(s, n) for s in steps for n in _outputs(store, run, s)))
    )
    signature = {"inputs": inputs, "outputs": outputs}
    text = canonical(signature)
    return {SIGNATURE: text} if (inputs or outputs) and len(text) <= MODEL_TAG else {}


def _steps(plan: Plan) -> list[PlanStep]:
    """Return the steps that make a part of the model, or are given one."""
    parts = {*plan.model.parts.values()} if plan.model else set()
    makers = {output.rpartition(".")[0] for output in parts}
    return [
        step
        for step in plan.steps
        if step.foreach is None
        and (step.name in makers or parts & {f"{s.name}.{s.output}" for s in step.inputs.values()})
    ]


def _read(step: PlanStep) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give a step's inputs of other steps: name → step and output."""
    for name, source in step.inputs.items():
        if source.kind == "step":
            yield name, (source.name, source.output)


def _outputs(store: Store, run: Run, step: PlanStep) -> list[str]:
    """Return the outputs that a step has made for its own model."""
    outcome = store.outcome(run.pipeline, run.id, step.name) or {}
    made = outcome.get("outputs", {})
    return [name for name in made if not name.startswith(champions(""))]


def _made(step: PlanStep, output: str) -> tuple[str, tuple[str, str]]:
    return f"{step.name}.{output}", (step.name, output)


def _tables(
    store: Store, run: Run, artifacts: Iterator[tuple[str, tuple[str, str]]]
) -> Iterator[tuple[str, Columns]]:
    """Give the columns of each artifact that is a table."""
    for name, (step, output) in artifacts:
        columns = columns_of(store, artifact_key(run.pipeline, run.id, step, output, None))
        if columns:
            yield name, columns


def columns_of(store: Store, key: str) -> Columns:
    """Return name and type of each column of an artifact.

    There are none of what isn't a table, or can't be read here.
    """
    try:
        manifest = store.manifest_at(key)
        schema = _schema(store, manifest)
    except (StoreError, ImportError, OSError, ValueError):
        return []
    return schema[:_MOST_COLUMNS]


def _schema(store: Store, manifest: Manifest) -> Columns:
    is_near = isinstance(store.location, FolderLocation) or manifest.size <= _LARGEST
    if manifest.format not in _FORMATS or not is_near:
        return []
    path = store.location.local(manifest.data)
    if manifest.format == "parquet":
        from pyarrow.parquet import read_schema

        schema = read_schema(path)
    else:
        from pyarrow.ipc import open_file

        with open_file(path) as file:
            schema = file.schema
    return [{"name": str(field.name), "type": str(field.type)} for field in schema]
