"""Loading Recipes, Configs and Environments, and finding the Configs under a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.config import FLOWS, Config
from atlas.environment import LOCAL, Environment, Project, find_project
from atlas.errors import DocumentError, InvalidError, Problem
from atlas.load.document import Document, JsonPath, read_document
from atlas.load.extends import merge
from atlas.load.schema import nearest, structure_problems
from atlas.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = {"node_modules", "__pycache__", "environments", "tests"}


@dataclass(frozen=True)
class RecipeFile:
    """A Recipe, and the document that it was read from."""

    recipe: Recipe
    document: Document


@dataclass(frozen=True)
class ConfigFile:
    """A Config, the document that it was read from, and the pipeline's folder."""

    config: Config
    document: Document
    folder: Path
    flows: tuple[str, ...] = FLOWS


def shown(path: Path) -> str:
    """Return a path as messages show it: from the working directory where it is under it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


@dataclass
class Loader:
    """Loads the documents of one project, each once, and gathers their Problems."""

    project: Project
    problems: list[Problem] = field(default_factory=list)
    _recipes: dict[Path, RecipeFile | None] = field(default_factory=dict)

    def config(self, file: Path) -> ConfigFile | None:
        """Load a Config; None when it is broken, with the Problems kept."""
        document = self._read(file, "config")
        if document is None:
            return None
        folder = file.parent.parent if file.parent.name == "configs" else file.parent
        return ConfigFile(Config.parse(document.value), document, folder)

    def recipe(self, file: Path, trail: tuple[Path, ...] = ()) -> RecipeFile | None:
        """Load a Recipe with what it extends; None when one of them is broken."""
        file = file.resolve()
        if file not in self._recipes:
            document = self._recipe_document(file, (*trail, file))
            parsed = RecipeFile(Recipe.parse(document.value), document) if document else None
            self._recipes[file] = parsed
        return self._recipes[file]

    def inside(self, document: Document, at: JsonPath, path: str, folder: Path) -> Path | None:
        """Return the file that a document names, if it is inside the project."""
        root = self.project.root.resolve()
        file = (folder / path).resolve()
        if file.is_relative_to(root):
            return file
        hint = f"move it under {shown(root) if root != Path.cwd() else 'the project'}"
        message = f"'{path}' is outside of the project"
        self.problems.append(document.problem("R023", at, message, found=path, hint=hint))
        return None

    def _recipe_document(self, file: Path, trail: tuple[Path, ...]) -> Document | None:
        document = self._read(file, "recipe")
        if document is None or "extends" not in document.value:
            return document
        base = self._base(document, trail)
        if base is None:
            return None
        moved = Path(os.path.relpath(base.document.path.parent, file.parent)).as_posix()
        self._check_removed(document, base.document)
        merged = merge(base.document.value, document.value, moved)
        bases = (base.document, *base.document.bases)
        return self._checked(replace(document, value=merged, bases=bases), "recipe")

    def _base(self, document: Document, trail: tuple[Path, ...]) -> RecipeFile | None:
        at = ("extends",)
        file = self.inside(document, at, document.value["extends"], document.path.parent)
        if file is None:
            return None
        if file in trail:
            names = " → ".join(shown(one) for one in (*trail[trail.index(file) :], file))
            self.problems.append(document.problem("R022", at, f"extends itself: {names}"))
            return None
        if not file.is_file():
            self.problems.append(missing_file(document, at, file, "R024", "Recipe"))
            return None
        return self.recipe(file, trail)

    def _check_removed(self, document: Document, base: Document) -> None:
        for name, step in document.value.get("steps", {}).items():
            if step is None and name not in base.value["steps"]:
                message = f"removes the step '{name}', which {base.shown} doesn't have"
                hint = nearest(name, base.value["steps"])
                at = ("steps", name)
                self.problems.append(document.problem("R035", at, message, hint=hint))

    def _read(self, file: Path, kind: str) -> Document | None:
        try:
            return self._checked(read_document(file, shown(file)), kind)
        except DocumentError as error:
            self.problems.append(error.problem)
            return None

    def _checked(self, document: Document, kind: str) -> Document | None:
        problems = structure_problems(kind, document)
        self.problems += problems
        return None if problems else document


def missing_file(document: Document, at: JsonPath, file: Path, code: str, what: str) -> Problem:
    """Return the Problem of a file that isn't there, with the nearest name beside it."""
    siblings = (one.name for one in file.parent.glob("*")) if file.parent.is_dir() else ()
    hint = nearest(file.name, siblings)
    message = f"there is no {what} {shown(file)}"
    return document.problem(code, at, message, found=file.name, hint=hint)


def load_environment(project: Project, name: str) -> Environment:
    """Load an Environment of a project by name; ``local`` needs no file.

    Raises:
        DocumentError: it isn't there or can't be read.
        InvalidError: its structure is wrong.
    """
    file = project.environment_file(name)
    if not file.is_file():
        if name == LOCAL:
            return Environment()
        known = [one.stem for one in file.parent.glob("*.json")]
        raise DocumentError(
            Problem(
                code="E001",
                message=f"there is no environment '{name[:60]}'",
                file=shown(file),
                expected=" or ".join(sorted({LOCAL, *known})),
                hint=nearest(name, known),
            )
        )
    document = read_document(file, shown(file))
    problems = structure_problems("environment", document)
    if problems:
        raise InvalidError(problems)
    return Environment.parse(name, document.value)


def load_configs(path: Path, loader: Loader) -> list[ConfigFile]:
    """Load what a PATH stands for: a Recipe, a Config, a pipeline's folder, or a folder to scan.

    Problems are kept in the loader; Configs that are broken are left out.

    Raises:
        DocumentError: there is nothing at the path.
    """
    if path.is_dir():
        files = sorted(config_files(path))
        if not files:
            message = "has no config.json and no configs/*.json under it"
            hint = "`atlas init` writes a pipeline"
            raise DocumentError(Problem(code="D008", message=message, file=shown(path), hint=hint))
        return [one for one in map(loader.config, files) if one is not None]
    document = read_document(path, shown(path))
    if is_recipe(document):
        return _configs_of_recipe(path, loader)
    found = loader.config(path)
    return [found] if found else []


def is_recipe(document: Document) -> bool:
    """Return whether a document is meant as a Recipe rather than a Config."""
    value = document.value
    marks = ("steps", "extends", "flow")
    return isinstance(value, dict) and "recipes" not in value and any(m in value for m in marks)


def config_files(folder: Path) -> Iterator[Path]:
    """Return every ``config.json`` and ``configs/*.json`` under a folder, hidden ones left out."""
    for top, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one[0] != "." and one not in _SKIPPED]
        place = Path(top)
        if place.name == "configs":
            yield from (place / name for name in names if name.endswith(".json"))
        elif "config.json" in names:
            yield place / "config.json"


def _configs_of_recipe(file: Path, loader: Loader) -> list[ConfigFile]:
    """Return the Configs beside a Recipe that name it, for its flow; else one made for it alone."""
    recipe = loader.recipe(file)
    if recipe is None:
        return []
    found = []
    for one in config_files(file.parent.resolve()):
        config = Loader(loader.project).config(one)
        flows = _flows_of(config, file.resolve()) if config else ()
        if config and flows:
            found.append(replace(config, flows=flows))
    return found or [_config_for(recipe)]


def _flows_of(config: ConfigFile, recipe: Path) -> tuple[str, ...]:
    named = config.config.recipes.items()
    return tuple(flow for flow, name in named if (config.folder / name).resolve() == recipe)


def _config_for(recipe: RecipeFile) -> ConfigFile:
    file = recipe.document.path
    flow = recipe.recipe.flow or FLOWS[0]
    config = Config(recipe.recipe.name, {flow: file.name}, open_data=True)
    return ConfigFile(config, recipe.document, file.parent, (flow,))


def loader_for(path: Path) -> Loader:
    """Return a loader for the project that a path is in."""
    return Loader(find_project(path))
