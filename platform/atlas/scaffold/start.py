"""Writing a new pipeline, and the project around it where there is none."""

from __future__ import annotations

import os
import secrets
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.environment import LOCAL, find_project
from atlas.errors import AtlasError
from atlas.files import close as close_to_others
from atlas.files import own as own_state
from atlas.load import SCHEMAS, schema_text, shown
from atlas.scaffold import files, located, naming
from atlas.scaffold.files import File

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.resources.abc import Traversable


_ID_BYTES = 6


@dataclass(frozen=True)
class StartedProject:
    """What was started.

    Attributes:
        name: the pipeline's name.
        folder: the pipeline's folder.
        project: the project's folder.
        new_project: whether there was no project before.
        written: the files that were written; those that were there already are left out.
    """

    name: str
    folder: Path
    project: Path
    new_project: bool
    written: tuple[Path, ...]


def start(folder: Path, name: str = "") -> StartedProject:
    """Write a new pipeline, and a project around it unless the folder is in one.

    In a project, a folder without a name is the pipeline's own and names it; else the pipeline goes
    into the folder NAME below it. Nothing is overwritten. Repeating it goes on where an
    interrupted call ended.

    Args:
        folder: the project's folder, or one inside of a project; made where it isn't there.
        name: the pipeline's name; by default, made of the folder's.

    Raises:
        AtlasError: the name won't do, something is in the way, or a file can't be written.
    """
    try:
        return _start(folder.resolve(), name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AtlasError(f"{shown(folder)}: can't be used: {reason}") from None


def _start(folder: Path, name: str) -> StartedProject:
    project = find_project(folder)
    root = project.root if project.explicit else folder
    is_own = project.explicit and not name and folder != root
    name = naming.checked_name(name) if name else naming.name_from(folder)
    own = folder if is_own else folder / name
    naming.check_free(project, own, name)
    planned = [*_pipeline(root, own, name), *_data(root, name), *_project(root, name)]
    files.check(planned)
    root.mkdir(parents=True, exist_ok=True)
    return StartedProject(name, own, root, not project.explicit, tuple(_written(root, planned)))


def refresh_schemas(folder: Path) -> list[Path]:
    """Write the published schemas into the project's ``.atlas/schemas``, over older ones.

    Returns:
        The files that were written; those that were up to date are left out.

    Raises:
        AtlasError: the folder is in no project, or a file can't be written.
    """
    project = find_project(folder)
    if not project.explicit:
        message = f"{shown(folder)}: is in no project: no pyproject.toml has [tool.atlas]"
        raise AtlasError(f"{message}; {command('init')} makes one")
    planned = list(_schemas(project.root))
    files.check(planned)
    return _written(project.root, planned)


def _written(root: Path, planned: Iterable[File]) -> list[Path]:
    """Write files of a project, once its folder ``.atlas`` is closed; the schemas are, too.

    Raises:
        AtlasError: a file can't be written, or ``.atlas`` can't be used.
    """
    state = own_state((root / ".atlas").resolve())
    written = files.write(planned)
    if (state / "schemas").is_dir():
        close_to_others(state / "schemas")
    return written


def _pipeline(root: Path, own: Path, name: str) -> Iterator[File]:
    words = {"name": name, "schemas": _path(root / ".atlas" / "schemas", own)}
    for path, text in _texts(_templates() / "pipeline"):
        yield File(own / path, _filled(text, words))


def _data(root: Path, name: str) -> Iterator[File]:
    """Yield the data, and the Environment that says where they are.

    They are beside the pipelines, not in the folder of one: all files in there are its code.
    """
    yield File(root / "data" / f"{name}.csv", _text("houses.csv"))
    path = root / "environments" / f"{LOCAL}.json"
    if path.exists():
        yield File(path, located.with_data(path, name, f"project:data/{name}.csv"), replaces=True)
    else:
        yield File(path, _filled(_text("environment.json"), {"name": name}))


def _project(root: Path, name: str) -> Iterator[File]:
    """Yield what makes a folder a project; the file that says so comes last."""
    yield from _schemas(root)
    if find_project(root).explicit:
        return
    ignored = root / ".gitignore"
    if not ignored.exists():
        yield File(ignored, _text("gitignore"))
    path = root / "pyproject.toml"
    if path.exists():
        yield File(path, located.with_project(path, _new_id(name)), replaces=True)
        return
    yield File(path, _filled(_text("pyproject.toml"), {"name": name, "id": _new_id(name)}))


def _new_id(name: str) -> str:
    """Return an id that no other project has."""
    return f"{name}-{secrets.token_hex(_ID_BYTES)}"


def _schemas(root: Path) -> Iterator[File]:
    for kind in SCHEMAS:
        path = root / ".atlas" / "schemas" / f"{kind}.v1.json"
        yield File(path, schema_text(kind), replaces=True)


def _templates() -> Traversable:
    return resources.files("atlas.scaffold") / "texts"


def _text(name: str) -> str:
    """Return one of the project's files, as it is packaged."""
    return (_templates() / "project" / name).read_text("utf-8")


def _texts(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the relative path and text of every file under a folder, sorted."""
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _texts(entry, f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield prefix + entry.name, entry.read_text("utf-8")


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _path(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path, base)).as_posix()
