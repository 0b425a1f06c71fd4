"""The systems that pipelines are imported from, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas_import.airflow import read_airflow
from atlas_import.elyra import read_elyra
from atlas_import.kedro import read_kedro

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from atlas_import.draft import PipelineDraft

SYSTEMS: Mapping[str, Callable[[Path], PipelineDraft]] = {
    "kedro": read_kedro,
    "airflow": read_airflow,
    "elyra": read_elyra,
}


def read(system: str, source: Path, dag: str = "") -> PipelineDraft:
    """Return a pipeline of one of the `SYSTEMS` as a draft.

    Args:
        system: its name.
        source: a project's folder, a DAG's file, a `.pipeline`.
        dag: the DAG's id, where a file has several.

    Raises:
        AtlasError: there is no such system, or the source can't be read.
    """
    if system not in SYSTEMS:
        raise AtlasError(f"can't import from '{system}'; expected one of {', '.join(SYSTEMS)}")
    if not dag:
        return SYSTEMS[system](source)
    if SYSTEMS[system] is not read_airflow:
        raise AtlasError(f"--dag: {system} has no DAGs; it goes with a DAG's file")
    return read_airflow(source, dag)
