"""Reading documents: strictly, from files, with the place of every value.

`atlas.load` is a function, too: what users call to get a stored model as a value.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from atlas.errors import clean
from atlas.load.document import Document, dotted, parse_document, read_document
from atlas.load.environments import EnvironmentFile, load_environment, read_environment
from atlas.load.files import ConfigFile, Loader, RecipeFile, loader_for
from atlas.load.layered import ValuePlace, is_abstract, origins, pipeline_folder
from atlas.load.locate import JsonPath
from atlas.load.outputs import platform_services
from atlas.load.paths import below, is_file, leads_out, missing_file, read_at_most, shown
from atlas.load.scan import config_files, configs_under, load_configs, passed_over
from atlas.load.schema import SCHEMAS, fits_schema, schema_text, structure_problems
from atlas.load.words import article, nearest, short

__all__ = [
    "SCHEMAS",
    "ConfigFile",
    "Document",
    "EnvironmentFile",
    "JsonPath",
    "Loader",
    "ValuePlace",
    "RecipeFile",
    "article",
    "below",
    "clean",
    "config_files",
    "configs_under",
    "dotted",
    "fits_schema",
    "is_abstract",
    "is_file",
    "leads_out",
    "load_configs",
    "load_environment",
    "loader_for",
    "missing_file",
    "nearest",
    "origins",
    "parse_document",
    "passed_over",
    "pipeline_folder",
    "platform_services",
    "read_at_most",
    "read_document",
    "read_environment",
    "schema_text",
    "short",
    "shown",
    "structure_problems",
]


class _Loading(ModuleType):
    """The package, which has the name of the function that loads artifacts."""

    def __call__(self, address: str, **options: Any) -> Any:
        """Return a stored model or output as a value: `atlas.artifacts.load`."""
        return import_module("atlas.artifacts").load(address, **options)


sys.modules[__name__].__class__ = _Loading
