"""A Kedro project as a draft: nodes are steps, raw data sets data, parameters features."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.load import shown
from atlas_import.catalog import PICKLES, settings_of
from atlas_import.draft import Note, PipelineDraft, identifier
from atlas_import.kedro_nodes import Reading, nodes_of
from atlas_import.kedro_steps import take_over
from atlas_import.modules import Package, package_of
from atlas_import.requirements import requirements_of

if TYPE_CHECKING:
    from pathlib import Path


def read_kedro(path: Path) -> PipelineDraft:
    """Return a Kedro project, or one file with nodes, as a draft.

    Args:
        path: the project's folder, or a `pipeline.py`.

    Raises:
        AtlasError: it can't be read, or has no node.
    """
    try:
        return _read(path.resolve())
    except RecursionError:
        raise AtlasError(f"{shown(path)}: is nested too deep") from None


def _read(path: Path) -> PipelineDraft:
    project = path if path.is_dir() else path.parent
    package = _package(path, project)
    notes = [Note(project.name, text) for text in package.broken]
    reading = Reading(package, settings_of(project), notes)
    modules = [
        name
        for name, source in sorted(package.modules.items())
        if path.is_dir() or source.path == path
    ]
    nodes = [node for module in modules for node in nodes_of(module, reading)]
    if not nodes:
        raise AtlasError(f"{shown(path)}: no node(func, inputs, outputs) of Kedro was found in it")
    take_over(nodes, project, reading)
    requirements, more = requirements_of(project / "requirements.txt", "requirements.txt")
    return PipelineDraft(
        name=project.name,
        flow="training",
        steps=tuple(reading.steps),
        imports=tuple(reading.statements.values()),
        files=_files(reading),
        data=reading.data,
        config=_config(project, reading),
        requirements=_with_readers(requirements, reading),
        notes=(*reading.notes, *reading.settings.notes, *more),
        description=f"Imported from the Kedro project {project.name}.",
    )


def _with_readers(lines: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """Return requirements with what reading the data takes; Kedro's own plugins brought it."""
    kinds = {entry.kind for entry in reading.settings.entries.values()}
    wanted = ["pandas", "pyarrow"] if any(kind.startswith("pandas.") for kind in kinds) else []
    wanted += ["openpyxl"] if "pandas.ExcelDataset" in kinds else []
    named = {re.split(r"[^\w-]", line)[0].lower() for line in lines}
    return (*lines, *(one for one in wanted if one not in named)) if lines else tuple(wanted)


def _package(path: Path, project: Path) -> Package:
    """Return the modules of a project: those of its package, or those beside one file."""
    if path.is_file():
        return package_of(project, project, project)
    source = project / "src" if (project / "src").is_dir() else project
    name = _package_name(project)
    folder = source / name if name and (source / name).is_dir() else source
    return package_of(source, folder, project)


def _package_name(project: Path) -> str:
    """Return what pyproject.toml calls the package, if that is one word."""
    try:
        table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"]["kedro"]
        name = table["package_name"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return name if isinstance(name, str) and name.isidentifier() else ""


def _files(reading: Reading) -> dict[str, str]:
    """Return the modules that the steps need, as they are, with empty packages around them."""
    files: dict[str, str] = {}
    for module in sorted(reading.package.needed(reading.modules)):
        source = reading.package.modules[module]
        path = source.path.relative_to(reading.package.root)
        if path.name == "__init__.py" and module not in reading.modules:
            continue
        files[path.as_posix()] = source.text
        imported = {where.split(".")[0] for where, _ in reading.package.imports(module).values()}
        if "kedro" in imported:
            text = "imports kedro: the step needs it, or a way without it"
            reading.notes.append(Note(source.place, text))
        for folder in path.parents[:-1]:
            files.setdefault((folder / "__init__.py").as_posix(), "")
    return files


def _config(project: Path, reading: Reading) -> dict[str, Any]:
    """Return the parameters as features, and pickled outputs as a model's parts."""
    config: dict[str, Any] = {}
    if reading.settings.parameters:
        config["features"] = {"parameters": reading.settings.parameters}
    pickled = {
        identifier(name): reading.produced[name]
        for name, entry in reading.settings.entries.items()
        if entry.kind in PICKLES and name in reading.produced
    }
    if pickled:
        config["model"] = {"name": "@name@", "from": pickled}
    return config
