"""Atlas's own targets and what each compiles in several ways: the one list of contract tests.

A target that is new to `atlas.registered.TARGETS` has its compilers here, and what reads its files
back in `tests.contract.test_parity`; both are held to that table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.registered import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


def _kubeflow() -> dict[str, Any]:
    from atlas.targets.kubeflow.compiler import KubeflowCompiler

    return {
        "cluster": KubeflowCompiler(exit_handler=True),
        "kfp.local": KubeflowCompiler(local=True),
    }


def _airflow() -> dict[str, Any]:
    from atlas.targets.airflow.compiler import AirflowCompiler

    return {tasks: AirflowCompiler(tasks) for tasks in ("process", "docker", "kubernetes")}


FLAVOURS: Mapping[str, Callable[[], dict[str, Any]]] = {"kubeflow": _kubeflow, "airflow": _airflow}
"""Target → what makes its compilers, by flavour; imported when they are made."""


def compilers(targets: Iterable[str] = TARGETS) -> Iterator[tuple[str, Any]]:
    """Give every flavour of some targets, with its compiler."""
    for target in targets:
        yield from FLAVOURS[target]().items()
