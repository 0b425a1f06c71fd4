"""`atlas validate --policy`: the policies over a file, as text and as JSON, by its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: web
      image: hub.example/web:1
      resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "atlas_cli", "validate", "--policy", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_policies_look_at_a_file_wherever_one_is(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(POD)
    done = run(tmp_path, "pod.yaml")
    assert (done.returncode, done.stdout) == (0, "pod.yaml (1 resource): fine\n"), done.stderr
    (tmp_path / "pod.yaml").write_text(POD.replace("web:1", "web"))
    done = run(tmp_path, "pod.yaml")
    assert done.returncode == 1
    assert done.stdout.startswith("pod.yaml: error K001: Pod web: spec.containers.web.image: ")
    found = json.loads(run(tmp_path, "pod.yaml", "--json").stdout)
    assert [one["code"] for one in found["problems"]] == ["K001"]
    assert found["files"] == ["pod.yaml"]


def test_a_file_that_is_not_there_is_a_message(tmp_path: Path) -> None:
    done = run(tmp_path, "gone.json")
    assert done.returncode == 1
    assert "gone.json: error D001: can't be read" in done.stderr
    assert "Traceback" not in done.stderr
