"""What retrains takes neither git nor Pulumi: a monitor's image has none of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.projects import environment, project
from tests.retrained import cause, champion

__all__ = ["project"]
CHILD = """
import json, sys
for name in ("pulumi", "pulumi_kubernetes", "kfp", "airflow", "mlflow", "atlas_deploy", "atlas_cli"):
    sys.modules[name] = None
from atlas.monitor.events import TriggerEvent
from atlas.retraining.every import retrain_every
from atlas.store import open_store
from tests.retrained import pipeline, place
url, event = sys.argv[1:]
rule = pipeline(parameters={"all": {"quality": 0.9}})
found = TriggerEvent.from_json(json.loads(event))
(there,) = retrain_every(place(open_store(url)), [(rule, found)])
print(json.dumps(there.to_json()))
"""


def test_a_retraining_needs_neither_git_nor_pulumi(project, tmp_path):
    event = cause(champion(project))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, project.url, json.dumps(event.to_json())],
        cwd=Path(__file__).parents[4], capture_output=True, text=True, timeout=120,
        env=environment(PATH=str(tmp_path), ATLAS_STATE=str(project.state)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "promoted"
