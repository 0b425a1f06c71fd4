"""The databases of a platform on a real PostgreSQL: made, mended, dumped and put back.

The administrator isn't a superuser: as in RDS, it may make roles and databases, and no more.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.servers import free_port

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "platform" / "services" / "postgresql" / "databases.sh"
PAGE = ROOT / "docs" / "operations.md"
ADMINISTRATOR = "administrator"


class Server:
    """A PostgreSQL server on loopback.

    Attributes:
        folder: a folder that its clients may write to.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder, self.port = binaries, folder, free_port()
        self.user = "postgres" if os.geteuid() == 0 else None

    def run(self, *words: str, code: int = 0, **variables: str) -> str:
        """Run a program of PostgreSQL's, or a shell that may; as no root, which it refuses."""
        done = subprocess.run(
            words,
            user=self.user,
            cwd=self.folder,
            env=self.variables(variables),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        path = f"{self.binaries}:/usr/bin:/bin"
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGDATABASE": "postgres"}
        return {"PATH": path, "LC_ALL": "C", **own, **more}

    def sql(self, text: str, code: int = 0, **variables: str) -> str:
        return self.run(
            "psql", "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", text, code=code, **variables
        )

    def control(self, *words: str) -> None:
        data = str(self.folder / "data")
        self.run("pg_ctl", "-D", data, "-w", "-t", "240", "-l", f"{self.folder}/log", *words)


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs; skip the test where there are none."""
    found = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    usable = [one for one in found if (one / "initdb").exists() and (one / "pg_dump").exists()]
    if not usable:
        pytest.skip("no PostgreSQL here (Debian: apt-get install postgresql)")
    return usable[0]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    programs = binaries()
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        made = Server(programs, Path(name))
        if made.user:
            shutil.chown(name, made.user)
        made.run(
            "initdb", "-D", f"{name}/data", "-U", "owner", "--encoding=UTF8",
            "--auth-local=trust", "--auth-host=scram-sha-256",
        )  # fmt: skip
        made.control("start", "-o", f"-p {made.port} -k {name} -c listen_addresses=127.0.0.1")
        try:
            role = f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB PASSWORD 'admin'"
            made.sql(role, PGHOST=name, PGUSER="owner")
            yield made
        finally:
            made.control("stop", "-m", "immediate")


def make(server: Server, password: str) -> None:
    """Make the databases, as the platform's Job does."""
    server.run(
        "bash", "-c", SCRIPT.read_text("utf-8"),
        PGUSER=ADMINISTRATOR, PGPASSWORD="admin", DATABASES="airflow mlflow",
        PASSWORD_airflow=password, PASSWORD_mlflow=password,
    )  # fmt: skip


def as_owner(name: str, password: str) -> dict[str, str]:
    return {"PGUSER": name, "PGPASSWORD": password, "PGDATABASE": name}


def test_databases_are_made_by_who_is_no_superuser_and_mended_with_new_passwords(server):
    for password in ("first", "first", "second"):
        make(server, password)
        for name in ("airflow", "mlflow"):
            text = (
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            )
            assert server.sql(text, **as_owner(name, password)) == name
    server.sql("SELECT 1", code=2, **as_owner("mlflow", "first"))
    server.sql("SELECT 1", code=2, PGUSER="airflow", PGPASSWORD="second", PGDATABASE="mlflow")


def test_a_database_is_dumped_and_put_back_by_the_pages_commands(server):
    make(server, "second")
    owner = as_owner("mlflow", "second")
    server.sql("CREATE TABLE runs (id int PRIMARY KEY, name text)", **owner)
    server.sql("INSERT INTO runs SELECT n, 'run-' || n FROM generate_series(1, 1000) n", **owner)
    section = PAGE.read_text("utf-8").split("## Back up and restore a cluster")[1].split("\n## ")[0]
    dump, restore = re.findall(r"^\$ (pg_\w+ .*)$", section, re.MULTILINE)
    server.run("sh", "-c", dump, **owner)
    server.sql("DROP TABLE runs", **owner)
    server.run("sh", "-c", restore, **owner)
    assert server.sql("SELECT count(*), max(name) FROM runs", **owner) == "1000|run-999"
    server.sql("DELETE FROM runs WHERE id > 10", **owner)
    server.run("sh", "-c", restore, **owner)
    assert server.sql("SELECT count(*) FROM runs", **owner) == "1000"
