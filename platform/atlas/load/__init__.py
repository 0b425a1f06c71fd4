"""Reading documents: strictly, from files, with the place of every value."""

from atlas.load.document import Document, dotted, parse_document, read_document
from atlas.load.files import (
    ConfigFile,
    Loader,
    RecipeFile,
    config_files,
    load_configs,
    load_environment,
    loader_for,
    missing_file,
    shown,
)
from atlas.load.schema import SCHEMAS, fits_schema, nearest, schema_text, structure_problems

__all__ = [
    "SCHEMAS",
    "ConfigFile",
    "Document",
    "Loader",
    "RecipeFile",
    "config_files",
    "dotted",
    "fits_schema",
    "load_configs",
    "load_environment",
    "loader_for",
    "missing_file",
    "nearest",
    "parse_document",
    "read_document",
    "schema_text",
    "shown",
    "structure_problems",
]
