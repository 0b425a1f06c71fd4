"""The catalogue links each pipeline to the pages that a platform's services have of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.plan import resolve
from atlas_deploy.operations.cataloguing import pages_of
from atlas_deploy.platforms.services import Services
from tests.unit.atlas.shop import shop, write

E = "environments/local.json"


def service(kind: str, url: str) -> dict[str, object]:
    return {"kind": kind, "url": url, "workload_url": url, "credentials": None, "version": "3"}


def services(kubeflow: str) -> Services:
    return Services(
        "dev",
        {
            "store": service("folder", "file:///srv/store"),
            "secrets": service("folder", "file:///srv/secrets"),
            "dags": service("folder", "file:///srv/dags"),
            "airflow": service("airflow", "http://airflow.example/"),
            "kubeflow": service(kubeflow, "http://kubeflow.example/pipeline/"),
            "mlflow": service("mlflow", "http://mlflow.example"),
            "prometheus": service("prometheus", "http://prometheus.example"),
        },
    )


@pytest.mark.parametrize("kubeflow", ["kfp", "kfp.local"])
def test_each_service_that_has_pages_is_linked(kubeflow: str, tmp_path: Path) -> None:
    targets = {"training": "kubeflow", "inference": "airflow"}
    (pipeline,) = resolve(write(tmp_path, shop((E, "targets", targets))))
    links = {link.name: link.url for link in pages_of(services(kubeflow))(pipeline)}
    assert links.pop("training on Kubeflow", "") == (
        "http://kubeflow.example/pipeline/#/pipelines" if kubeflow == "kfp" else ""
    )
    assert links.pop("inference on Airflow") == "http://airflow.example/dags/shop-inference"
    assert links.pop("MLflow") == "http://mlflow.example/#/models/shop"
    assert links.pop("Prometheus").startswith("http://prometheus.example/graph?g0.expr=")
    assert not links


def test_without_a_platform_there_are_no_links(tmp_path: Path) -> None:
    (pipeline,) = resolve(write(tmp_path, shop()))
    assert list(pages_of(None)(pipeline)) == []
