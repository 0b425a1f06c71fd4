"""Tasks as steps: each a function that calls the task's own, or says what is left to write."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import NotALiteralError
from atlas_import.dag_settings import settings_of
from atlas_import.draft import Note, StepDraft, StepInput, StepParam, camel, identifier
from atlas_import.literals import value_of
from atlas_import.modules import FunctionNode

if TYPE_CHECKING:
    from atlas_import.dag_flow import Flow, Task

_EMPTY = frozenset({"EmptyOperator", "DummyOperator"})
_PYTHON = frozenset({"PythonOperator", "@task", "@task.python"})
_BASH = frozenset({"BashOperator"})
_RUN_FACTS = {
    "ds": ("interval_start", "{}[:10]"),
    "ts": ("interval_start", "{}"),
    "data_interval_start": ("interval_start", "datetime.fromisoformat({})"),
    "data_interval_end": ("interval_end", "datetime.fromisoformat({})"),
    "logical_date": ("interval_start", "datetime.fromisoformat({})"),
    "execution_date": ("interval_start", "datetime.fromisoformat({})"),
    "run_id": ("id", "{}"),
}
"""What Airflow gives an argument of a name → the run's fact, and the expression of it."""
_RUN_PARAM = '{"run": "interval_start"}'
_CONTEXT = frozenset(
    {
        "ti",
        "task_instance",
        "dag_run",
        "dag",
        "task",
        "params",
        "conf",
        "var",
        "context",
        "kwargs",
        "outlet_events",
        "inlet_events",
    }
)


@dataclass(slots=True)
class _Step:
    """What is known of a step while its arguments are read."""

    task: Task
    inputs: dict[str, StepInput] = field(default_factory=dict)
    params: dict[str, StepParam] = field(default_factory=dict)
    foreach: dict[str, Any] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    why_not: str = ""


def steps_of(
    flow: Flow, defaults: dict[str, ast.expr]
) -> tuple[tuple[StepDraft, ...], tuple[str, ...]]:
    """Return the steps of a DAG's tasks, and the import statements that they need."""
    _outputs_read(flow)
    imports: set[str] = set()
    kept = [task for task in flow.tasks.values() if task.operator not in _EMPTY]
    for task in flow.tasks.values():
        if task.operator in _EMPTY:
            flow.notes.append(
                Note(
                    task.place,
                    f"{task.operator} '{task.name}' isn't a step: its order was kept",
                )
            )
    return tuple(_step(task, flow, defaults, imports) for task in kept), tuple(sorted(imports))


def _outputs_read(flow: Flow) -> None:
    """Note in each task which parts of its output others read."""
    for task in flow.tasks.values():
        for argument in [*task.arguments.values(), *task.foreach.values()]:
            result = flow.result(argument) if not isinstance(argument, ast.Call) else None
            for name in result.tasks if result else ():
                source = flow.tasks[name]
                source.is_read = True
                key = result.key if result else ""
                if key and key not in source.keys:
                    source.keys.append(key)


def _outputs(task: Task) -> dict[str, str]:
    """Return output → the key of the function's result; ``value`` is the whole of it."""
    names: dict[str, str] = {}
    for key in task.keys:
        names[identifier(key, ["value", *names])] = key
    return {"value": "", **names}


def _reference(flow: Flow, name: str, key: str) -> str:
    outputs = _outputs(flow.tasks[name])
    return f"{name}.{next(output for output, one in outputs.items() if one == key)}"


def _step(task: Task, flow: Flow, defaults: dict[str, ast.expr], imports: set[str]) -> StepDraft:
    step = _Step(task)
    settings, notes = settings_of({**defaults, **task.settings}, task.place)
    flow.notes += notes
    if task.operator in _BASH:
        body = _bash(task, flow, imports)
    elif task.operator in _PYTHON and task.function is not None:
        body = _python(step, task.function, flow, imports)
    else:
        body = _placeholder(step, _why(task), flow)
    after = [
        one
        for one in _waits(task.name, flow)
        if not any(reference.startswith(f"{one}.") for reference in _references(step))
    ]
    returns = {name: "Any" for name in _outputs(task)} if _returns(task) else {}
    doc = ast.get_docstring(task.function) if task.function else ""
    first = (doc or "").strip().lstrip("#").strip().split("\n\n")[0]
    return StepDraft(
        task.name,
        body,
        step.inputs,
        step.params,
        returns,
        first,
        tuple(after),
        step.foreach,
        settings,
    )


def _references(step: _Step) -> list[str]:
    """Return all outputs that a step reads."""
    mapped = [one for one in step.foreach.values() if isinstance(one, str)]
    return [*(one.reference for one in step.inputs.values()), *mapped]


def _why(task: Task) -> str:
    if task.foreach:
        return "is mapped over values (expand): write a step with foreach"
    if task.operator in _PYTHON:
        return "calls a function that isn't in the DAG's file"
    if task.operator.endswith("Sensor"):
        return f"waits for something ({task.operator}): schedule the pipeline for later"
    return f"is a {task.operator}, which has no counterpart"


def _placeholder(step: _Step, why: str, flow: Flow) -> tuple[str, ...]:
    """Return the body of a step that is left to write; what it reads stays."""
    step.inputs.clear()
    step.params.clear()
    step.foreach.clear()
    for argument in [*step.task.arguments.values(), *step.task.foreach.values()]:
        result = flow.result(argument) if not isinstance(argument, ast.Call) else None
        for name in result.tasks if result else ():
            reference = _reference(flow, name, result.key if result else "")
            step.inputs[identifier(name, step.inputs)] = StepInput(reference)
    text = f"'{step.task.name}' {why}"
    flow.notes.append(
        Note(step.task.place, f"{text}; the step raises NotImplementedError until you write it")
    )
    return (f"raise NotImplementedError({text!r})",)


def _bash(task: Task, flow: Flow, imports: set[str]) -> tuple[str, ...]:
    """Return the body of a step that runs a command, if it is a constant without templates."""
    step = _Step(task)
    command = flow.value(task.settings["bash_command"]) if "bash_command" in task.settings else None
    if not isinstance(command, str):
        return _placeholder(step, "runs a command that isn't a constant: write it in Python", flow)
    if "{{" in command or "{%" in command:
        return _placeholder(step, "runs a command with a template: write it in Python", flow)
    if "env" in task.settings:
        return _placeholder(step, "gives its command variables (env): write it in Python", flow)
    imports.add("import subprocess")
    run = f"subprocess.run(['bash', '-c', {command!r}], check=True"
    if not _returns(task):
        return (f"{run})",)
    return (
        f"done = {run}, stdout=subprocess.PIPE, text=True)",
        "return done.stdout.rstrip().rpartition('\\n')[2]",
    )


def _returns(task: Task) -> bool:
    """Tell whether a task gives something that others could read."""
    if task.function is None or task.operator not in _PYTHON:
        return task.is_read
    return task.is_read or any(
        isinstance(one, ast.Return) and one.value is not None for one in _own(task.function)
    )


def _own(function: FunctionNode) -> list[ast.AST]:
    """Return the nodes of a function's own body, without those of functions in it."""
    found: list[ast.AST] = []
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        found.append(node)
        if not isinstance(node, FunctionNode | ast.Lambda | ast.ClassDef):
            left += ast.iter_child_nodes(node)
    return found


def _python(step: _Step, function: FunctionNode, flow: Flow, imports: set[str]) -> tuple[str, ...]:
    """Return the body of a step that calls a function of the DAG's file."""
    if not (_arguments(step, function, flow) and _facts(step, function, flow, imports)):
        return _placeholder(step, step.why_not or _why(step.task), flow)
    if function.args.kwarg:
        text = f"'{step.task.name}' gets nothing by **{function.args.kwarg.arg}: give it inputs"
        flow.notes.append(Note(step.task.place, text))
    imports.add("import dag_code")
    call = f"dag_code.{function.name}({', '.join(step.passed)})"
    return _call(step.task, call)


def _arguments(step: _Step, function: FunctionNode, flow: Flow) -> bool:
    """Add what a task gives its function; tell whether all of it can be given to a step."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    for name, expression in step.task.foreach.items():
        if not _mapped(step, name, expression, flow):
            return False
    for key, expression in step.task.arguments.items():
        if isinstance(key, int) and key >= len(arguments):
            step.why_not = "gives its function more arguments than it names"
            return False
        name = arguments[key].arg if isinstance(key, int) else key
        step.given.add(name)
        if not _argument(step, name, expression, flow):
            return False
    return True


def _facts(step: _Step, function: FunctionNode, flow: Flow, imports: set[str]) -> bool:
    """Add what Airflow would give the function; tell whether it can be called."""
    required = _required(function)
    known = {*step.given, *step.task.foreach}
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    left = [one.arg for one in arguments if one.arg not in known]
    return all(_fact(step, name, name in required, flow, imports) for name in left)


def _call(task: Task, call: str) -> tuple[str, ...]:
    if not _returns(task):
        return (call,)
    outputs = _outputs(task)
    if list(outputs) == ["value"]:
        return (f"return {call}",)
    keys = ", ".join(f"made[{key!r}]" for key in task.keys)
    return (f"made = {call}", f"return {camel(identifier(task.name))}Outputs(made, {keys})")


def _mapped(step: _Step, name: str, expression: ast.expr, flow: Flow) -> bool:
    """Add the argument that a task is mapped over: an output, or a list of texts or numbers."""
    own = identifier(name)
    result = flow.result(expression) if not isinstance(expression, ast.Call) else None
    if result and len(result.tasks) == 1:
        step.foreach[own] = _reference(flow, result.tasks[0], result.key)
    else:
        values = flow.value(expression)
        is_plain = isinstance(values, list) and all(type(one) in (str, int) for one in values)
        if not values or not is_plain or len(set(values)) < len(values):
            return False
        step.foreach[own] = values
    step.passed.append(f"{name}={own}")
    return True


def _argument(step: _Step, name: str, expression: ast.expr, flow: Flow) -> bool:
    """Add an argument: an output of another task, or a constant; tell whether it is one."""
    own = identifier(name, [*step.inputs, *step.params, *step.foreach])
    result = flow.result(expression) if not isinstance(expression, ast.Call) else None
    if result and len(result.tasks) == 1:
        step.inputs[own] = StepInput(_reference(flow, result.tasks[0], result.key))
        step.passed.append(f"{name}={own}")
        return True
    try:
        value = value_of(expression, flow.names)
    except NotALiteralError:
        text = ast.unparse(expression)[:60]
        step.why_not = f"is given {text} for '{name}', which is known only when the DAG runs"
        return False
    if isinstance(value, str) and "{{" in value:
        step.why_not = f"is given a template for '{name}': use a param, such as {_RUN_PARAM}"
        return False
    step.params[own] = StepParam(_literal(value))
    step.passed.append(f"{name}={own}")
    return True


def _literal(value: Any) -> Any:
    """Return a value as the Recipe has it: a mapping of one key could be read as a reference."""
    return {"literal": value} if isinstance(value, dict) else value


def _required(function: FunctionNode) -> set[str]:
    """Return the arguments of a function that have no default."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    plain = arguments[: len(arguments) - len(function.args.defaults)]
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return {one.arg for one in plain} | {one.arg for one, default in pairs if default is None}


def _fact(step: _Step, name: str, is_required: bool, flow: Flow, imports: set[str]) -> bool:
    """Add an argument that Airflow fills in by its name; tell whether a call is possible."""
    if name in _RUN_FACTS:
        fact, expression = _RUN_FACTS[name]
        own = identifier(name, [*step.inputs, *step.params])
        step.params[own] = StepParam({"run": fact}, "str")
        step.passed.append(f"{name}={expression.format(own)}")
        imports |= {"from datetime import datetime"} if "datetime." in expression else set()
        return True
    if is_required:
        step.why_not = f"takes '{name}' of Airflow's context: give it an input or a param"
        return False
    if name in _CONTEXT:
        flow.notes.append(
            Note(
                step.task.place,
                f"'{step.task.name}' isn't given '{name}': hand values on as inputs",
            )
        )
    return True


def _waits(name: str, flow: Flow) -> list[str]:
    """Return the steps that a task waits for; through those that are none, what these wait for."""
    found: dict[str, None] = {}
    left, seen = list(flow.upstream[name]), set[str]()
    while left:
        one = left.pop(0)
        if one in seen:
            continue
        seen.add(one)
        if flow.tasks[one].operator in _EMPTY:
            left += flow.upstream[one]
        else:
            found[one] = None
    return list(found)
