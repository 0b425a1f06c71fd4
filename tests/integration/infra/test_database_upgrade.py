"""MLflow's database on a real PostgreSQL, from the version before to the pinned one, and back by a backup."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from infra.kubernetes.mlflow import MIGRATION
from tests.beside import installed
from tests.integration.infra.test_database_backup import PAGE, Server, as_owner, make, server

__all__ = ["server"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
LOCK = Path(__file__).parent / "mlflow-before.lock"
PASSWORD = "p" * 32
WRITE = """
from mlflow import MlflowClient
client = MlflowClient()
run = client.create_run(client.create_experiment("prices"))
client.log_param(run.info.run_id, "alpha", "1")
client.log_metric(run.info.run_id, "rmse", 2.5)
client.create_registered_model("prices")
client.create_model_version("prices", "s3://atlas/mlflow/model", run.info.run_id)
client.set_registered_model_alias("prices", "champion", "1")
"""
READ = """
import json
from mlflow import MlflowClient
client = MlflowClient()
version = client.get_model_version_by_alias("prices", "champion")
data = client.get_run(version.run_id).data
print(json.dumps([str(version.version), data.params, data.metrics]))
"""
KEPT = ["1", {"alpha": "1"}, {"rmse": 2.5}]


class Mlflow:
    """One version of MLflow, over the database of a server.

    Attributes:
        path: the folders that its packages are in.
    """

    def __init__(self, server: Server, path: list[Path]) -> None:
        self.path = os.pathsep.join(map(str, path))
        url = f"postgresql://mlflow:{quote(PASSWORD)}@127.0.0.1:{server.port}/mlflow"
        self.variables = {"MLFLOW_TRACKING_URI": url, "MLFLOW_BACKEND_STORE_URI": url}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        own = {"PYTHONPATH": self.path, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        own |= {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore", **self.variables}
        variables = {**os.environ, **own}
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600)

    def done(self, *command: str) -> str:
        found = self.run(*command)
        assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-4000:]
        return found.stdout

    def python(self, program: str) -> str:
        return self.done(sys.executable, "-c", program)

    def read(self) -> Any:
        return json.loads(self.python(READ).splitlines()[-1])

    def migrate(self) -> None:
        """Do as the platform's pod does before the server."""
        first, *rest = MIGRATION
        self.done(first, *(word.replace("exec mlflow", "exec python -m mlflow") for word in rest))


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with the version before and PostgreSQL's client, and one with the client alone."""
    both, client = installed(LOCK), tmp_path_factory.mktemp("client")
    for package in both.glob("psycopg*"):
        (client / package.name).symlink_to(package)
    return both, client


def commands(heading: str) -> list[str]:
    """Return the shell's commands of a section of the page that are PostgreSQL's."""
    section = PAGE.read_text("utf-8").split(heading)[1].split("\n#")[0]
    return re.findall(r"^\$ ((?:pg_\w+|psql) .*)$", section, re.MULTILINE)


def test_an_older_database_is_migrated_before_the_server_and_its_backup_goes_back(
    server: Server, beside: tuple[Path, Path]
) -> None:
    make(server, PASSWORD)
    before, now = Mlflow(server, [beside[0]]), Mlflow(server, [beside[1]])
    assert before.python("import mlflow; print(mlflow.__version__)").strip() == "3.16.0"
    before.python(WRITE)
    assert before.read() == KEPT
    revision = "SELECT version_num FROM alembic_version"
    owner = as_owner("mlflow", PASSWORD)
    old = server.sql(revision, **owner)

    backup, *back = commands("### Back to the version before")
    server.run("sh", "-ec", backup, **owner)

    for _ in range(2):
        now.migrate()
        assert now.read() == KEPT
    new = server.sql(revision, **owner)
    assert new != old

    assert [command.split()[0] for command in back] == ["psql", "pg_restore"]
    for command in back:
        server.run("sh", "-ec", command, **owner)
    assert server.sql(revision, **owner) == old
    assert before.read() == KEPT
    now.migrate()
    assert server.sql(revision, **owner) == new
    assert now.read() == KEPT


def test_an_empty_database_is_made(server: Server, beside: tuple[Path, Path]) -> None:
    make(server, PASSWORD)
    admin = {"PGUSER": "administrator", "PGPASSWORD": "admin"}
    server.sql("DROP DATABASE mlflow WITH (FORCE)", **admin)
    make(server, PASSWORD)
    now = Mlflow(server, [beside[1]])
    now.migrate()
    now.python(WRITE)
    assert now.read() == KEPT
