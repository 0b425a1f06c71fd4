"""The signature of a model: the columns, with their types, of the tables that it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.store import artifact_key
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.plan import Plan
    from atlas.store import Manifest, Run, Store

SIGNATURE = "atlas.signature"
"""Tag of a version: JSON, ``step.input`` → columns in their order, with Arrow's types."""
_FORMATS = ("parquet", "arrow")
_MOST_COLUMNS = 1000
_LARGEST = 64 << 20
"""Bytes of a table beyond which it isn't fetched for its schema alone."""


def signature_tags(store: Store, plan: Plan, run: Run) -> dict[str, str]:
    """Return the tag with a model's signature; nothing where it was trained on no table.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the training run.
    """
    tables = dict(_tables(store, plan, run))
    return {SIGNATURE: canonical(tables)} if tables else {}


def _tables(store: Store, plan: Plan, run: Run) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give each table that a step was given which makes a part of the model."""
    parts = plan.model.parts.values() if plan.model else ()
    makers = {output.rpartition(".")[0] for output in parts}
    for step in (plan.step(name) for name in sorted(makers)):
        for name, source in step.inputs.items():
            if source.kind != "step":
                continue
            key = artifact_key(run.pipeline, run.id, source.name, source.output, None)
            columns = _columns(store, key)
            if columns:
                yield f"{step.name}.{name}", columns


def _columns(store: Store, key: str) -> list[dict[str, str]]:
    """Return the columns of an artifact; none of what isn't a table, or can't be read here."""
    try:
        manifest = store.manifest_at(key)
        schema = _schema(store, manifest)
    except (StoreError, ImportError, OSError, ValueError):
        return []
    return schema[:_MOST_COLUMNS]


def _schema(store: Store, manifest: Manifest) -> list[dict[str, str]]:
    if manifest.format not in _FORMATS or manifest.size > _LARGEST:
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
