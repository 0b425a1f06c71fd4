"""How Airflow labels the pods of tasks, so that those of a run are found among all others."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 63
_HASH = 9
_UNSAFE = re.compile(r"^[^a-z0-9A-Z]*|[^a-zA-Z0-9_\-.]|[^a-z0-9A-Z]*$")


def label(text: str) -> str:
    """Return the value of a label that stands for a text, as Airflow makes it."""
    safe = _UNSAFE.sub("", text)
    if len(safe) <= _LONGEST and safe == text:
        return safe
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_HASH]
    return f"{safe[: _LONGEST - _HASH - 1]}-{digest}"


def pod_selector(dag: str, run: str) -> str:
    """Return what selects the pods of a DAG run; of an empty one, of all runs of the DAG."""
    of_run = f",run_id={label(run)}" if run else ""
    return f"kubernetes_pod_operator=True,dag_id={label(dag)}{of_run}"


def label_of_task(task: str, index: int | None) -> tuple[str, str]:
    """Return the labels of a task's pod: those of the task and of its key."""
    return label(task), "" if index is None else str(index)


def task_of(labels: Mapping[str, str]) -> tuple[str, str]:
    """Return the same of the labels of a pod."""
    index = labels.get("map_index", "")
    return labels.get("task_id", ""), "" if index.startswith("-") else index
