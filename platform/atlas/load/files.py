"""Loading Recipes and Configs, each once, with what they extend."""

from __future__ import annotations

import os
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.config import FLOWS, Config
from atlas.dataclass import dataclass
from atlas.environment import Project, find_project
from atlas.errors import DocumentError, Problem
from atlas.load.document import Document, is_meant_as_config, read_document
from atlas.load.extends import merge
from atlas.load.layered import ConfigLayers, endless, is_abstract, pipeline_folder
from atlas.load.paths import below, is_file, leads_out, missing_file, shown
from atlas.load.salvage import without_unknown
from atlas.load.schema import structure_problems
from atlas.load.words import nearest
from atlas.recipe import Recipe

if TYPE_CHECKING:
    from atlas.load.locate import JsonPath


@dataclass(frozen=True)
class RecipeFile:
    """A Recipe, and the document that it was read from; its path has no links."""

    recipe: Recipe
    document: Document


@dataclass(frozen=True)
class ConfigFile:
    """A Config, the document that it was read from, and the pipeline's folder.

    Attributes:
        config: the Config; made for the Recipe where a Recipe stands alone.
        document: where it was read.
        folder: the pipeline's folder.
        flows: the flows that were asked for.
        is_part: whether it is a Recipe alone that is only ever a step of others: what a Config or
            an outer Recipe would give isn't known.
    """

    config: Config
    document: Document
    folder: Path
    flows: tuple[str, ...] = FLOWS
    is_part: bool = False


@dataclass
class Loader:
    """Loads the documents of one project, each once, and gathers their Problems.

    Attributes:
        salvage: whether a document with unknown fields is returned without them, to be checked
            further; it can't be used for more.
        problems: what is wrong with the documents.
        values: absolute path of each document that was read → what it holds, as written.
        bases: the Configs that others extend, links followed.
    """

    project: Project
    salvage: bool = False
    problems: list[Problem] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    bases: set[Path] = field(default_factory=set)
    _recipes: dict[Path, RecipeFile | None] = field(default_factory=dict)

    @cached_property
    def root(self) -> Path:
        """The project's folder, links followed."""
        return self.project.root.resolve()

    def config(self, file: Path) -> ConfigFile | None:
        """Load a Config; None when it is broken, with the Problems kept."""
        document = self.config_document(file)
        if document is None or is_abstract(document):
            return None
        return ConfigFile(Config.parse(document.value), document, pipeline_folder(file))

    def config_document(self, file: Path, *, lenient: bool = False) -> Document | None:
        """Return a Config's document with all that it inherits; None when one is broken.

        Args:
            file: the Config.
            lenient: whether its structure is left unchecked.
        """
        document = self.opened(file)
        whole = ConfigLayers(self).whole(document, file) if document else None
        return whole if whole is None or lenient else self.checked(whole, "config")

    @cached_property
    def globals(self) -> Document | None:
        """What the project gives all its Configs; None without, or where it is broken."""
        file = self.project.globals_file
        if not self.project.explicit or not is_file(file):
            return None
        return self._read(file, "globals")

    def is_config(self, file: Path) -> bool:
        """Tell whether a file that a scan found is meant as a Config; a warning says where not.

        Any folder may have a `config.json`: one of a model or of another tool has no ``recipes``.
        """
        if leads_out(file, self.project.root) or is_meant_as_config(file):
            return True
        message = "isn't a Config: it has no `recipes`; it was passed over"
        hint = 'a Config names its Recipes: "recipes": {"training": "training.json"}'
        self.problems.append(
            Problem(code="N006", message=message, file=shown(file), hint=hint, severity="warning")
        )
        return False

    def recipe(self, file: Path, trail: tuple[Path, ...] = ()) -> RecipeFile | None:
        """Load a Recipe with what it extends; None when one of them is broken."""
        if file in self._recipes:
            return self._recipes[file]
        file = Path(os.path.realpath(file))
        if file not in self._recipes:
            document = self._recipe_document(file, (*trail, file))
            parsed = RecipeFile(Recipe.parse(document.value), document) if document else None
            self._recipes[file] = parsed
        return self._recipes[file]

    def has_loaded(self, file: Path) -> bool:
        """Tell whether a document was asked for: by a Config, or by another Recipe."""
        real = Path(os.path.realpath(file))
        return file in self._recipes or real in self._recipes or real in self.bases

    def inside(self, document: Document, at: JsonPath, path: str, folder: Path) -> Path | None:
        """Return the file that a document names, if it is inside the project."""
        file = below(folder, path)
        if file is not None and file.is_relative_to(self.root):
            return file
        if file is None:
            message, hint = f"'{path}' isn't a path from this file's folder", "begin with no /"
        else:
            message, hint = (
                f"'{path}' is outside of the project",
                "move it into the project's folder",
            )
        self.problems.append(document.problem("R023", at, message, found=path, hint=hint))
        return None

    def named_recipe(
        self, document: Document, at: JsonPath, path: str, folder: Path
    ) -> Path | None:
        """Return the Recipe's file that a document names, if it is there and inside."""
        file = self.inside(document, at, path, folder)
        if file is None or is_file(file):
            return file
        self.problems.append(missing_file(document, at, file, "R024", "Recipe"))
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
        return self.checked(replace(document, value=merged, bases=bases), "recipe")

    def _base(self, document: Document, trail: tuple[Path, ...]) -> RecipeFile | None:
        at = ("extends",)
        file = self.named_recipe(document, at, document.value["extends"], document.path.parent)
        if file is None:
            return None
        message = endless(file, trail, "Recipes")
        if message:
            self.problems.append(document.problem("R022", at, message))
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
        document = self.opened(file)
        return self.checked(document, kind) if document else None

    def opened(self, file: Path) -> Document | None:
        """Read a document of the project; None, with the Problem kept, where it can't be read."""
        astray = leads_out(file, self.project.root)
        if astray:
            self.problems.append(astray)
            return None
        try:
            document = read_document(file, shown(file))
        except DocumentError as error:
            self.problems.append(error.problem)
            return None
        self.values[os.path.abspath(file)] = document.value
        return document

    def checked(self, document: Document, kind: str) -> Document | None:
        """Return a document if its structure is right, its Problems kept."""
        problems = structure_problems(kind, document)
        self.problems += problems
        if not problems:
            return document
        return without_unknown(kind, document, problems) if self.salvage else None


def loader_for(path: Path) -> Loader:
    """Return a loader for the project that a path is in."""
    return Loader(find_project(path))
