"""An Airflow DAG as a draft: tasks are steps, what they hand on their inputs."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError, NotALiteralError
from atlas.load import shown
from atlas_import.dag_code import DagCode
from atlas_import.dag_flow import Flow
from atlas_import.dag_settings import schedule_of
from atlas_import.dag_steps import steps_of
from atlas_import.draft import Note, PipelineDraft
from atlas_import.literals import called, constants, dotted, keywords, value_of
from atlas_import.modules import FunctionNode
from atlas_import.sources import SourceFile, files_below, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DagSource:
    """One DAG of a file: its id, its arguments, its body, and the statement that it is."""

    id: str
    source: SourceFile
    given: dict[str, ast.expr]
    body: Sequence[ast.stmt]
    statement: ast.stmt


def read_airflow(path: Path, dag: str = "") -> PipelineDraft:
    """Return a DAG of Airflow as a draft.

    Args:
        path: the file with the DAG, or a folder of such files.
        dag: the DAG's id; needed where there are several.

    Raises:
        AtlasError: a file can't be read, or there isn't just one DAG that could be meant.
    """
    try:
        return _read(path.resolve(), dag)
    except RecursionError:
        raise AtlasError(f"{shown(path)}: is nested too deep") from None


def _read(path: Path, dag: str) -> PipelineDraft:
    files = files_below(path, ".py") if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    found, broken = _dags(files, root)
    chosen = _chosen([one for one in found if dag in ("", one.id)], dag, found, path, broken)
    return _draft(chosen, broken)


def _dags(files: list[Path], root: Path) -> tuple[list[DagSource], list[Note]]:
    found: list[DagSource] = []
    broken: list[Note] = []
    for file in files:
        try:
            found += _dags_of(source_of(file, root))
        except AtlasError as error:
            broken.append(Note(file.name, str(error)))
    return found, broken


def _chosen(
    fitting: list[DagSource], dag: str, found: list[DagSource], path: Path, broken: list[Note]
) -> DagSource:
    """Return the one DAG that is meant.

    Raises:
        AtlasError: none is, or several are.
    """
    if len(fitting) == 1:
        return fitting[0]
    if not found:
        reason = f": {broken[0].text}" if broken else ""
        raise AtlasError(f"{shown(path)}: no DAG was found in it{reason}")
    ids = ", ".join(sorted(one.id for one in found)[:20])
    if not fitting:
        raise AtlasError(f"--dag: {shown(path)} has no DAG '{dag}'; expected one of {ids}")
    raise AtlasError(f"{shown(path)}: has several DAGs; choose one with --dag: {ids}")


def _dags_of(source: SourceFile) -> Iterator[DagSource]:
    """Give the DAGs of a file: `with DAG(…)`, `@dag`, and `dag = DAG(…)`."""
    names = constants(source.tree.body)
    for statement in source.tree.body:
        for given, body in _declared(statement, source):
            own = _text(given.get("dag_id"), names) or getattr(statement, "name", source.path.stem)
            yield DagSource(own, source, given, body, statement)


def _declared(
    statement: ast.stmt, source: SourceFile
) -> Iterator[tuple[dict[str, ast.expr], Sequence[ast.stmt]]]:
    """Give the arguments and the body of each DAG that a statement declares."""
    if isinstance(statement, FunctionNode):
        for decorator in statement.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            if dotted(call.func if call else decorator).rpartition(".")[2] == "dag":
                yield _given(call) if call else {}, statement.body
    elif isinstance(statement, ast.With):
        for item in statement.items:
            if call := _dag_call(item.context_expr):
                yield _given(call), statement.body
    elif isinstance(statement, ast.Assign) and (call := _dag_call(statement.value)):
        yield _given(call), _wired(source, statement)


def _dag_call(node: ast.expr) -> ast.Call | None:
    is_dag = isinstance(node, ast.Call) and called(node).rpartition(".")[2] == "DAG"
    return node if is_dag and isinstance(node, ast.Call) else None


def _given(call: ast.Call) -> dict[str, ast.expr]:
    return ({"dag_id": call.args[0]} if call.args else {}) | keywords(call)


def _text(node: ast.expr | None, names: dict[str, ast.expr]) -> str:
    try:
        value = value_of(node, names) if node is not None else ""
    except NotALiteralError:
        return ""
    return value if isinstance(value, str) else ""


def _wired(source: SourceFile, dag: ast.Assign) -> list[ast.stmt]:
    """Return the statements of a module that may belong to a DAG which has no block of its own."""
    kinds = (ast.Assign, ast.Expr, ast.For, ast.While, ast.If)
    return [
        one
        for one in source.tree.body
        if isinstance(one, kinds) and one is not dag and one.lineno > dag.lineno
    ]


def _draft(dag: DagSource, broken: list[Note]) -> PipelineDraft:
    code = DagCode(dag.source)
    notes = list(broken)
    flow = Flow(code, constants(dag.source.tree.body), notes)
    _read_module(dag, code, flow)
    flow.read(dag.body)
    if not flow.tasks:
        raise AtlasError(
            f"{dag.source.at(dag.statement)}: the DAG '{dag.id}' has no task to take over"
        )
    schedule, more = schedule_of(dag.given, dag.source.at(dag.statement))
    steps, imports = steps_of(flow, _defaults(dag.given, flow))
    if not steps:
        raise AtlasError(f"{dag.source.at(dag.statement)}: the DAG '{dag.id}' has only empty tasks")
    config: dict[str, Any] = {"schedule": {"inference": schedule}} if schedule else {}
    return PipelineDraft(
        name=dag.id,
        flow="inference",
        steps=steps,
        imports=imports,
        files={"dag_code.py": code.text(), **code.siblings()} if code.parts else {},
        config=config,
        notes=(*notes, *code.notes, *more),
        description=f"Imported from the DAG {dag.id} of {dag.source.place}.",
    )


def _read_module(dag: DagSource, code: DagCode, flow: Flow) -> None:
    """Take along what stands beside the DAG, and know the functions there that are tasks."""
    others = [one.statement for one in _dags_of(dag.source)]
    body = {id(one) for one in dag.body} if isinstance(dag.statement, ast.Assign) else set()
    code.gone |= {one.name for one in others if isinstance(one, FunctionNode)}
    code.gone |= {
        name.id
        for one in others
        if isinstance(one, ast.Assign)
        for name in one.targets
        if isinstance(name, ast.Name)
    }
    for statement in dag.source.tree.body:
        if any(statement is one for one in others):
            continue
        if isinstance(statement, FunctionNode):
            flow.function(statement)
        elif not (id(statement) in body and isinstance(statement, ast.Expr | ast.For | ast.While)):
            code.statement(statement)


def _defaults(given: dict[str, ast.expr], flow: Flow) -> dict[str, ast.expr]:
    """Return the DAG's `default_args`, as expressions."""
    node = given.get("default_args")
    if isinstance(node, ast.Name):
        node = flow.names.get(node.id)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {str(key.value): one for key, one in pairs if isinstance(key, ast.Constant)}
    return keywords(node) if isinstance(node, ast.Call) and called(node) == "dict" else {}
