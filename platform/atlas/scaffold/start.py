"""Writing a new pipeline, and the project around it where there is none."""

from __future__ import annotations

import json
import os
import secrets
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from importlib.resources.abc import Traversable


_ID_BYTES = 6
_DOCUMENTS = ("config.json", "training.json", "inference.json")


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


def start(folder: Path, name: str = "", *, inference: bool = False) -> StartedProject:
    """Write a new pipeline, and a project around it unless the folder is in one.

    In a project, a folder without a name is the pipeline's own and names it; else the pipeline goes
    into the folder NAME below it. Nothing is overwritten. Repeating it goes on where an
    interrupted call ended.

    Args:
        folder: the project's folder, or one inside of a project; made where it isn't there.
        name: the pipeline's name; by default, made of the folder's.
        inference: whether it has a flow that scores with the champion, besides its training.

    Raises:
        AtlasError: the name won't do, something is in the way, or a file can't be written.
    """
    return _reported(folder, lambda: _start(folder.resolve(), name, inference=inference))


def place(
    folder: Path, name: str, files: Mapping[str, str], data: Mapping[str, Mapping[str, Any]]
) -> StartedProject:
    """Write a pipeline that is made elsewhere, and a project around it unless the folder is in one.

    Args:
        folder: the project's folder, or one inside of a project, as for `start`.
        name: the pipeline's name; by default, made of the folder's.
        files: path in the pipeline's folder → text; in its documents ``@name@`` and ``@schemas@``
            stand for the pipeline's name and the way to the project's schemas.
        data: data set → what the Environment `local` says of it.

    Raises:
        AtlasError: the name won't do, something is in the way, or a file can't be written.
    """
    return _reported(folder, lambda: _place(folder.resolve(), name, files, data))


def _reported(folder: Path, write: Callable[[], StartedProject]) -> StartedProject:
    try:
        return write()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AtlasError(f"{shown(folder)}: can't be used: {reason}") from None


def _start(folder: Path, name: str, *, inference: bool) -> StartedProject:
    spot = _spot(folder, name)
    sample = File(spot.root / "data" / f"{spot.name}.csv", _text("houses.csv"))
    data = {spot.name: {"uri": f"project:data/{spot.name}.csv"}}
    files = dict(_texts(_templates() / "pipeline"))
    if inference:
        data[_scores(spot.name)] = {"uri": f"project:scores/{spot.name}/"}
    else:
        del files["inference.json"]
        files |= _texts(_templates() / "training")
    return _write(spot, [*_pipeline(spot, files), sample, *_environment(spot, data)])


def _place(
    folder: Path, name: str, files: Mapping[str, str], data: Mapping[str, Mapping[str, Any]]
) -> StartedProject:
    spot = _spot(folder, name)
    documents = {path: text for path, text in files.items() if path in _DOCUMENTS}
    others = [File(spot.own / path, text) for path, text in files.items() if path not in documents]
    return _write(spot, [*_pipeline(spot, documents), *others, *_environment(spot, data)])


@dataclass(frozen=True)
class _Spot:
    """Where a pipeline goes: its name, its folder, the project's, and whether that is new."""

    name: str
    own: Path
    root: Path
    new_project: bool


def _spot(folder: Path, name: str) -> _Spot:
    project = find_project(folder)
    root = project.root if project.explicit else folder
    is_own = project.explicit and not name and folder != root
    name = naming.checked_name(name) if name else naming.name_from(folder)
    own = folder if is_own else folder / name
    naming.check_free(project, own, name)
    return _Spot(name, own, root, not project.explicit)


def _write(spot: _Spot, pipeline: list[File]) -> StartedProject:
    planned = [*pipeline, *_project(spot.root, spot.name)]
    files.check(planned)
    spot.root.mkdir(parents=True, exist_ok=True)
    written = tuple(_written(spot.root, planned))
    return StartedProject(spot.name, spot.own, spot.root, spot.new_project, written)


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


def _pipeline(spot: _Spot, texts: Mapping[str, str]) -> Iterator[File]:
    schemas = _path(spot.root / ".atlas" / "schemas", spot.own)
    words = {"name": spot.name, "scores": _scores(spot.name), "schemas": schemas}
    for path, text in texts.items():
        yield File(spot.own / path, _filled(text, words))


def _scores(name: str) -> str:
    """Return what the data that inference writes are called: a name has 63 letters at most."""
    return f"{name[:56]}-scores"


def _environment(spot: _Spot, data: Mapping[str, Mapping[str, Any]]) -> Iterator[File]:
    """Yield the Environment that says where data sets are.

    They are beside the pipelines, not in the folder of one: all files in there are its code.
    """
    path = spot.root / "environments" / f"{LOCAL}.json"
    if path.exists():
        yield File(path, located.with_data(path, data), replaces=True)
    else:
        listed = (f"{json.dumps(name)}: {json.dumps(dict(one))}" for name, one in data.items())
        text = _filled(_text("environment.json"), {"data": ",\n    ".join(listed)})
        yield File(path, text.replace("{\n    \n  }", "{}"))


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
