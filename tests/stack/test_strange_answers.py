"""Between Atlas and the real Airflow stands what answers with JSON of another shape: a line, no traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.flaky import Flaky, flaky
from tests.projects import Project

pytestmark = pytest.mark.stack

SOURCE = """
class Number(NamedTuple):
    number: int

class Make(Template):
    def run(self) -> Number:
        return Number(1)
"""
STEPS = {"make": {"class": "steps:Make"}}


class Strange:
    """A pipeline that is deployed, over a proxy before Airflow that forwards what it is asked."""

    def __init__(self, platform: Any, proxy: Flaky, root: Path) -> None:
        self.platform, self.proxy, self.project = platform, proxy, Project(root)
        outputs = deepcopy(dict(platform.outputs))
        outputs["services"]["airflow"]["url"] = proxy.url
        self.project.write("platform.json", json.dumps(outputs))
        own = {"outputs": "platform.json"}
        self.project.environment(platform=own, targets={"training": "airflow"})
        self.project.pipeline("strange", SOURCE, STEPS)
        self.run("deploy", "strange")

    def run(self, *words: str, code: int = 0) -> str:
        done = self.platform.run(*words, cwd=self.project.root, code=code)
        assert "Traceback" not in done.stdout + done.stderr
        return str(done.stdout + done.stderr)


@pytest.fixture(scope="module")
def strange(platform, tmp_path_factory) -> Iterator[Strange]:
    with flaky(platform.url("airflow"), rate=0.0) as proxy:
        made = Strange(platform, proxy, tmp_path_factory.mktemp("strange"))
        yield made
        proxy.rate = 0.0
        made.run("destroy", "strange")


@pytest.fixture(params=["list", "null", "html", "other", "half"])
def shape(request, strange) -> Iterator[str]:
    strange.proxy.rate, strange.proxy.faults = 1.0, (request.param,)
    yield str(request.param)
    strange.proxy.rate = 0.0


def test_what_reads(strange, shape):
    for command in ("status", "train"):
        said = strange.run(command, "strange", code=1)
        assert f"airflow at {strange.proxy.url}" in said


@pytest.mark.parametrize("shape", ["list", "html"], indirect=True)
def test_what_changes(strange, shape):
    file = strange.project.root / "strange" / "steps.py"
    file.write_text(f"{file.read_text()}# {shape}\n")
    for command in ("deploy", "destroy"):
        said = strange.run(command, "strange", code=1)
        assert f"airflow at {strange.proxy.url}" in said
