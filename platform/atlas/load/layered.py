"""Loading what a Config is put together of: the Configs that it extends, the project's globals."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.load.config_layers import (
    ABSTRACT,
    GLOBAL,
    OF_RECIPES,
    features_used,
    merge_configs,
    removed,
    with_globals,
    without_layers,
    without_tombstones,
)
from atlas.load.document import dotted
from atlas.load.paths import below, is_file, missing_file, shown
from atlas.load.words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.load.document import Document
    from atlas.load.files import Loader
    from atlas.load.locate import JsonPath

DEEPEST = 20
"""How many documents may extend each other in a row."""
_AT = ("extends",)


def pipeline_folder(file: Path) -> Path:
    """Return the folder of the pipeline that a Config's file is of."""
    parent = Path(os.path.abspath(file)).parent
    return parent.parent if parent.name == "configs" else parent


def endless(file: Path, trail: tuple[Path, ...], what: str) -> str:
    """Return why a document can't extend another; nothing when it can."""
    if file in trail:
        return f"extends itself: {' → '.join(map(shown, (*trail[trail.index(file) :], file)))}"
    return f"extends more than {DEEPEST} {what} in a row" if len(trail) > DEEPEST else ""


class ConfigLayers:
    """Puts Configs of one project together; what is wrong is kept in the loader."""

    def __init__(self, loader: Loader) -> None:
        """Keep the loader, which reads documents and gathers Problems."""
        self.loader = loader

    def whole(self, document: Document, file: Path) -> Document | None:
        """Return a Config as if it had been written whole; None where a base can't be had.

        Its structure isn't checked yet.
        """
        merged = self.merged(document, (Path(os.path.realpath(file)),))
        if merged is None or not isinstance(merged.value, dict):
            return merged
        if is_abstract(merged):
            return merged
        merged = self._with_globals(merged, pipeline_folder(file))
        value = without_layers(merged.value)
        value = without_tombstones(value) if "extends" in document.value else value
        return merged if value == merged.value else replace(merged, value=value)

    def merged(self, document: Document, trail: tuple[Path, ...]) -> Document | None:
        """Return a Config with what it extends; None where a base can't be had."""
        value = document.value
        if not isinstance(value, dict) or not isinstance(value.get("extends"), str):
            return document
        base = self._base(document, value["extends"], trail)
        if base is None:
            return None
        self._check_removed(document, base)
        folders = (os.path.realpath(pipeline_folder(one.path)) for one in (base, document))
        merged = merge_configs(base.value, value, *folders)
        return replace(document, value=merged, bases=(base, *base.bases))

    def _base(self, document: Document, path: str, trail: tuple[Path, ...]) -> Document | None:
        """Return the Config that another extends, with what that extends."""
        problems = self.loader.problems
        file = self._file(document, path, trail)
        base = self.loader.opened(file) if file else None
        if file is None or base is None:
            return None
        if not isinstance(base.value, dict):
            return self.loader.checked(base, "config")
        if "recipes" not in base.value and not OF_RECIPES.isdisjoint(base.value):
            message = f"{base.shown} is a Recipe; a Config extends a Config"
            problems.append(document.problem("C050", _AT, message, found=path))
            return None
        return self.merged(base, (*trail, file))

    def _file(self, document: Document, path: str, trail: tuple[Path, ...]) -> Path | None:
        """Return the file that a Config extends, if it may."""
        file = self.loader.inside(document, _AT, path, document.path.parent)
        if file is None:
            return None
        message = endless(file, trail, "Configs")
        if not is_file(file):
            self.loader.problems.append(missing_file(document, _AT, file, "C050", "Config"))
        elif message:
            self.loader.problems.append(document.problem("C048", _AT, message))
        else:
            self.loader.bases.add(file)
            return file
        return None

    def _check_removed(self, document: Document, base: Document) -> None:
        for at, known in removed(base.value, document.value):
            if self._is_global(at):
                continue
            message = f"null removes '{at[-1]}', which {base.shown} doesn't have"
            hint = nearest(str(at[-1]), known if isinstance(known, dict) else ())
            self.loader.problems.append(document.problem("C049", at, message, hint=hint))

    def _is_global(self, at: JsonPath) -> bool:
        """Tell whether a place is a parameter or a feature that the project's globals have."""
        given = self.loader.globals
        if given is None or len(at) != 2 or at[0] not in GLOBAL:  # noqa: PLR2004
            return False
        return at[1] in given.value.get(at[0], {})

    def _with_globals(self, document: Document, folder: Path) -> Document:
        """Return a Config over the globals that its Recipes use, if the project has any."""
        given = self.loader.globals
        if given is None:
            return document
        used: dict[str, set[str]] = {"parameters": set(), "features": set()}
        used["features"].update(features_used(document.value.get("steps")))
        for recipe, is_outer in self._recipes(document.value.get("recipes"), folder):
            used["features"].update(features_used(recipe))
            if is_outer and isinstance(recipe.get("parameters"), dict):
                used["parameters"].update(recipe["parameters"])
        names = {section: frozenset(found) for section, found in used.items()}
        value = with_globals(document.value, given.value, names)
        if value == document.value:
            return document
        return replace(document, value=value, bases=(*document.bases, given))

    def _recipes(self, named: Any, folder: Path) -> Iterator[tuple[dict[str, Any], bool]]:
        """Yield what a Config's Recipes hold and those that they inline, and whether it is outer.

        What is wrong with them is said when the Config's flows are read.
        """
        texts = named.values() if isinstance(named, dict) else ()
        pending = [(folder, path, True) for path in texts if isinstance(path, str)]
        seen = set()
        while pending:
            where, path, is_outer = pending.pop()
            file = below(where, path)
            if (
                file is None
                or (file, is_outer) in seen
                or not file.is_relative_to(self.loader.root)
            ):
                continue
            seen.add((file, is_outer))
            is_there = is_file(file) and file.is_relative_to(self.loader.root)
            found = self.loader.recipe(file) if is_there else None
            if found is None:
                continue
            yield found.document.value, is_outer
            steps = found.recipe.steps.values()
            pending += [(file.parent, step.recipe, False) for step in steps if step.recipe]


def is_abstract(document: Document) -> bool:
    """Tell whether a Config is only ever extended."""
    return isinstance(document.value, dict) and document.value.get(ABSTRACT) is True


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """A value of a document, and where it stands.

    Attributes:
        path: its JSON path, as messages write it.
        value: it; a list counts as one value.
        file: the document that has it: this one, one that it extends, or the globals.
        line: 1-based.
    """

    path: str
    value: Any
    file: str
    line: int


def origins(document: Document) -> list[ValuePlace]:
    """Return every value of a document, those that it inherits among them, in its order."""
    return [
        ValuePlace(dotted(at), value, *document.place(at))
        for at, value in _values(document.value, ())
    ]


def _values(value: Any, at: JsonPath) -> Iterator[tuple[JsonPath, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _values(item, (*at, key))
    else:
        yield at, value
