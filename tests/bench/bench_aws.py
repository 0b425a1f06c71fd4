"""What the platform's program for AWS takes as a whole process, with mocks in place of an account."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from tests.aws_program import declare
from tests.bench.table import Row, at_most
from tests.cluster_program import cache

_OFFICIAL = (
    ("airflow", "local-executor"),
    ("kubeflow", "cluster-scoped-resources"),
    ("kubeflow", "platform-agnostic"),
    ("prometheus", "operator"),
)
_OFF = {"airflow": "false", "kubeflow": "false", "prometheus": "false"}


def run() -> list[Row]:
    """Return the seconds of one run; of the whole platform where its manifests are there."""
    with tempfile.TemporaryDirectory() as folder:
        state, settings, what = Path(folder), {}, "whole platform"
        try:
            cache(state, *_OFFICIAL)
        except pytest.skip.Exception:
            settings, what = _OFF, "platform without official manifests"
        start = time.perf_counter()
        done = declare(state, **settings)
        took = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    return [at_most(f"program for AWS with mocks, {what}", took, 10, "s")]
