"""Pipelines of Kedro, Airflow and Elyra, read from their sources and written as Recipes.

Sources are parsed, never imported or executed. What can't be taken over becomes a note, and where a
step needs it, a function that says what is left to write.
"""

from atlas_import.airflow import read_airflow
from atlas_import.draft import Note, PipelineDraft
from atlas_import.elyra import read_elyra
from atlas_import.kedro import read_kedro
from atlas_import.systems import SYSTEMS, read
from atlas_import.writing import ImportedPipeline, write

__all__ = [
    "SYSTEMS",
    "PipelineDraft",
    "ImportedPipeline",
    "Note",
    "read",
    "read_airflow",
    "read_elyra",
    "read_kedro",
    "write",
]
