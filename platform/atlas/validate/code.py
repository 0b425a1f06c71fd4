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
from atlas.load import clean, is_file, leads_out, pipeline_folder, shown
from atlas.validate.confidential import looks_like

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LEFT_OUT = {"__pycache__", "node_modules"}
_TESTS = "tests"
_LARGEST = 4 * 2**20
"""Bytes; a larger file is data, not a document."""
_NAMING = re.compile(rb'"(extends|recipe)"')
"""What a Recipe that names others has in it; the others needn't be parsed."""
_WORD = re.compile(rb"\btests\b")


def code_files(folder: Path, values: Mapping[str, Any] | None = None) -> list[Path]:
    """Return the files of a pipeline's folder that are its code, sorted by their relative path.

    Left out are the documents that the folder's Configs consist of, whose content is in the Plan,
    at the top ``*.lock``, which images are made from, hidden files, notebooks and bytecode; folders
    called ``tests`` unless a source beside them has that word: imports it, or opens a file of it.
    Links to folders are followed where they stay in the project.

    Args:
        folder: the pipeline's.
        values: absolute path → value of documents that have been read already.
    """
    documents = _documents(folder, values or {})
    start = str(folder / "_")[:-1]
    names = [
        name
        for name in _names(start, "", (start,))
        if _is_code(name) and start + name not in documents
    ]
    tests = {name for name in names if _TESTS in name.split(os.sep)[:-1]}
    if tests and not _mentions_tests(folder, (name for name in names if name not in tests)):
        names = [name for name in names if name not in tests]
    return [folder / name for name in sorted(names)]


def _mentions_tests(folder: Path, names: Iterable[str]) -> bool:
    """Tell whether a source has the word ``tests``."""
    sources = (folder / name for name in names if name.endswith(".py"))
    return any(_WORD.search(_bytes(folder, file)) for file in sources)


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


def _names(start: str, inside: str, trail: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of the files in a folder; a link to a folder that it is in leads nowhere.

    Args:
        start: the outermost folder, with a separator behind it.
        inside: the folder to look through, as seen from there; likewise.
        trail: the folders that lead to this one, and it.
    """
    with os.scandir(start + inside or os.curdir) as entries:
        for entry in entries:
            if entry.name[0] == "." or entry.name in _LEFT_OUT:
                continue
            name = inside + entry.name
            if not _is_folder(entry):
                yield name
            elif not entry.is_symlink() or not _leads_nowhere(start + name, trail):
                yield from _names(start, name + os.sep, (*trail, start + name))


def _leads_nowhere(link: str, trail: Iterable[str]) -> bool:
    """Tell whether a link is to a folder that it is in, or leads out of its project."""
    real = os.path.realpath(link)
    return any(os.path.realpath(folder) == real for folder in trail) or _leads_out(Path(link))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder, or a link to one; a link to itself isn't."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _leads_out(link: Path) -> bool:
    """Tell whether a link leads out of the project that it is in."""
    return leads_out(link, find_project(link.parent).root) is not None


def _is_code(name: str) -> bool:
    at_top = os.sep not in name
    return not (name.endswith((".pyc", ".ipynb")) or (at_top and name.endswith(".lock")))


def _documents(folder: Path, values: Mapping[str, Any]) -> set[str]:
    """Return the paths of a folder's Configs, and of the Recipes that they name or these do."""
    configs = folder / "configs"
    places = [folder / "config.json", *(configs.glob("*.json") if os.path.isdir(configs) else ())]
    read = {
        str(file): _object(folder, file, values)
        for file in places
        if str(file) in values or is_file(file)
    }
    # One that can't be read is a Config that is being written, and has no Plan.
    documents = {file for file, value in read.items() if value is None or _is_config(value)}
    bases = list(_bases(folder, read, values))
    documents |= {file for file, _ in bases}
    pending = [
        os.path.join(pipeline_folder(Path(file)), name)
        for file, value in [*read.items(), *bases]
        for name in _texts((value or {}).get("recipes"))
    ]
    while pending:
        recipe = os.path.normpath(pending.pop())
        if recipe not in documents:
            documents.add(recipe)
            above = os.path.dirname(recipe)
            pending += [os.path.join(above, name) for name in _named_by(folder, recipe, values)]
    return documents


def _is_config(value: dict[str, Any]) -> bool:
    """Tell whether what stands where Configs do is one: it names Recipes, or is put together."""
    return isinstance(value.get("recipes"), dict) or "extends" in value or "abstract" in value


def _bases(
    folder: Path, read: Mapping[str, dict[str, Any] | None], values: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the Configs that a folder's Configs extend, and those that these do."""
    pending, seen = list(read.items()), set(read)
    while pending:
        file, value = pending.pop()
        base = _base_of(file, (value or {}).get("extends"))
        if base and base not in seen and (base in values or is_file(Path(base))):
            seen.add(base)
            found = _object(folder, Path(base), values) or {}
            yield base, found
            pending.append((base, found))


def _base_of(file: str, path: Any) -> str:
    """Return the file that a document extends; nothing where it names none that can be."""
    if not isinstance(path, str) or path.startswith("/") or "\0" in path:
        return ""
    return os.path.normpath(os.path.join(os.path.dirname(file), path))


def _named_by(folder: Path, recipe: str, values: Mapping[str, Any]) -> list[str]:
    """Return the Recipes that a Recipe's file names; most name none, and needn't be parsed."""
    if recipe not in values and not _NAMING.search(_bytes(folder, Path(recipe))):
        return []
    return _named_in(_object(folder, Path(recipe), values) or {})


def _named_in(recipe: dict[str, Any]) -> list[str]:
    """Return the Recipes that a Recipe extends, and that are steps of it."""
    steps = recipe.get("steps")
    inner = steps.values() if isinstance(steps, dict) else ()
    names = [step.get("recipe") for step in inner if isinstance(step, dict)]
    return [name for name in (recipe.get("extends"), *names) if isinstance(name, str)]


def _texts(value: Any) -> list[str]:
    return (
        [text for text in value.values() if isinstance(text, str)]
        if isinstance(value, dict)
        else []
    )


def _object(folder: Path, file: Path, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a file's JSON object; None where it has none that can be read.

    Its Problems are left to whoever reads the document.
    """
    known = values.get(str(file))
    if known is None and file.stat().st_size > _LARGEST:
        return {}
    try:
        value = json.loads(_bytes(folder, file)) if known is None else known
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
            hint = "fix or remove it, or move it out of the pipeline's folder"
            yield Problem(code="R043", message=message, file=clean(shown(file)), hint=hint)
        elif secret := looks_like(file):
            yield _confidential(file, secret)


def confidential_problems(folders: Iterable[Path]) -> list[Problem]:
    """Return a warning for each file of pipelines' code that looks like a secret.

    Args:
        folders: the pipelines'; of several pipelines in one folder its files are looked at once.
    """
    files = (file for folder in dict.fromkeys(folders) for file in code_files(folder))
    return [_confidential(file, secret) for file in files if (secret := looks_like(file))]


def _confidential(file: Path, secret: str) -> Problem:
    """Return the warning that a secret would be kept where others read it."""
    message = f"looks like {secret}, and goes into the pipeline's images and snapshots"
    hint = (
        "move it out of the pipeline's folder, and name it under `secrets` of the Environment and "
        "of the step that needs it; a file whose name begins with a dot isn't taken along"
    )
    return Problem(
        code="N007", message=message, file=clean(shown(file)), hint=hint, severity="warning"
    )


def _folders_astray(folder: Path, root: Path) -> Iterator[Problem]:
    """Return the links to folders that lead out of the project: imports of them work here alone."""
    for top, folders, _ in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in _LEFT_OUT]
        links = (Path(top, name) for name in folders if os.path.islink(os.path.join(top, name)))
        yield from (astray for link in links if (astray := leads_out(link, root)))


def _reason(file: Path, folder: Path) -> str:
    """Return why a file can't be read as code; nothing when it can."""
    try:
        os.fsencode(str(file).removeprefix(str(folder))).decode()
        if not stat.S_ISREG(file.stat().st_mode):
            return "it isn't a file"
        return "" if os.access(file, os.R_OK) else "permission denied"
    except UnicodeDecodeError:
        return "its name isn't UTF-8"
    except OSError as error:
        broken = file.is_symlink()
        return "it is a link to nothing" if broken else (error.strerror or "").lower()
