"""An Elyra pipeline as a draft: a node's script is a step, the files it makes are outputs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from atlas.errors import AtlasError
from atlas.load import shown
from atlas_import.draft import (
    Note,
    PipelineDraft,
    StepDraft,
    StepInput,
    camel,
    identifier,
    recipe_name,
)
from atlas_import.elyra_runner import RUNNER
from atlas_import.notebooks import script_of
from atlas_import.sources import text_of

_SCRIPTS = frozenset({"execute-notebook-node", "execute-python-node"})
_VARIABLE = re.compile(r"(?!ATLAS_)[A-Za-z_][A-Za-z0-9_]{0,126}")
_MOST_NODES = 500
_SUFFIX = {".py", ".ipynb"}


@dataclass(slots=True)
class _Node:
    """One node, as the file has it."""

    id: str
    name: str
    op: str
    given: dict[str, Any]
    parents: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    """The step's output → the file's path."""


@dataclass(slots=True)
class _ElyraReading:
    path: Path
    notes: list[Note] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def note(self, node: _Node, text: str) -> None:
        self.notes.append(Note(f"{self.path.name}: {node.name}", text))


def read_elyra(path: Path) -> PipelineDraft:
    """Return an Elyra pipeline as a draft.

    Args:
        path: the `.pipeline` file.

    Raises:
        AtlasError: it can't be read, or has no node.
    """
    path = path.resolve()
    reading = _ElyraReading(path)
    nodes = _nodes(path, _document(path), reading)
    if not nodes:
        raise AtlasError(f"{shown(path)}: has no node")
    steps = tuple(_step(node, nodes, reading) for node in nodes.values())
    files = {**reading.files, "run_script.py": RUNNER} if reading.files else {}
    return PipelineDraft(
        name=path.stem,
        flow="training",
        steps=steps,
        imports=("from pathlib import Path", "from run_script import run_script") if files else (),
        files=files,
        notes=tuple(reading.notes),
        description=f"Imported from the Elyra pipeline {path.name}.",
    )


def _document(path: Path) -> dict[str, Any]:
    """Return the primary pipeline of a file.

    Raises:
        AtlasError: it isn't a pipeline of Elyra.
    """
    try:
        document = json.loads(text_of(path))
        pipelines = document["pipelines"]
        primary = document.get("primary_pipeline")
        found = next((one for one in pipelines if one.get("id") == primary), pipelines[0])
        found["nodes"] = list(found.get("nodes", []))
    except (ValueError, RecursionError) as error:
        raise AtlasError(f"{shown(path)}: isn't JSON: {error}") from None
    except (KeyError, IndexError, TypeError, AttributeError):
        raise AtlasError(f"{shown(path)}: isn't a pipeline of Elyra: it has no pipelines") from None
    return dict(found)


def _nodes(path: Path, pipeline: dict[str, Any], reading: _ElyraReading) -> dict[str, _Node]:
    nodes: dict[str, _Node] = {}
    for raw in pipeline["nodes"][:_MOST_NODES]:
        data = raw.get("app_data") if isinstance(raw, dict) else None
        if not isinstance(data, dict) or not isinstance(raw.get("id"), str):
            reading.notes.append(Note(path.name, "a node without id or app_data wasn't taken over"))
            continue
        given = data.get("component_parameters", data)
        given = given if isinstance(given, dict) else {}
        label = data.get("label") or _mapping(data.get("ui_data")).get("label")
        label = label or given.get("label") or Path(_text(given, "filename")).stem or "step"
        name = recipe_name(str(label), (node.name for node in nodes.values()))
        node = _Node(raw["id"], name, str(raw.get("op", raw.get("type", ""))), given, _parents(raw))
        node.outputs = _outputs(node, reading)
        nodes[node.id] = node
    return nodes


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(given: dict[str, Any], key: str) -> str:
    value = given.get(key)
    return value if isinstance(value, str) else ""


def _listed(given: dict[str, Any], key: str) -> list[Any]:
    value = given.get(key)
    return value if isinstance(value, list) else []


def _parents(raw: dict[str, Any]) -> list[str]:
    ports = (port for port in _listed(raw, "inputs") if isinstance(port, dict))
    links = (link for port in ports for link in _listed(port, "links") if isinstance(link, dict))
    return list(dict.fromkeys(str(link.get("node_id_ref")) for link in links))


def _outputs(node: _Node, reading: _ElyraReading) -> dict[str, str]:
    """Return a node's files by the names of outputs; patterns and paths that lead out are told."""
    found: dict[str, str] = {}
    for one in _listed(node.given, "outputs"):
        path = one if isinstance(one, str) else str(_mapping(one).get("value", ""))
        if not _is_inside(path) or any(letter in path for letter in "*?["):
            reading.note(
                node,
                f"the output '{path[:80]}' wasn't taken over: name each file",
            )
        else:
            found[identifier(PurePosixPath(path).name, found)] = path
    return {"value": next(iter(found.values()))} if len(found) == 1 else found


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and path.isprintable()


def _step(node: _Node, nodes: dict[str, _Node], reading: _ElyraReading) -> StepDraft:
    earlier = _earlier(node, nodes)
    inputs: dict[str, StepInput] = {}
    placed: dict[str, str] = {}
    for other in earlier:
        for output, path in other.outputs.items():
            own = identifier(PurePosixPath(path).name, inputs)
            inputs[own] = StepInput(f"{other.name}.{output}", "Path")
            placed[own] = path
    read = {one.reference.split(".")[0] for one in inputs.values()}
    after = tuple(
        nodes[one].name for one in node.parents if one in nodes and nodes[one].name not in read
    )
    outputs = dict.fromkeys(node.outputs, "Path")
    script = _script(node, reading)
    if not script:
        text = f"'{node.name}' is {_what(node)}: write the step's body"
        reading.note(node, text)
        return StepDraft(
            node.name, (f"raise NotImplementedError({text!r})",), inputs, {}, outputs, after=after
        )
    files = ", ".join(f"{path!r}: {own}" for own, path in placed.items())
    call = f"run_script({script!r}, {{{files}}}, {list(node.outputs.values())!r})"
    settings = _settings(node, reading)
    return StepDraft(
        node.name,
        _returned(node, call),
        inputs,
        {},
        outputs,
        _text(node.given, "filename"),
        after,
        settings=settings,
    )


def _returned(node: _Node, call: str) -> tuple[str, ...]:
    if not node.outputs:
        return (call,)
    if list(node.outputs) == ["value"]:
        return (f"return {call}[0]",)
    return (f"return {camel(identifier(node.name))}Outputs(*{call})",)


def _what(node: _Node) -> str:
    if node.op in _SCRIPTS:
        return f"the script {_text(node.given, 'filename')[:80]!r}, which can't be taken over"
    return f"a node of the kind {node.op[:80]!r}"


def _earlier(node: _Node, nodes: dict[str, _Node]) -> list[_Node]:
    """Return the nodes before one, at any distance: Elyra gives it the files of them all."""
    found: dict[str, _Node] = {}
    left = list(node.parents)
    while left:
        one = left.pop(0)
        if one in nodes and one not in found and one != node.id:
            found[one] = nodes[one]
            left += nodes[one].parents
    return list(found.values())


def _script(node: _Node, reading: _ElyraReading) -> str:
    """Take a node's script along, a notebook as one; return its path, or nothing."""
    name = _text(node.given, "filename")
    file = reading.path.parent / name
    if node.op not in _SCRIPTS or not _is_inside(name) or file.suffix not in _SUFFIX:
        return ""
    if not file.resolve().is_relative_to(reading.path.parent):
        return ""
    try:
        text, notes = script_of(file)
    except AtlasError as error:
        reading.note(node, str(error))
        return ""
    reading.notes += notes
    path = f"scripts/{node.name}.py"
    reading.files[path] = text
    _dependencies(node, reading)
    return path


def _dependencies(node: _Node, reading: _ElyraReading) -> None:
    """Take along the files that a node names beside its script."""
    for one in _listed(node.given, "dependencies"):
        name = one if isinstance(one, str) else str(_mapping(one).get("value", ""))
        file = reading.path.parent / name
        inside = _is_inside(name) and file.resolve().is_relative_to(reading.path.parent)
        try:
            if not inside:
                raise AtlasError("it isn't below the pipeline's folder")
            reading.files[f"files/{name}"] = text_of(file)
        except AtlasError as error:
            reading.note(
                node,
                f"the file '{name[:80]}' wasn't taken over: {error}; put it into `files`",
            )


def _settings(node: _Node, reading: _ElyraReading) -> dict[str, Any]:
    """Return a node's variables and resources as settings of a step."""
    given = _listed(node.given, "env_vars")
    variables = dict(pair for one in given if (pair := _variable(one)))
    if len(variables) < len(given):
        reading.note(node, "variables without a value, or of a taken name, weren't taken over")
    if image := _text(node.given, "runtime_image"):
        reading.note(node, f"the image {image[:100]} wasn't taken over: {_IMAGES}")
    for key in sorted(_OF_CLUSTERS & node.given.keys()):
        if node.given[key]:
            reading.note(node, f"{key} weren't taken over")
    resources = _resources(node)
    return ({"env": variables} if variables else {}) | (
        {"resources": resources} if resources else {}
    )


_IMAGES = "give the Recipe a requirements.txt, or an image by its digest"
_OF_CLUSTERS = {"kubernetes_secrets", "mounted_volumes", "kubernetes_tolerations"}


def _resources(node: _Node) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    for key in ("cpu", "gpu", "memory"):
        value = node.given.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            resources[key] = f"{int(value)}Gi" if key == "memory" else value
    return resources


def _variable(one: Any) -> tuple[str, str] | None:
    """Return a variable, which is written ``NAME=VALUE`` or as an object."""
    if isinstance(one, str):
        name, equals, value = one.partition("=")
    else:
        table = _mapping(one)
        name, equals, value = str(table.get("env_var", "")), "=", str(table.get("value", ""))
    return (name, value) if equals and _VARIABLE.fullmatch(name) and "\0" not in value else None
