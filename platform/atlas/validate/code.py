"""What the code of a pipeline is: the files that a run needs, and whether all can go along."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.environment import find_project
from atlas.errors import Problem
from atlas.load import clean, is_file, leads_out, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEFT_OUT = {"__pycache__", "node_modules"}
_TESTS = "tests"
_LARGEST = 4 * 2**20
"""Bytes; a larger file is no document, but data."""
_NAMING = re.compile(rb'"(extends|recipe)"')
"""What a Recipe that names others has in it; the others needn't be parsed."""
_WORD = re.compile(rb"\btests\b")


def code_files(folder: Path) -> list[Path]:
    """Return the files of a pipeline's folder that are its code, sorted by their relative path.

    Left out are the documents that the folder's Configs consist of, whose content is in the Plan,
    at the top ``*.lock``, which images are made from, hidden files, notebooks and bytecode; folders
    called ``tests`` unless a source beside them has that word: imports it, or opens a file of it.
    Links to folders are followed where they stay in the project.
    """
    documents = _documents(folder)
    found = [
        file
        for file in _files(folder, os.path.realpath(folder), frozenset())
        if _is_code(file.name, at_top=file.parent == folder) and str(file) not in documents
    ]
    tests = [file for file in found if _TESTS in file.relative_to(folder).parts[:-1]]
    if tests and not _mentions_tests(folder, set(found) - set(tests)):
        found = [file for file in found if file not in set(tests)]
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def _mentions_tests(folder: Path, files: set[Path]) -> bool:
    """Tell whether a source has the word ``tests``."""
    return any(_WORD.search(_bytes(folder, file)) for file in files if file.suffix == ".py")


def _bytes(folder: Path, file: Path) -> bytes:
    """Return the content of a file of the project; nothing where there is none."""
    try:
        return file.read_bytes() if is_file(file) and not _is_outside(folder, file) else b""
    except (OSError, ValueError):
        return b""


def _is_outside(folder: Path, file: Path) -> bool:
    """Tell whether a file is outside of the project that a folder is in; most are in the folder."""
    if leads_out(file, folder) is None:
        return False
    return leads_out(file, find_project(folder).root) is not None


def _files(place: Path, real: str, above: frozenset[str]) -> Iterator[Path]:
    """Yield the files in a folder; a link to a folder that it is in leads nowhere."""
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.name[0] == "." or entry.name in _LEFT_OUT:
                continue
            file = place / entry.name
            if not _is_folder(entry):
                yield file
                continue
            inner = os.path.realpath(file) if entry.is_symlink() else f"{real}/{entry.name}"
            if entry.is_symlink() and (inner in {*above, real} or _leads_out(file)):
                continue
            yield from _files(file, inner, above | {real})


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder, or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _leads_out(link: Path) -> bool:
    """Tell whether a link leads out of the project that it is in."""
    return leads_out(link, find_project(link.parent).root) is not None


def _is_code(name: str, *, at_top: bool) -> bool:
    return not (name.endswith((".pyc", ".ipynb")) or (at_top and name.endswith(".lock")))


def _documents(folder: Path) -> set[str]:
    """Return the paths of a folder's Configs, and of the Recipes that they name or these do."""
    configs = folder / "configs"
    places = [folder / "config.json", *(configs.glob("*.json") if configs.is_dir() else ())]
    read = {str(file): _object(folder, file) for file in places if is_file(file)}
    named = {file: one.get("recipes") for file, one in read.items() if one is not None}
    # One that can't be read is a Config that is being written, and has no Plan.
    found = {file for file, one in read.items() if one is None or isinstance(named[file], dict)}
    pending = [folder / name for one in named.values() for name in _texts(one)]
    while pending:
        recipe = Path(os.path.normpath(pending.pop()))
        if str(recipe) not in found:
            found.add(str(recipe))
            if _NAMING.search(_bytes(folder, recipe)):
                pending += [
                    recipe.parent / name for name in _named_in(_object(folder, recipe) or {})
                ]
    return found


def _named_in(recipe: dict[str, Any]) -> list[str]:
    """Return the Recipes that a Recipe extends, and that are steps of it."""
    steps = recipe.get("steps")
    inner = steps.values() if isinstance(steps, dict) else ()
    names = [one.get("recipe") for one in inner if isinstance(one, dict)]
    return [name for name in (recipe.get("extends"), *names) if isinstance(name, str)]


def _texts(value: Any) -> list[str]:
    return (
        [one for one in value.values() if isinstance(one, str)] if isinstance(value, dict) else []
    )


def _object(folder: Path, file: Path) -> dict[str, Any] | None:
    """Return a file's JSON object; None where it has none that can be read.

    Nothing is told of it here: whoever reads the document does that.
    """
    if file.stat().st_size > _LARGEST:
        return {}
    try:
        value = json.loads(_bytes(folder, file))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else {}


def code_problems(
    folder: Path, root: Path, files: Iterable[Path] | None = None
) -> Iterator[Problem]:
    """Return which files of a pipeline's code can't be taken along to where it runs.

    Args:
        folder: the pipeline's.
        root: the project's, which no link may lead out of.
        files: the folder's `code_files`, where they are known already.
    """
    yield from _folders_astray(folder, root)
    for file in code_files(folder) if files is None else files:
        astray = leads_out(file, root) if file.is_symlink() else None
        if astray:
            yield astray
        elif reason := _reason(file, folder):
            message = f"can't be taken along as code: {reason}"
            hint = "mend or remove it, or move it out of the pipeline's folder"
            yield Problem(code="R043", message=message, file=clean(shown(file)), hint=hint)


def _folders_astray(folder: Path, root: Path) -> Iterator[Problem]:
    """Return the links to folders that lead out of the project: imports of them work here alone."""
    for top, folders, _ in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in _LEFT_OUT]
        links = (Path(top, name) for name in folders if os.path.islink(os.path.join(top, name)))
        yield from (astray for link in links if (astray := leads_out(link, root)))


def _reason(file: Path, folder: Path) -> str:
    """Return why a file can't be read as code; nothing when it can."""
    try:
        os.fsencode(file.relative_to(folder)).decode()
        if not stat.S_ISREG(file.stat().st_mode):
            return "it is no file"
        return "" if os.access(file, os.R_OK) else "permission denied"
    except UnicodeDecodeError:
        return "its name is no UTF-8"
    except OSError as error:
        broken = file.is_symlink()
        return "it is a link to nothing" if broken else (error.strerror or "").lower()
