"""The tasks of a DAG and their order: the statements of its body, read one by one."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import NotALiteralError
from atlas_import.draft import Note, recipe_name
from atlas_import.literals import called, constants, dotted, keywords, value_of
from atlas_import.modules import FunctionNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_import.dag_code import DagCode

_LINKS = frozenset({"chain", "cross_downstream"})
_METHODS = {"set_downstream": False, "set_upstream": True}


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What an expression stands for: tasks, and the key where it is a part of an output."""

    tasks: tuple[str, ...]
    key: str = ""


@dataclass(slots=True)
class Task:
    """One task, as it is written.

    Attributes:
        name: its name in the Recipe.
        place: where.
        operator: the operator's class, or ``@task`` with what follows the dot.
        function: the function that it calls, if it is the DAG file's.
        arguments: position or keyword → expression.
        settings: the operator's keyword arguments.
        keys: parts of its output that others read.
        foreach: the argument, and the expression of the values that it is mapped over.
    """

    name: str
    place: str
    operator: str
    function: FunctionNode | None = None
    arguments: dict[int | str, ast.expr] = field(default_factory=dict)
    settings: dict[str, ast.expr] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    foreach: dict[str, ast.expr] = field(default_factory=dict)
    is_read: bool = False


@dataclass(slots=True)
class Flow:
    """What is known of a DAG while its body is read."""

    code: DagCode
    names: dict[str, ast.expr]
    """Name → the constant expression that it stands for."""
    notes: list[Note]
    tasks: dict[str, Task] = field(default_factory=dict)
    upstream: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, TaskResult] = field(default_factory=dict)
    functions: dict[str, tuple[FunctionNode, str, dict[str, ast.expr]]] = field(
        default_factory=dict
    )
    """Decorated function → its node, the decorator, and the decorator's arguments."""

    def read(self, body: Sequence[ast.stmt], prefix: str = "") -> None:
        """Read the statements of a DAG's body, or of a task group in it."""
        self.names = {**self.names, **constants(list(body))}
        for statement in body:
            self._statement(statement, prefix)

    def _statement(self, statement: ast.stmt, prefix: str) -> None:
        if isinstance(statement, FunctionNode):
            self.function(statement)
        elif isinstance(statement, ast.Assign):
            self._assign(statement, prefix)
        elif isinstance(statement, ast.Expr | ast.Return) and statement.value:
            self.result(statement.value, prefix)
        elif isinstance(statement, ast.With):
            self._group(statement, prefix)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            self.code.lift_statement(statement)
        elif isinstance(statement, ast.For | ast.While | ast.If | ast.Try):
            word = type(statement).__name__.lower()
            text = f"tasks inside of '{word}' weren't taken over: write them out, or use foreach"
            self.notes.append(Note(self.code.source.at(statement), text))

    def _assign(self, statement: ast.Assign, prefix: str) -> None:
        """Know what a name stands for: tasks, or a constant that functions may need."""
        result = self.result(statement.value, prefix)
        for target in statement.targets:
            if isinstance(target, ast.Name) and result:
                self.variables[target.id] = result
        if not result:
            self.code.lift_statement(statement)

    def function(self, function: FunctionNode) -> None:
        """Know a function that is a task, and take any other along as it is."""
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = dotted(call.func if call else decorator)
            if name.split(".")[0] == "task":
                given = keywords(call) if call else {}
                self.functions[function.name] = (function, name, given)
            elif name in ("task_group", "setup", "teardown"):
                text = (
                    f"@{name} '{function.name}' wasn't taken over: make a Recipe of it, as a step"
                )
                self.notes.append(Note(self.code.source.at(function), text))
                return
        if not self.code.lift(function):
            text = f"there are two functions '{function.name}', and one was taken over: rename one"
            self.notes.append(Note(self.code.source.at(function), text))

    def _group(self, statement: ast.With, prefix: str) -> None:
        """Read a task group; its name stands for all of its tasks."""
        before = set(self.tasks)
        for item in statement.items:
            call = item.context_expr
            if not (isinstance(call, ast.Call) and called(call).endswith("TaskGroup")):
                self.notes.append(
                    Note(
                        self.code.source.at(statement),
                        "'with' of something that isn't a TaskGroup was read as if it were absent",
                    )
                )
                continue
            given = keywords(call)
            name = self._text(call.args[0] if call.args else given.get("group_id"))
            prefix = f"{prefix}{name}_" if name else prefix
        self.read(statement.body, prefix)
        made = tuple(name for name in self.tasks if name not in before)
        for item in statement.items:
            if isinstance(item.optional_vars, ast.Name):
                self.variables[item.optional_vars.id] = TaskResult(made)

    def result(self, node: ast.expr, prefix: str = "") -> TaskResult | None:
        """Return the tasks that an expression stands for, made or linked on the way; else None."""
        if isinstance(node, ast.Name):
            return self.variables.get(node.id)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift | ast.LShift):
            return self._shift(node, prefix)
        if isinstance(node, ast.List | ast.Tuple):
            parts = [self.result(one, prefix) for one in node.elts]
            tasks = tuple(task for part in parts if part for task in part.tasks)
            return TaskResult(tasks) if tasks else None
        if isinstance(node, ast.Subscript):
            inner = self.result(node.value, prefix)
            return TaskResult(inner.tasks, self._text(node.slice)) if inner else None
        if isinstance(node, ast.Attribute) and node.attr == "output":
            return self.result(node.value, prefix)
        return self._call(node, prefix) if isinstance(node, ast.Call) else None

    def _shift(self, node: ast.BinOp, prefix: str) -> TaskResult | None:
        left, right = self.result(node.left, prefix), self.result(node.right, prefix)
        if left and right:
            pair = (left, right) if isinstance(node.op, ast.RShift) else (right, left)
            self._link(*pair)
        return right or left

    def _link(self, first: TaskResult, then: TaskResult) -> None:
        """Let tasks wait for others; inside of a group, only its first and last ones matter."""
        for task in self._ends(then, first=True):
            for earlier in self._ends(first, first=False):
                if earlier != task and earlier not in self.upstream[task]:
                    self.upstream[task].append(earlier)

    def _ends(self, result: TaskResult, *, first: bool) -> list[str]:
        """Return the first or the last of some tasks: those with none of them before, or after."""
        own = set(result.tasks)
        waited = {earlier for task in own for earlier in self.upstream[task]}
        if first:
            return [task for task in result.tasks if not own & set(self.upstream[task])]
        return [task for task in result.tasks if task not in waited]

    def _call(self, node: ast.Call, prefix: str) -> TaskResult | None:
        name = called(node)
        last = name.rpartition(".")[2]
        if last in _LINKS:
            self._chain(node, last, prefix)
            return None
        if isinstance(node.func, ast.Attribute) and last in _METHODS:
            own = self.result(node.func.value, prefix)
            other = self.result(node.args[0], prefix) if node.args else None
            if own and other:
                self._link(*((other, own) if _METHODS[last] else (own, other)))
            return None
        if last.endswith(("Operator", "Sensor")) or (last == "partial" and _operator(node)):
            return self._operator(node, last, prefix)
        return self._decorated(node, prefix)

    def _chain(self, node: ast.Call, name: str, prefix: str) -> None:
        parts = [self.result(one, prefix) for one in node.args]
        known = [part for part in parts if part]
        for first, then in itertools.pairwise(known):
            pairwise = name == "chain" and len(first.tasks) == len(then.tasks) > 1
            pairs = zip(first.tasks, then.tasks, strict=True) if pairwise else ()
            for one, other in pairs:
                self._link(TaskResult((one,)), TaskResult((other,)))
            if not pairwise:
                self._link(first, then)

    def _operator(self, node: ast.Call, name: str, prefix: str) -> TaskResult:
        given = keywords(node)
        task = self._new(self._text(given.get("task_id")) or name, node, name, prefix)
        task.settings = given
        callable_ = given.get("python_callable")
        if callable_ is not None:
            task.function = self.code.functions.get(dotted(callable_))
            self._python(task, given)
        return TaskResult((task.name,))

    def _python(self, task: Task, given: dict[str, ast.expr]) -> None:
        """Read the arguments of a function that an operator calls."""
        listed, named = given.get("op_args"), given.get("op_kwargs")
        if isinstance(listed, ast.List | ast.Tuple):
            task.arguments |= dict(enumerate(listed.elts))
        if isinstance(named, ast.Dict):
            pairs = zip(named.keys, named.values, strict=True)
            task.arguments |= {self._text(key): one for key, one in pairs if key is not None}
        elif isinstance(named, ast.Call) and called(named) == "dict":
            task.arguments.update(keywords(named))

    def _decorated(self, node: ast.Call, prefix: str) -> TaskResult | None:
        """Return the task of a call of a function that is one: plain, mapped, or overridden."""
        function, settings, partial = node.func, dict[str, ast.expr](), dict[str, ast.expr]()
        mapped = isinstance(function, ast.Attribute) and function.attr in (
            "expand",
            "expand_kwargs",
        )
        if mapped and isinstance(function, ast.Attribute):
            function = function.value
        while isinstance(function, ast.Call) and isinstance(function.func, ast.Attribute):
            kind = function.func.attr
            settings |= keywords(function) if kind == "override" else {}
            partial |= keywords(function) if kind == "partial" else {}
            function = function.func.value
        known = self.functions.get(dotted(function))
        if not known:
            return None
        definition, kind, given = known
        settings = {**given, **settings}
        own: dict[int | str, ast.expr] = dict(enumerate(node.args))
        own.update(partial if mapped else {**partial, **keywords(node)})
        arguments = {key: self._made(one, prefix) for key, one in own.items()}
        foreach = {key: self._made(one, prefix) for key, one in keywords(node).items() if mapped}
        if mapped and len(foreach) != 1:
            foreach = {"": node}
        name = self._text(settings.get("task_id")) or definition.name
        task = self._new(name, node, f"@{kind}", prefix)
        task.function, task.settings = definition, settings
        task.arguments, task.foreach = arguments, foreach
        return TaskResult((task.name,))

    def _made(self, argument: ast.expr, prefix: str) -> ast.expr:
        """Return an argument; a task that is called there is made once, and named."""
        result = self.result(argument, prefix) if isinstance(argument, ast.Call) else None
        if not result:
            return argument
        name = f"_{len(self.variables)}"
        self.variables[name] = result
        return ast.copy_location(ast.Name(name, ast.Load()), argument)

    def _new(self, name: str, node: ast.AST, operator: str, prefix: str) -> Task:
        own = recipe_name(f"{prefix}{name}", self.tasks)
        self.tasks[own] = Task(own, self.code.source.at(node), operator)
        self.upstream[own] = []
        return self.tasks[own]

    def _text(self, node: ast.expr | None) -> str:
        value = self.value(node) if node is not None else None
        return value if isinstance(value, str) else ""

    def value(self, node: ast.expr) -> Any:
        """Return an expression's constant value, or None."""
        try:
            return value_of(node, self.names)
        except NotALiteralError:
            return None


def _operator(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and dotted(node.func.value).endswith("Operator")
