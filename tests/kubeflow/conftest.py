"""A real Kubeflow Pipelines for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kubeflow.server import KubeflowServer, kubeflow_server


@pytest.fixture(scope="session")
def kubeflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeflowServer]:
    """The API of a Kubeflow Pipelines, without anything that runs pods."""
    with kubeflow_server(tmp_path_factory.mktemp("kubeflow")) as server:
        yield server
