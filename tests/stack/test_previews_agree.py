"""Atlas's own preview beside that of Pulumi's engine, of the same deployment: they say the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from atlas_deploy import deploy, deployments, preview
from atlas_deploy.apply.stack import open_stack
from atlas_deploy.operations.reading import compare
from tests.integration.atlas_deploy.operations.test_folders import edit, project

__all__ = ["project"]
pytestmark = pytest.mark.stack

OPERATIONS = {"create": "add", "update": "change", "delete": "remove", "same": "same"}


def of_the_engine(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What Pulumi's preview says: each resource's operation, and each member that differs."""
    (diff,) = compare(deployments(folder, "local")).diffs
    stack = open_stack(diff.deployment, diff.parts, print)
    resources: dict[str, str] = {}
    members: dict[str, str] = {}

    def hear(event: Any) -> None:
        step = event.resource_pre_event.metadata if event.resource_pre_event else None
        if step is None or not step.type.startswith("atlas:") or str(step.op.value) == "refresh":
            return
        resources[step.urn.rpartition("::")[2]] = OPERATIONS[str(step.op.value)]
        for path, how in (step.detailed_diff or {}).items():
            if path.startswith('members["'):
                word = str(how.diff_kind.value).removesuffix("-replace")
                action = {"add": "add", "delete": "remove"}.get(word, "change")
                members[path.removeprefix('members["').removesuffix('"]')] = action

    stack._handle.preview(refresh=diff.has_drifted, on_event=hear)
    return resources, members


def of_atlas(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What `atlas preview` says."""
    ((result,), _) = preview(deployments(folder, "local"))
    by_resource: dict[str, set[str]] = {}
    for change in result.changes:
        by_resource.setdefault(change.kind, set()).add(change.action)
    resources = {
        name: actions.pop() if len(actions) == 1 else "change"
        for name, actions in by_resource.items()
    }
    return resources, {c.name: c.action for c in result.changes if c.action != "same"}


def test_both_previews_say_the_same(project: Path, tmp_path: Path):
    folder = project / "one"
    resources, _ = of_the_engine(folder)
    assert of_atlas(folder)[0] == resources == {"training-kubeflow": "add"}

    deploy(deployments(folder, "local"), print)
    assert of_atlas(folder) == of_the_engine(folder) == ({"training-kubeflow": "same"}, {})

    edit(folder / "config.json", parameters={"test_fraction": 0.4})
    changed = ({"training-kubeflow": "change"}, {"one-training": "change"})
    assert of_atlas(folder) == of_the_engine(folder) == changed

    raw = json.loads((folder / "config.json").read_text())
    family = {**raw, "matrix": {"region": ["east", "west"]}}
    (folder / "config.json").write_text(json.dumps(family))
    more = {"one-east-training": "add", "one-west-training": "add", "one-training": "remove"}
    assert of_atlas(folder) == of_the_engine(folder) == ({"training-kubeflow": "change"}, more)

    deploy(deployments(folder, "local"), print)
    shutil.rmtree(tmp_path / "store/kubeflow/one-east-training")
    drifted = ({"training-kubeflow": "change"}, {"one-east-training": "add"})
    assert of_atlas(folder) == of_the_engine(folder) == drifted
