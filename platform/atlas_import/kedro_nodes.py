"""The nodes of a Kedro project, as they are written: `node(func, inputs, outputs, name=…)`."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import NotALiteralError
from atlas_import.draft import Note, StepDraft, identifier
from atlas_import.literals import called, constants, dotted, keywords, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas_import.catalog import KedroSettings
    from atlas_import.modules import Package

_ARGUMENTS = ("func", "inputs", "outputs")
_NODES = frozenset({"node", "Node"})
_PIPELINES = frozenset({"pipeline", "Pipeline"})
_WRAPPED = frozenset({"namespace", "inputs", "outputs", "parameters"})
_LOOPS = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)


@dataclass(frozen=True, slots=True)
class KedroNode:
    """One node.

    Attributes:
        place: where it is written.
        module: the module's dotted name.
        function: what the module calls its function; empty for anything but a name.
        inputs: a data set, a list of them, or argument → data set.
        outputs: likewise, with keys of the function's result.
        name: what it is called.
    """

    place: str
    module: str
    function: str
    inputs: Any
    outputs: Any
    name: str

    def output_names(self) -> dict[str, str]:
        """Return data set → the step's output; of one alone, ``value``."""
        given = self.outputs
        listed = list(given.values()) if isinstance(given, dict) else given
        datasets = [listed] if isinstance(listed, str) else [str(one) for one in listed or []]
        if len(datasets) == 1 and not isinstance(given, dict):
            return {datasets[0]: "value"}
        names: dict[str, str] = {}
        for dataset in datasets:
            names[dataset] = identifier(dataset, names.values())
        return names


@dataclass(slots=True)
class Reading:
    """What is known while a project is read.

    Attributes:
        package: its modules.
        settings: its configuration.
        notes: what wasn't taken over.
        steps: what its nodes became.
        produced: data set → the reference to the output that it is.
        data: data set of the Config → its type, and where it is.
        names: data set of the catalog → what the Config calls it.
        statements: name in the steps module → the statement that imports it.
        modules: modules whose functions the steps call.
    """

    package: Package
    settings: KedroSettings
    notes: list[Note]
    steps: list[StepDraft] = field(default_factory=list)
    produced: dict[str, str] = field(default_factory=dict)
    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)


def nodes_of(module: str, reading: Reading) -> Iterator[KedroNode]:
    """Give the nodes of a module, in the order of its lines."""
    source = reading.package.modules[module]
    used = {where.split(".")[0] for where, _ in reading.package.imports(module).values()}
    if "kedro" not in used:
        return
    calls = [one for one in ast.walk(source.tree) if isinstance(one, ast.Call)]
    looped = {
        id(one)
        for loop in ast.walk(source.tree)
        if isinstance(loop, _LOOPS)
        for one in ast.walk(loop)
    }
    for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
        place, word = source.at(call), called(call).rpartition(".")[2]
        wrapped = sorted(_WRAPPED & keywords(call).keys())
        if word in _PIPELINES and wrapped:
            reading.notes.append(Note(place, _MODULAR.format(", ".join(wrapped))))
        elif word in _NODES and id(call) in looped:
            reading.notes.append(Note(place, _LOOPED))
        elif word in _NODES:
            yield from _node(call, module, place, reading)


_MODULAR = (
    "pipeline(…) was taken over without its {}: where it stands twice, make a Recipe of it and "
    "name that as a step"
)
_LOOPED = "nodes that a loop makes weren't taken over: write them out, or use foreach"


def _node(call: ast.Call, module: str, place: str, reading: Reading) -> Iterator[KedroNode]:
    given = dict(zip(_ARGUMENTS, call.args, strict=False)) | keywords(call)
    names = constants(reading.package.modules[module].tree.body)
    try:
        inputs, outputs, name = (
            value_of(given[key], names) if key in given else None
            for key in ("inputs", "outputs", "name")
        )
    except NotALiteralError as error:
        text = f"a node wasn't taken over: its inputs, outputs or name aren't constants ({error})"
        reading.notes.append(Note(place, text))
        return
    function = dotted(given["func"]) if "func" in given else ""
    own = name if isinstance(name, str) else function.rpartition(".")[2] or "step"
    yield KedroNode(place, module, function, inputs, outputs, own)
