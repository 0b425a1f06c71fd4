"""What `atlas destroy` tells: what it removed, and what it left."""

from __future__ import annotations

from atlas_deploy.operations.render import render_destroyed


def test_versions_that_stay_in_kubeflow_are_told():
    done = {"p.prod": True, "q.prod": True, "r.prod": False}
    kept = {"p.prod": {"Kubeflow pipeline p-training": 2}, "q.prod": {}, "r.prod": {}}
    assert render_destroyed(done, {}, kept).splitlines() == [
        "p.prod: removed; its models, runs and artifacts stay",
        "  Kubeflow pipeline p-training stays with versions that runs were made by: 2; "
        "`atlas destroy --purge` deletes them",
        "q.prod: removed; its models, runs and artifacts stay",
        "r.prod: nothing was deployed",
    ]
