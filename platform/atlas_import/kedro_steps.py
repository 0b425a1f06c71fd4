"""Nodes of Kedro as steps: functions that call the project's own, with what they read and give."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas_import.catalog import CSV_ARGUMENTS, FORMATS, PICKLES, CatalogDataset
from atlas_import.draft import (
    Note,
    StepDraft,
    StepInput,
    StepParam,
    camel,
    identifier,
    recipe_name,
)
from atlas_import.modules import FoundFunction, hint_of

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_import.kedro_nodes import KedroNode, Reading

_INSTEAD = {
    "load_args": ": do it in the step",
    "credentials": ": name secrets in the Recipe",
    "versioned": ": the store keeps each run's artifacts",
}


def take_over(nodes: list[KedroNode], project: Path, reading: Reading) -> None:
    """Make steps of nodes: first who makes what, then what each reads."""
    taken: list[tuple[KedroNode, str]] = []
    for node in nodes:
        name = recipe_name(node.name, [own for _, own in taken])
        taken.append((node, name))
        for dataset, output in node.output_names().items():
            reading.produced.setdefault(dataset, f"{name}.{output}")
    for node, name in taken:
        reading.steps.append(_Making(node, name, project, reading).step())
    for dataset, entry in reading.settings.entries.items():
        if dataset in reading.produced:
            _note_produced(entry, reading)


@dataclass(slots=True)
class _Making:
    """A step while it is made of a node."""

    node: KedroNode
    name: str
    project: Path
    reading: Reading
    found: FoundFunction | None = None
    inputs: dict[str, StepInput] = field(default_factory=dict)
    params: dict[str, StepParam] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    """The arguments of the call of the node's function."""

    def step(self) -> StepDraft:
        node = self.node
        if node.function:
            self.found = self.reading.package.find(node.module, node.function)
        for position, (keyword, dataset) in enumerate(_read(node)):
            argument = self._argument(position, keyword)
            own = argument.arg if argument else keyword or dataset.removeprefix("params:")
            own = identifier(own, [*self.inputs, *self.params])
            text = self._given(own, dataset, argument.annotation if argument else None)
            self.passed.append(f"{keyword}={text}" if keyword else text)
        outputs = self._outputs()
        doc = ast.get_docstring(self.found.node) if self.found else None
        first = (doc or "").split("\n\n")[0]
        body = self._body(list(outputs))
        return StepDraft(self.name, body, self.inputs, self.params, outputs, first)

    def _argument(self, position: int, keyword: str) -> ast.arg | None:
        """Return the function's argument at a position, or of a name."""
        if not self.found:
            return None
        given = self.found.node.args
        listed = [*given.posonlyargs, *given.args]
        if keyword:
            named = [one for one in (*listed, *given.kwonlyargs) if one.arg == keyword]
            return named[0] if named else None
        return listed[position] if position < len(listed) else None

    def _given(self, own: str, dataset: str, annotation: ast.expr | None) -> str:
        """Add an argument of the step, and return the expression that hands it on."""
        if dataset == "parameters" or dataset.startswith("params:"):
            self.params[own] = StepParam({"feature": self._feature(dataset)})
            return own
        if dataset in self.reading.produced:
            hint = self._hint(annotation)
            self.inputs[own] = StepInput(self.reading.produced[dataset], hint)
            return own
        self.inputs[own] = StepInput(f"data.{self._data(dataset)}", "Data")
        return f"{own}.read()"

    def _hint(self, annotation: ast.expr | None) -> str:
        if not self.found:
            return ""
        reading = self.reading
        return hint_of(reading.package, self.found.module, annotation, reading.statements)

    def _feature(self, dataset: str) -> str:
        """Return the path of a parameter in the Config's features; told where there is none."""
        path = dataset.removeprefix("params:") if dataset != "parameters" else ""
        value: Any = self.reading.settings.parameters
        for key in path.split(".") if path else ():
            if not isinstance(value, dict) or key not in value:
                self._note(f"conf/base has no parameter '{path}': add it to the Config's features")
                break
            value = value[key]
        return f"parameters.{path}" if path else "parameters"

    def _data(self, dataset: str) -> str:
        """Return what the Config calls data that no node makes."""
        reading = self.reading
        if dataset not in reading.names:
            name = recipe_name(dataset, reading.names.values())
            entry = reading.settings.entries.get(dataset)
            reading.names[dataset] = name
            reading.data[name] = _place(entry, name, self.project, reading)
            if entry is None:
                self._note(
                    f"the catalog has no '{dataset}': say in environments/local.json where it is"
                )
        return reading.names[dataset]

    def _outputs(self) -> dict[str, str]:
        """Return the step's outputs, each with its hint."""
        names = list(self.node.output_names().values())
        returned = self.found.node.returns if self.found else None
        if names == ["value"]:
            return {"value": self._hint(returned) or "Any"}
        parts: list[ast.expr] = []
        if isinstance(returned, ast.Subscript) and ast.unparse(returned.value) in (
            "tuple",
            "Tuple",
        ):
            parts = returned.slice.elts if isinstance(returned.slice, ast.Tuple) else []
        if len(parts) != len(names):
            return dict.fromkeys(names, "Any")
        hints = [self._hint(one) or "Any" for one in parts]
        return dict(zip(names, hints, strict=True))

    def _body(self, outputs: list[str]) -> tuple[str, ...]:
        """Return the step's lines: a call of the node's function, or what is left to write."""
        node = self.node
        if self.found is None:
            what = f"'{node.function}', which isn't the project's" if node.function else "no name"
            text = f"the function of node '{node.name}' is {what}: write the step's body"
            self._note(text)
            return (f"raise NotImplementedError({text!r})",)
        module = _module(self.found, self.reading)
        call = f"{module}.{self.found.node.name}({', '.join(self.passed)})"
        if not outputs:
            return (call,)
        if outputs == ["value"]:
            return (f"return {call}",)
        made = f"{camel(identifier(self.name))}Outputs"
        if isinstance(node.outputs, dict):
            keys = ", ".join(f"made[{key!r}]" for key in node.outputs)
            return (f"made = {call}", f"return {made}({keys})")
        return (f"return {made}(*{call})",)

    def _note(self, text: str) -> None:
        self.reading.notes.append(Note(self.node.place, text))


def _read(node: KedroNode) -> list[tuple[str, str]]:
    """Return what a node reads, each with the argument's name where it is given by name."""
    given = node.inputs
    if isinstance(given, dict):
        return [(identifier(key), str(one)) for key, one in given.items()]
    listed = [given] if isinstance(given, str) else given or []
    return [("", str(one)) for one in listed]


def _place(
    entry: CatalogDataset | None, name: str, project: Path, reading: Reading
) -> dict[str, Any]:
    """Return a data set's type, and what the Environment says of it."""
    if entry is None:
        return {"type": "table", "uri": f"project:data/{name}.csv"}
    notes = reading.settings.notes
    csv = _csv(entry)
    for key in sorted({*_INSTEAD, "fs_args"} & entry.values.keys()):
        if not (key == "load_args" and csv is not None):
            text = f"{key} of '{entry.name}' wasn't taken over{_INSTEAD.get(key, '')}"
            notes.append(Note(entry.place, text))
    uri = _uri(entry, name, project, notes)
    if entry.kind in FORMATS:
        kind = "file" if entry.kind.startswith(("json.", "text.")) else "table"
        told = {"type": kind, "uri": uri, "format": FORMATS[entry.kind]}
        return told | ({"csv": csv} if csv else {})
    text = f"'{entry.name}' is a {entry.kind}: the step gets its bytes, and has to read them"
    notes.append(Note(entry.place, text))
    return {"type": "file", "uri": uri, "format": "bytes"}


def _csv(entry: CatalogDataset) -> dict[str, str] | None:
    """Return how a CSV file is written, or None where its `load_args` say more than that."""
    given = entry.values.get("load_args", {})
    if entry.kind != "pandas.CSVDataset" or not isinstance(given, dict):
        return None
    if not given.keys() <= CSV_ARGUMENTS.keys():
        return None
    return {CSV_ARGUMENTS[key]: str(one) for key, one in given.items()}


def _uri(entry: CatalogDataset, name: str, project: Path, notes: list[Note]) -> str:
    """Return where an entry's file is, by its whole path."""
    path = entry.values.get("filepath")
    if not isinstance(path, str) or "${" in path or not path.isprintable():
        text = f"'{entry.name}' has no plain filepath: say in environments/local.json where it is"
        notes.append(Note(entry.place, text))
        return f"project:data/{name}"
    return path if "://" in path else (project / path).resolve().as_uri()


def _module(found: FoundFunction, reading: Reading) -> str:
    """Return what the steps module calls a module of the package."""
    reading.modules.add(found.module)
    parent, _, last = found.module.rpartition(".")
    statement = f"from {parent} import {last}" if parent else f"import {last}"
    for length in range(2, 2 + len(found.module.split("."))):
        name = identifier("_".join(found.module.split(".")[-length:]))
        whole = f"{statement} as {name}"
        if reading.statements.setdefault(name, whole) == whole:
            return name
    return found.module


def _note_produced(entry: CatalogDataset, reading: Reading) -> None:
    """Tell what becomes of a catalog entry that a node makes."""
    reference = reading.produced[entry.name]
    if entry.kind in PICKLES:
        text = (
            "was pickled, and is a part of the Config's model now: models are kept without pickle"
        )
    elif entry.kind in FORMATS:
        text = f"isn't written to its filepath any more: it is the artifact {reference}"
    else:
        text = (
            f"is a {entry.kind}, and becomes the artifact {reference}: its function has to return "
            "a table, plain data, a model, Html, bytes or a Path"
        )
    reading.settings.notes.append(Note(entry.place, f"'{entry.name}' {text}"))
