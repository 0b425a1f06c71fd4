"""An Airflow for tests that takes DAG files from a bucket and from a repository, and an S3 server.

The providers that read them aren't part of Atlas's own environment: they are of Airflow's image. A
folder of the user's cache has them, as `airflow-bundles.lock` pins them, beside what is locked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from atlas.waiting import wait_until
from atlas_toolchain import cluster_tests
from tests.beside import installed
from tests.servers import free_port, serving
from tests.tether import tied

LOCK = Path(__file__).parent / "airflow-bundles.lock"
USER, PASSWORD = "atlas", "hunter2-and-more"
_SECONDS = 300.0
_PARTS = (("api-server",), ("scheduler", "--skip-serve-logs"), ("dag-processor",))
_CONFIG = """\
[core]
executor = LocalExecutor
parallelism = 2
auth_manager = airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager
simple_auth_manager_users = {user}:admin
simple_auth_manager_passwords_file = {folder}/passwords.json
execution_api_server_url = {url}/execution/
load_examples = False
min_serialized_dag_update_interval = 0
[database]
sql_alchemy_conn = sqlite:///{folder}/airflow.db?timeout=60
[api]
host = 127.0.0.1
port = {port}
base_url = {url}
workers = 1
[api_auth]
jwt_secret = {secret}
[dag_processor]
dag_bundle_config_list = {bundles}
dag_bundle_storage_path = {folder}/bundles
refresh_interval = 3
bundle_refresh_check_interval = 2
parsing_processes = 1
[logging]
base_log_folder = {folder}/logs
dag_processor_child_process_log_directory = {folder}/logs/dag_processor
[scheduler]
catchup_by_default = False
"""


def providers() -> Path:
    """Return a folder with the providers of Airflow that read buckets and repositories, made once."""
    return installed(LOCK)


@contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run a real S3 server over a folder; give the variables by which clients reach it.

    A bucket is a folder of ``data``.
    """
    program = cluster_tests.find("versitygw")
    if program is None:
        pytest.skip("no versitygw: `make test-cluster` gets it, with Go")
    (folder / "data" / "atlas").mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(program), "--port", f"127.0.0.1:{port}", "--health", "/health"]
    command += ["posix", str(folder / "data")]
    keys = {"ROOT_ACCESS_KEY": USER, "ROOT_SECRET_KEY": PASSWORD}
    with serving(command, f"{url}/health", folder / "s3.log", **keys):
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@dataclass(frozen=True)
class Airflow:
    """An Airflow that answers.

    Attributes:
        url: its address.
        secrets: the folder with the secret ``airflow``, which opens it.
    """

    url: str
    secrets: Path


@contextmanager
def airflow(
    folder: Path, bundles: Sequence[Mapping[str, Any]], variables: Mapping[str, str]
) -> Iterator[Airflow]:
    """Run an Airflow over SQLite that takes its files from bundles."""
    folder.mkdir(parents=True)
    (folder / "secrets").mkdir(mode=0o700)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    text = _CONFIG.format(
        folder=folder, url=url, port=port, user=USER, secret="s" * 40, bundles=json.dumps(bundles)
    )
    (folder / "airflow.cfg").write_text(text)
    _private(folder / "passwords.json", {USER: PASSWORD})
    _private(folder / "secrets" / "airflow.json", {"username": USER, "password": PASSWORD})
    own = {
        **variables,
        "AIRFLOW_HOME": str(folder),
        "PYTHONPATH": str(providers()),
        "SCARF_ANALYTICS": "false",
        "ATLAS_PYTHON": sys.executable,
    }
    program = [sys.executable, "-m", "airflow"]
    migrated = subprocess.run(
        [*program, "db", "migrate"], env={**os.environ, **own}, capture_output=True, text=True
    )
    assert migrated.returncode == 0, migrated.stderr[-2000:]
    with ExitStack() as stack:
        for words in _PARTS:
            log = folder / f"{words[0]}.log"
            stack.enter_context(_running([*program, *words], log, {**os.environ, **own}))
        assert wait_until(lambda: _answers(f"{url}/api/v2/monitor/health"), _SECONDS, 0.5)
        yield Airflow(url, folder / "secrets")


@contextmanager
def _running(command: list[str], log: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Run a program that serves nothing, with all that it starts."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            tied(command),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=variables,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def _private(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))
    path.chmod(0o600)
