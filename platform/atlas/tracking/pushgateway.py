"""A batch's metrics on their way to Prometheus: one push a step, in place of the last batch's.

    atlas_metric{name="rows_scored", model_version="3"} 569
    atlas_batch_info{batch="inference-…", interval_end="2026-01-02T06:00:00+00:00", …} 1
    atlas_batch_interval_end_seconds{…} 1767333600
    atlas_batch_pushed_seconds{…} 1767333612

The labels ``pipeline``, ``flow`` and ``step`` are the push's group, and so on every line. The batch
is a label of ``atlas_batch_info`` alone: a rule over ``atlas_metric`` sees one series, batch after
batch, until the model changes.
"""

from __future__ import annotations

import base64
import time
from datetime import datetime
from typing import TYPE_CHECKING

from atlas.errors import RefusedError
from atlas.http.answers import excerpt
from atlas.http.credentials import pushgateway_authorization
from atlas.http.service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Run

SILENT = ("backfill", "shadow")
"""Triggers whose runs don't push: their batch isn't the current one."""
_ACCEPTED = (200, 202)


def pushes(run: Run) -> bool:
    """Tell whether a run's metrics belong into Prometheus."""
    return run.flow == "inference" and run.trigger not in SILENT


def push(url: str, run: Run, step: str, metrics: Mapping[str, float]) -> None:
    """Replace what a Pushgateway has of a step.

    Raises:
        PlatformError: it doesn't answer, or refuses.
    """
    group = {"job": "atlas", "pipeline": run.pipeline, "flow": run.flow, "step": step}
    path = "/".join(_grouped(name, value) for name, value in group.items())
    service = Service("pushgateway", url, pushgateway_authorization)
    answer = service.send("PUT", f"metrics/{path}", exposition(run, metrics).encode())
    if answer.status not in _ACCEPTED:
        text = f"status {answer.status}: {excerpt(answer.content)}"
        raise RefusedError(f"pushgateway at {service.url}: {text}", answer.status)


def exposition(run: Run, metrics: Mapping[str, float]) -> str:
    """Return metrics in Prometheus' text format."""
    version = run.model.version if run.model else ""
    shared = {"model_version": version}
    batch = {**shared, "batch": run.id, "interval_end": run.interval_end}
    lines = ["# TYPE atlas_metric gauge"]
    lines += [_line("atlas_metric", {"name": n, **shared}, v) for n, v in sorted(metrics.items())]
    lines += ["# TYPE atlas_batch_info gauge", _line("atlas_batch_info", batch, 1)]
    if run.interval_end:
        end = datetime.fromisoformat(run.interval_end).timestamp()
        lines += ["# TYPE atlas_batch_interval_end_seconds gauge"]
        lines += [_line("atlas_batch_interval_end_seconds", shared, end)]
    lines += ["# TYPE atlas_batch_pushed_seconds gauge"]
    lines += [_line("atlas_batch_pushed_seconds", shared, time.time())]
    return "\n".join(lines) + "\n"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {float(value)!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _grouped(name: str, value: str) -> str:
    """Return one label of the group as the Pushgateway's path takes it: any text in base64."""
    encoded = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=") or "="
    return f"job/{value}" if name == "job" else f"{name}@base64/{encoded}"
