"""A deployment onto a Kubeflow that does not answer."""

from __future__ import annotations

import json

import pytest

from atlas.errors import PlatformError
from atlas_deploy.live import snapshot
from tests.integration import fake_kubeflow
from tests.unit.atlas_deploy.desired.test_bundle import services

__all__ = ["services"]


def test_a_kubeflow_that_is_down_or_locked_is_told_before_anything_is_done(services, tmp_path):
    kinds = ["KubeflowPipelines"]
    snapshot.require(services, kinds)
    services.by_name["kubeflow"].update(kind="kfp", url="http://127.0.0.1:9")
    with pytest.raises(
        PlatformError, match=r"kubeflow at .*no answer.*see that its API server runs"
    ):
        snapshot.require(services, kinds)
    server, url = fake_kubeflow.serve(fake_kubeflow.FakeKubeflow(token="hunter2"))
    try:
        services.by_name["kubeflow"].update(url=url)
        with pytest.raises(PlatformError, match="asks for a token"):
            snapshot.require(services, kinds)
        services.by_name["kubeflow"].update(credentials="kubeflow")
        (tmp_path / "secrets").mkdir()
        secret = {"username": "", "password": "hunter2"}
        (tmp_path / "secrets" / "kubeflow.json").write_text(json.dumps(secret))
        snapshot.require(services, kinds)
    finally:
        server.shutdown()
        server.server_close()
