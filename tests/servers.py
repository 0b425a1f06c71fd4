"""Real servers for tests, on free ports of loopback; each is stopped by its own handle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from atlas.images import ImageRegistry
from atlas_provider.ports import choose_port
from atlas_provider.templates import Filling
from infra.local import mlflow as infra_mlflow
from infra.local import registry as infra_registry
from tests.tether import tied


def free_port() -> int:
    """Return a port that is free: one that no outgoing connection takes before a server has it."""
    return choose_port()


@contextmanager
def serving(
    command: list[str], url: str, log: Path, *, folder: Path | None = None, **env: str
) -> Iterator[str]:
    """Run a server until it is no longer needed; give its URL once it answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            tied(command),
            cwd=folder,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **env},
            start_new_session=True,
        )
        try:
            _wait(process, url, log)
            yield url
        finally:
            os.killpg(process.pid, 15)
            process.wait(120)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 250
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            urlopen(url, timeout=2).close()
        except URLError as error:
            if getattr(error, "code", None):
                return
        except OSError:
            pass
        else:
            return
        time.sleep(0.1)
    raise RuntimeError(f"no answer at {url}: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The AWS API, served by moto; gives the variables that clients need."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with serving(command, f"{url}/moto-api/", tmp_path_factory.mktemp("moto") / "log"):
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of `mlflow_server`."""
    return tmp_path_factory.mktemp("mlflow") / "mlflow.db"


@pytest.fixture(scope="session")
def mlflow_server(mlflow_database: Path) -> Iterator[str]:
    """A real MLflow over a SQLite file: one for all modules below the conftest that imports both.

    A module that imported it would have a server of its own.
    """
    folder = mlflow_database.parent
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{mlflow_database}",
        "--artifacts-destination", f"{folder}/artifacts", "--workers", "1",
    ]  # fmt: skip
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/health", folder / "log", **quiet):
        yield url


@dataclass(frozen=True)
class MlflowServer:
    """A real MLflow, set up as the local platform sets it up.

    Attributes:
        url: where it is.
        secret: the file with its user and password.
        artifacts: the folder that it keeps artifacts in.
    """

    url: str
    secret: Path
    artifacts: Path


@pytest.fixture(scope="session")
def platform_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """MLflow as the local platform runs it: for its users only."""
    folder, port = tmp_path_factory.mktemp("platform-mlflow"), free_port()
    own, home = folder / "mlflow-server", folder / "mlflow"
    own.mkdir()
    home.mkdir()
    filling = Filling(own, folder, {"http": port}, folder / "secrets", make=True)
    (own / "basic_auth.ini").write_text(filling.fill(infra_mlflow.users(home.name)))
    given = {**infra_mlflow.ENVIRONMENT, **infra_mlflow.USERS}
    variables = {name: filling.fill(text) for name, text in given.items()}
    command = [filling.fill(word) for word in infra_mlflow.command([sys.executable, str(home)])]
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/health", folder / "log", folder=own, **variables):
        secret = folder / "secrets" / f"{infra_mlflow.SECRET}.json"
        yield MlflowServer(url, secret, home / "artifacts")


@pytest.fixture(scope="session")
def pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Pushgateway."""
    import shutil

    program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if program is None:
        pytest.skip("no Pushgateway here; `make setup` gets it where Debian's packages may be")
    port = free_port()
    log = tmp_path_factory.mktemp("pushgateway") / "log"
    command = [
        program, f"--web.listen-address=127.0.0.1:{port}", "--web.enable-admin-api",
        "--persistence.file=",  # Debian's has one by default, for all of the machine.
    ]  # fmt: skip
    with serving(command, f"http://127.0.0.1:{port}/-/ready", log):
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class RegistryServer:
    """A real registry of images, set up as the local platform sets it up.

    Attributes:
        url: where it is.
        secrets: the folder that has its secret.
    """

    url: str
    secrets: Path

    @property
    def secret(self) -> Path:
        """The file of its secret."""
        return self.secrets / f"{infra_registry.SECRET}.json"

    def client(self) -> ImageRegistry:
        """Return a client that may do everything."""
        return ImageRegistry.at(self.url, self.secret)

    def add_image(self, repository: str, content: str) -> str:
        """Push an image of one small layer, and return its digest."""
        return add_image(self.client(), repository, content)


_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _part(kind: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest, "size": size}


def add_image(client: ImageRegistry, repository: str, content: str) -> str:
    """Push an image of one small layer to a registry, and return its digest."""
    layer, config = (client.add_blob(repository, text.encode()) for text in (content, "{}"))
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _part("application/vnd.oci.image.config.v1+json", config, 2),
        "layers": [_part("application/vnd.oci.image.layer.v1.tar", layer, len(content))],
    }
    return client.add_manifest(repository, json.dumps(manifest).encode(), _MANIFEST)[0]


@pytest.fixture(scope="session")
def registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A real registry of images, with credentials, and deletion allowed."""
    import shutil

    program = next(filter(None, map(shutil.which, ("docker-registry", "registry"))), None)
    if program is None:
        pytest.skip("no registry here; `make setup` gets it where Debian's packages may be")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    filling = Filling(folder, folder, {"http": port}, folder / "secrets", make=True)
    for name, text in infra_registry.files().items():
        (folder / name).write_text(filling.fill(text))
    command = [filling.fill(word) for word in infra_registry.command(program)]
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/", folder / "log", OTEL_TRACES_EXPORTER="none"):
        yield RegistryServer(url, folder / "secrets")


@pytest.fixture
def prometheus(tmp_path: Path, pushgateway: str) -> Iterator[str]:
    """A real Prometheus that scrapes the Pushgateway, as the platform's does, each 0.2 seconds."""
    import shutil

    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no Prometheus here; `make setup` gets it where Debian's packages may be")
    folder, port = tmp_path / "prometheus", free_port()
    folder.mkdir()
    target = pushgateway.removeprefix("http://")
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 200ms}\n"
        "scrape_configs:\n"
        "  - job_name: pushgateway\n"
        "    honor_labels: true\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n"
        "  - job_name: prometheus\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    )
    command = [
        program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with serving(command, f"http://127.0.0.1:{port}/-/ready", folder / "log"):
        yield f"http://127.0.0.1:{port}"
