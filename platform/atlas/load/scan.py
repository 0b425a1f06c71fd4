"""What a PATH stands for: the Configs under a folder, one Config, or a Recipe's."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.config import FLOWS, Config
from atlas.errors import DocumentError, Problem
from atlas.load.config_layers import ABSTRACT, OF_RECIPES
from atlas.load.document import Document, read_document
from atlas.load.files import ConfigFile, Loader, RecipeFile
from atlas.load.layered import DEEPEST, is_abstract, pipeline_folder
from atlas.load.paths import below, is_file, leads_out, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from atlas.environment import Project

_OF_CONFIGS = frozenset(
    (
        *("recipes", "abstract", "data", "features", "model", "schedule", "promotion"),
        *("retraining", "alerts", "matrix", "predictions", "statistics", "quality", "card"),
    )
)
"""Fields that Configs have, and no Recipe."""
_SKIPPED = {"node_modules", "__pycache__", "environments", "tests"}


def load_configs(path: Path, loader: Loader) -> list[ConfigFile]:
    """Load what a PATH stands for: a Recipe, a Config, a pipeline's folder, or a folder to scan.

    Problems are kept in the loader; Configs that are broken are left out.

    Raises:
        DocumentError: there is nothing at the path.
    """
    if os.path.isdir(path):
        files = configs_under(path, loader.project)
        meant = [file for file in files if loader.is_config(file)]
        if not meant:
            raise DocumentError(_no_config(path, loader.project, files))
        before = len(loader.problems)
        configs = [config for config in map(loader.config, meant) if config is not None]
        if not configs and len(loader.problems) == before:
            raise DocumentError(_only_bases(path, meant))
        return configs
    document = _named(path)
    if is_recipe(document):
        return _configs_of_recipe(path, loader)
    if is_abstract(document):
        message = "is only a base: other Configs extend it, and it isn't a pipeline itself"
        hint = "name a Config that extends it, or remove `abstract`"
        raise DocumentError(document.problem("C051", ("abstract",), message, hint=hint))
    config = loader.config(path)
    return [config] if config else []


def _only_bases(folder: Path, bases: Sequence[Path]) -> Problem:
    """Return the Problem of a folder whose Configs are all there to be extended."""
    message = f"has no Config but {shown(bases[0])}, which is only a base"
    hint = "write a Config that extends it"
    return Problem(code="C051", message=message, file=shown(folder), hint=hint)


def _named(path: Path) -> Document:
    """Read a document that was named; a source that was named instead says what a PATH is."""
    try:
        return read_document(path, shown(path))
    except DocumentError as error:
        if error.problem.code != "D002" or path.suffix == ".json":
            raise
        hint = "a PATH is a Recipe, a Config, or a folder of them"
        raise DocumentError(replace(error.problem, hint=hint)) from None


def configs_under(folder: Path, project: Project) -> list[Path]:
    """Return the files under a folder that may be Configs; in no project, those right in it."""
    if project.is_scanned:
        return sorted(config_files(folder), key=lambda file: file.parts)
    inner = folder / "configs"
    names = os.listdir(inner) if os.path.isdir(inner) else []
    return sorted([*_configs_in(folder, os.listdir(folder)), *_configs_in(inner, names)])


def _no_config(folder: Path, project: Project, others: Sequence[Path]) -> Problem:
    """Return the Problem of a folder without a Config; a Recipe can be named by itself."""
    alone = next(_recipes_in(folder, project.root), None)
    where = "under it" if project.is_scanned else "in it, and is in no project to be scanned"
    message = f"has no config.json and no configs/*.json {where}"
    hint = f"{command('init')} writes a pipeline"
    if others:
        message = f"has no Config {where}: {shown(others[0])} has no recipes"
    elif alone is not None:
        hint = f"write a Config that names {shown(alone)}, or name that file itself"
    return Problem(code="D008", message=message, file=shown(folder), hint=hint)


def passed_over(path: Path, files: Iterable[ConfigFile], loader: Loader) -> Iterator[Problem]:
    """Return a warning for each Recipe beside Configs that nothing of what was loaded has used.

    Args:
        path: the folder that was scanned.
        files: the Configs under it.
        loader: which has loaded them, and all that they name.
    """
    files = list(files)
    known = {os.path.abspath(file.document.path) for file in files}
    for folder in dict.fromkeys(file.folder for file in files):
        others = (document for document in _documents_in(folder) if str(document) not in known)
        for file in (document for document in others if not loader.has_loaded(document)):
            if _is_recipe_inside(file, loader.project.root):
                message = f"no Config under {shown(path)} uses this Recipe: it isn't checked"
                hint = "name it in the recipes of a Config, or check it by itself"
                yield Problem(
                    code="N005", message=message, file=shown(file), hint=hint, severity="warning"
                )


def _recipes_in(folder: Path, root: Path) -> Iterator[Path]:
    """Return the files of a folder that are meant as Recipes, and can be read."""
    return (file for file in _documents_in(folder) if _is_recipe_inside(file, root))


def _documents_in(folder: Path) -> list[Path]:
    """Return the JSON files that stand directly in a folder, hidden ones left out."""
    names = sorted(os.listdir(folder))
    return [folder / name for name in names if name.endswith(".json") and name[0] != "."]


def _is_recipe_inside(file: Path, root: Path) -> bool:
    """Tell whether a file is meant as a Recipe, and in a project's folder."""
    return not leads_out(file, root) and _is_meant(file)


def _is_meant(file: Path) -> bool:
    try:
        document = read_document(file)
    except DocumentError:
        return False
    return is_recipe(document) and "version" in document.value and "name" in document.value


def is_recipe(document: Document) -> bool:
    """Return whether a document is meant as a Recipe rather than a Config."""
    value = document.value
    if not isinstance(value, dict) or "recipes" in value or ABSTRACT in value:
        return False
    if "extends" in value and OF_RECIPES.isdisjoint(value):
        return not _extends_config(document)
    return any(mark in value for mark in ("steps", "extends", "flow"))


def _extends_config(document: Document) -> bool:
    """Tell whether a document that could be either is a Config: by its place, or by its base."""
    path, value = document.path, document.value
    for _ in range(DEEPEST):
        if path.name == "config.json" or path.parent.name == "configs":
            return True
        base = value.get("extends") if isinstance(value, dict) else None
        if isinstance(value, dict) and not _OF_CONFIGS.isdisjoint(value):
            return True
        found = below(path.parent, base) if isinstance(base, str) else None
        try:
            value = read_document(found).value if found and is_file(found) else None
        except DocumentError:
            return False
        if found is None or value is None:
            return False
        path = found
    return False


def config_files(folder: Path) -> Iterator[Path]:
    """Return every ``config.json`` and ``configs/*.json`` under a folder, hidden ones left out."""
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _SKIPPED)
        yield from _configs_in(Path(top), names)


def _configs_in(folder: Path, names: list[str]) -> Iterator[Path]:
    """Return the Configs that stand directly in a folder."""
    in_configs = Path(os.path.abspath(folder)).name == "configs"
    for name in sorted(names):
        is_config = name.endswith(".json") and name[0] != "." if in_configs else False
        if is_config or (name == "config.json" and not in_configs):
            yield folder / name


def _configs_of_recipe(file: Path, loader: Loader) -> list[ConfigFile]:
    """Return the Configs that name a Recipe, for its flow; else one made for it alone."""
    recipe = loader.recipe(file)
    if recipe is None:
        return []
    configs = [
        replace(config, flows=flows)
        for path in _configs_near(file.resolve(), loader.project.root.resolve())
        if (flows := _flows_of(path, file.resolve(), loader.project))
        and (config := loader.config(path))
    ]
    return configs or [_config_for(recipe)]


def _configs_near(file: Path, root: Path) -> Iterator[Path]:
    """Return the Configs of the folders that a Recipe is in, up to the project's."""
    for folder in file.parents:
        configs = folder / "configs"
        yield from (config for config in (folder / "config.json",) if is_file(config))
        if os.path.isdir(configs):
            yield from _configs_in(configs, os.listdir(configs))
        if folder == root:
            return


def _flows_of(config: Path, recipe: Path, project: Project) -> tuple[str, ...]:
    """Return the flows that a Config has a Recipe for; whatever else is wrong with it."""
    document = Loader(project).config_document(config, lenient=True)
    value = document.value if document and not is_abstract(document) else None
    named = value.get("recipes") if isinstance(value, dict) else None
    folder = pipeline_folder(config)
    paths = named if isinstance(named, dict) else {}
    return tuple(
        flow
        for flow in FLOWS
        if isinstance(paths.get(flow), str) and below(folder, paths[flow]) == recipe
    )


def _config_for(recipe: RecipeFile) -> ConfigFile:
    """Return a Config for a Recipe that no Config names."""
    file, flow = recipe.document.path, recipe.recipe.flow or FLOWS[0]
    config = Config(recipe.recipe.name, {flow: file.name}, open_data=True)
    is_part = bool(recipe.recipe.inputs) or not recipe.recipe.flow
    return ConfigFile(config, recipe.document, file.parent, (flow,), is_part)
