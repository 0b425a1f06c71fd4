"""What `check` reads of a project's documents besides what it was asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import DocumentError, InvalidError
from atlas.load import config_files, leads_out, read_document, read_environment
from atlas.validate.flatten import Flattener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.environment import Project
    from atlas.load import ConfigFile, EnvironmentFile, Loader
    from atlas.validate.flat import Flat


def environment_of(loader: Loader, name: str) -> EnvironmentFile | None:
    """Return an Environment; None, with the loader's Problems, where it can't be read."""
    try:
        return read_environment(loader.project, name)
    except DocumentError as error:
        loader.problems.append(error.problem)
    except InvalidError as error:
        loader.problems += error.problems
    return None


def all_configs(project: Project) -> list[Path]:
    """Return the files of all Configs of a project; none of a folder that is none."""
    return sorted(config_files(project.root)) if project.explicit else []


def config_names(project: Project) -> list[str]:
    """Return the names of all Configs of a project that can be read, whatever else is wrong."""
    names = []
    for path in all_configs(project):
        try:
            value = None if leads_out(path, project.root) else read_document(path).value
        except DocumentError:
            continue
        if isinstance(value, dict) and value.get("abstract") is not True:
            names += [value["name"]] if isinstance(value.get("name"), str) else []
    return names


def flats_of(loader: Loader, file: ConfigFile) -> Iterator[tuple[str, Flat]]:
    """Flatten the flows of a Config; training first, for inference takes types from it."""
    flattener = Flattener(loader, file)
    for flow, path in file.config.recipes.items():
        at = ("recipes", flow)
        recipe = loader.named_recipe(file.document, at, path, file.folder)
        recipe_file = loader.recipe(recipe) if recipe else None
        if recipe_file is not None:
            yield flow, flattener.flatten(recipe_file, flow)
