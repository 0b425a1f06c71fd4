"""Order behind branches: KFP's DSL lets no task follow one that is inside a branch.

Kubeflow itself has no such limit: a task waits for the whole of the branches, one of which runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def put_behind(pipeline: Any, waits: Mapping[str, Sequence[str]]) -> None:
    """Let tasks wait for the branches that others are in; in a loop, the loop waits.

    Args:
        pipeline: the pipeline's spec, which is changed.
        waits: name of a task → names of tasks inside branches.
    """
    for dag in _dags(pipeline):
        holders = {inner: name for name in dag.tasks for inner in _inside(pipeline, dag, name)}
        for task, names in waits.items():
            holder = holders.get(task)
            before = {holders[name] for name in names if name in holders} - {holder}
            if holder is not None and before:
                waiting = dag.tasks[holder].dependent_tasks
                before |= {*waiting}
                del waiting[:]
                waiting.extend(sorted(before))


def _dags(pipeline: Any) -> Iterator[Any]:
    """Give the graphs of a pipeline, the outermost first."""
    components = (pipeline.root, *pipeline.components.values())
    return (component.dag for component in components if component.HasField("dag"))


def _inside(pipeline: Any, dag: Any, name: str) -> Iterator[str]:
    """Give the names of a task, and of all that are inside of it."""
    yield name
    component = pipeline.components[dag.tasks[name].component_ref.name]
    if component.HasField("dag"):
        for inner in component.dag.tasks:
            yield from _inside(pipeline, component.dag, inner)
