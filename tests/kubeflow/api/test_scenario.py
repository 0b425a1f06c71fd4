"""What Atlas does with an API server, from end to end: a real one does what was recorded."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.request import urlopen

import pytest

from atlas.targets.kubeflow.server import Api
from tests.integration import kubeflow_scenario
from tests.kubeflow.packages import package
from tests.kubeflow.server import KubeflowServer

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(900)]

DIFFERENT: dict[str, Any] = {
    "unknown path": "has no apis/v2beta1/nothing/here (status 404, found 'Not Found'); see whether "
    "that address is the API server's of Kubeflow Pipelines, 2.14 or newer"
}
"""What 2.0.5 answers otherwise than 2.17, with which it was recorded."""


def test_a_real_server_does_what_was_recorded(kubeflow: KubeflowServer) -> None:
    with urlopen(f"{kubeflow.url}/apis/v2beta1/healthz", timeout=60) as answer:
        release = json.loads(answer.read())["tag_name"]
    api = Api(kubeflow.url)
    seen = kubeflow_scenario.scenario(api, package(release))
    text = re.sub(r"http://127\.0\.0\.1:[0-9]+", "URL", json.dumps(seen))
    recorded = json.loads(kubeflow_scenario.RECORDED.read_text("utf-8"))["seen"]
    expected = {**recorded, **(DIFFERENT if release == "2.0.5" else {})}
    assert json.loads(text) == expected
