"""What `promtool` says of the catalogue."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from atlas.metrics.catalogue import CATALOGUE
from atlas.metrics.exposition import Sample, page
from atlas.metrics.metric import BATCH, MONITOR, PUSH, RUN


def test_promtool_finds_nothing_wrong() -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool here; it comes with Prometheus")
    samples = [Sample(m.name, 1.5, tuple(f"{n} é" for n in m.labels)) for m in CATALOGUE]
    text = "".join(page(samples, part) for part in (RUN, BATCH, PUSH, MONITOR))
    assert text.count("# HELP") == len(CATALOGUE)
    done = subprocess.run(
        [program, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
