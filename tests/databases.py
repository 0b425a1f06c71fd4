"""Real databases for tests, on free ports of loopback: SQLite, PostgreSQL, MariaDB.

A server is skipped where its programs aren't installed. Each gives URLs of SQLAlchemy's, and a
connection of its administrator's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from atlas_provider.cluster import mariadb
from atlas_toolchain import kubeflow_programs
from tests.servers import free_port
from tests.tether import tied

PASSWORD = "hunter2word"
LIMIT_SECONDS = 250


class DatabaseServer:
    """A server of databases.

    Attributes:
        kind: ``postgresql`` or ``mariadb``.
        administrator: the URL of its administrator, who is on this machine.
    """

    def __init__(self, kind: str, port: int, administrator: str) -> None:
        self.kind, self.port, self.administrator = kind, port, administrator
        self._count = 0

    def database(self) -> str:
        """Make a database of a user's with a password, and return its URL."""
        self._count += 1
        name = f"shop{self._count}"
        for statement in _MADE[self.kind]:
            self.run(statement.format(name=name, password=PASSWORD))
        driver = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}[self.kind]
        return f"{driver}://{name}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def run(self, statement: str) -> list[Any]:
        """Run a statement as the administrator; return its rows."""
        return run_on(self.administrator, statement)


_MADE = {
    "postgresql": (
        "CREATE ROLE {name} LOGIN PASSWORD '{password}'",
        "CREATE DATABASE {name} OWNER {name}",
    ),
    "mariadb": (
        "CREATE DATABASE {name} CHARACTER SET latin1",
        "CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'",
        "GRANT ALL ON {name}.* TO {name}@'127.0.0.1'",
    ),
}


def run_on(url: str, statement: str) -> list[Any]:
    """Run a statement on a database, committed at once; return its rows."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


@contextmanager
def running(kind: str) -> Iterator[DatabaseServer]:
    """Run a server until it is no longer needed; skip the test where it isn't installed."""
    with tempfile.TemporaryDirectory(prefix=f"{kind[:2]}-") as name:
        folder, port = Path(name), free_port()
        start = {"postgresql": _postgresql, "mariadb": _mariadb}[kind]
        command, user, url = start(folder, port)
        end = "INT" if kind == "postgresql" else "TERM"  # MariaDB pays no attention to SIGINT
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                tied(command, by=end), cwd=folder, user=user, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            try:
                _wait(process, url, folder / "log")
                yield DatabaseServer(kind, port, url)
            finally:
                # PostgreSQL ends at once, its clients' connections with it; MariaDB in order.
                process.send_signal(getattr(signal, f"SIG{end}"))
                process.wait(120)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            run_on(url, "SELECT 1")
        except Exception:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(log.read_text(errors="replace")[-2000:])


def _postgresql(folder: Path, port: int) -> tuple[list[str], str | None, str]:
    found = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = next((one for one in found if (one / "postgres").exists()), None)
    if programs is None:
        pytest.skip("no PostgreSQL here (Debian: apt-get install postgresql)")
    user = _postgres(folder)
    subprocess.run(
        [
            programs / "initdb", "-D", folder / "data", "-U", "owner", "-E", "UTF8",
            "--no-locale", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256",
        ],
        cwd=folder, user=user, check=True, capture_output=True, timeout=LIMIT_SECONDS,
        env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    settings = {
        "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off",
        "timezone": "Asia/Tokyo", "max_connections": "40", "shared_buffers": "16MB",
    }  # fmt: skip
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    url = f"postgresql+psycopg://owner@/postgres?host={folder}&port={port}"
    return command, user, url


def _mariadb(folder: Path, port: int) -> tuple[list[str], str | None, str]:
    program = kubeflow_programs.mariadb()
    if program is None:
        pytest.skip("no MariaDB here (Debian: apt-get install mariadb-server-core)")
    data = folder / "data"
    mariadb.make(program, data, "owner", PASSWORD)
    command = [
        str(program), *mariadb.serving(data, folder / "socket", port),
        f"--pid-file={folder}/pid", "--default-time-zone=+09:00",
    ]  # fmt: skip
    return command, None, f"mysql+pymysql://owner:{PASSWORD}@127.0.0.1:{port}/mysql"


def _postgres(folder: Path) -> str | None:
    """Return the user that PostgreSQL runs as, which owns its folder: it refuses root."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, "postgres")
    return "postgres"
