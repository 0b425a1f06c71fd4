"""Compiled packages that a server takes, whatever its release."""

from __future__ import annotations

from typing import Any

import yaml

from tests.integration.kubeflow_scenario import PACKAGE


def package(release: str, content: bytes = b"") -> bytes:
    """Return a package, without what a release can't do.

    Before 2.14 a server refuses to start a run of a pipeline whose last task asks how it ended:
    "task final status not supported yet". All else of the package is as Atlas compiles it.

    Args:
        release: the server's, such as ``2.0.5``.
        content: the package; by default the recorded one.
    """
    content = content or PACKAGE.read_bytes()
    if _number(release) >= (2, 14):
        return content
    documents = [*yaml.safe_load_all(content)]
    _strip(documents[0])
    return yaml.safe_dump_all(documents).encode()


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:2])


def _strip(value: Any) -> None:
    """Remove every input that is a task's final status."""
    if isinstance(value, list):
        for item in value:
            _strip(item)
    if not isinstance(value, dict):
        return
    for key, inner in [*value.items()]:
        is_asked = isinstance(inner, dict) and (
            "taskFinalStatus" in inner or inner.get("parameterType") == "TASK_FINAL_STATUS"
        )
        if is_asked:
            del value[key]
        else:
            _strip(inner)
