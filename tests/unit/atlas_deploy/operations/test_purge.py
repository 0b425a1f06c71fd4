"""What a destroyed deployment leaves, as text and as plain data."""

from __future__ import annotations

from atlas_deploy.operations.purge import Leftovers


def test_versions_are_plain_data_under_the_name_of_their_kind_alone():
    left = Leftovers({"m": 1}, {"p": 2}, {"kubeflow": {"p-training": 3}}, {"trees": "r@sha256:1"})
    assert left.to_json() == {
        "models": {"m": 1},
        "runs": {"p": 2},
        "kubeflow": {"p-training": 3},
        "images": {"trees": "r@sha256:1"},
        "shared": {},
    }
    assert "3 versions of Kubeflow pipeline p-training" in [*left.lines()]
