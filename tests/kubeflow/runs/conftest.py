"""One Kubeflow that runs pipelines for all tests of this folder, with an MLflow beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kubeflow.running import running_kubeflow, variables
from tests.kubeflow.workplace import Workplace, workplace
from tests.servers import mlflow_database, mlflow_server

__all__ = ["mlflow_database", "mlflow_server"]


@pytest.fixture(scope="session")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Workplace]:
    """A Kubeflow whose pods are processes, and what Atlas has to know of it."""
    folder = tmp_path_factory.mktemp("runs")
    with running_kubeflow(folder / "kubeflow") as kubeflow, pytest.MonkeyPatch.context() as patch:
        for name, value in variables(kubeflow.server).items():
            patch.setenv(name, value)
        mlflow = request.getfixturevalue("mlflow_server")
        yield workplace(kubeflow, folder / "workplace", mlflow)
