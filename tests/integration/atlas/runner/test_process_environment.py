"""What steps are told of the platform: addresses, and the paths of the files that open it."""

from __future__ import annotations

import json
import os
import socket

import pytest

from atlas.environment import Environment, find_project
from atlas.runner.process_environment import process_environment

NAMES = ("ATLAS_MLFLOW_URL", "ATLAS_MLFLOW_CREDENTIALS", "ATLAS_PUSHGATEWAY_CREDENTIALS")


def service(url: str, credentials: str | None = None) -> dict[str, object]:
    return {"kind": "x", "url": url, "workload_url": url, "credentials": credentials, "version": ""}


@pytest.fixture
def platform(project, monkeypatch, tmp_path):
    """Write the outputs of a platform whose MLflow listens."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    secrets = tmp_path / "secrets"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def write(**more: object) -> None:
            services = {
                "store": service((tmp_path / "s").as_uri()),
                "mlflow": service(url, "mlflow"),
            }
            services |= {"secrets": service(secrets.as_uri()), **more}
            folder = project.state / "platform" / "local"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "outputs.json").write_text(json.dumps({"version": 1, "services": services}))

        write()
        yield url, str(secrets / "mlflow.json"), write


def seen(project) -> dict[str, str | None]:
    with process_environment(find_project(project.root), Environment(name="local")):
        return {name: os.environ.get(name) for name in NAMES}


def test_steps_get_the_path_of_the_file_and_not_what_is_in_it(project, platform):
    url, file, _ = platform
    assert seen(project) == dict(zip(NAMES, (url, file, None), strict=True))
    assert not any(os.environ.get(name) for name in NAMES), "as it was before"


def test_the_platforms_password_goes_to_no_server_that_a_variable_names(
    project, platform, monkeypatch
):
    monkeypatch.setenv("ATLAS_MLFLOW_URL", "http://127.0.0.1:9")
    assert seen(project)["ATLAS_MLFLOW_CREDENTIALS"] is None


def test_a_file_that_a_variable_names_wins(project, platform, monkeypatch):
    monkeypatch.setenv("ATLAS_MLFLOW_CREDENTIALS", "/own/mlflow.json")
    assert seen(project)["ATLAS_MLFLOW_CREDENTIALS"] == "/own/mlflow.json"


def test_an_open_service_or_secrets_elsewhere_name_no_file(project, platform):
    url, _, write = platform
    write(mlflow=service(url))
    assert seen(project)["ATLAS_MLFLOW_CREDENTIALS"] is None
    write(secrets=service("s3://bucket/secrets"))
    assert seen(project)["ATLAS_MLFLOW_CREDENTIALS"] is None
