"""One Kubeflow that runs pipelines for all tests of this folder, with an MLflow beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kubeflow.running import running_kubeflow
from tests.kubeflow.workplace import Workplace


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A Kubeflow, and what Atlas has to know of it."""
    folder = tmp_path_factory.mktemp("runs")
    with running_kubeflow(folder / "kubeflow") as kubeflow:
        (folder / "workplace").mkdir()
        yield Workplace(kubeflow, folder / "workplace")
