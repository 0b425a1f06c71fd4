"""A MariaDB in a folder, with one user: made by the server itself, with no other program.

``python -m atlas_provider.cluster.mariadb FILE`` makes it where it isn't there, and becomes it. The
file is JSON: ``program``, ``data``, ``socket``, ``port``, ``user`` and ``password``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

_SCRIPTS = (
    "mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql",
)  # fmt: skip
_SHARES = (Path("/usr/share/mysql"), Path("/usr/share/mariadb"))
_USER = """
replace into global_priv values ('127.0.0.1', '{user}', json_object(
  'access', cast(18446744073709551615 as unsigned), 'plugin', 'mysql_native_password',
  'authentication_string', password('{password}')));
"""


def make(program: Path, data: Path, user: str, password: str) -> None:
    """Make the tables that MariaDB itself needs, and a user who may do everything.

    They are made beside the folder, which is there once they are whole.

    Raises:
        RuntimeError: MariaDB refuses.
    """
    draft = data.with_name(f"{data.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    share = next(path for path in _SHARES if (path / _SCRIPTS[0]).exists())
    tables = "".join((share / name).read_text("utf-8") for name in _SCRIPTS)
    own = _USER.replace("\n", " ").format(user=user, password=password)
    start = "create database mysql;\nuse mysql;\nset @auth_root_socket=null;\n"
    made = subprocess.run(  # noqa: S603 - the database's own program
        [str(program), *flags(draft), "--bootstrap"],
        input=f"{start}{tables}\n{own.strip()}\n",
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if made.returncode or "ERROR" in made.stderr:
        raise RuntimeError(f"{program} --bootstrap: {made.stderr[-2000:]}")
    draft.rename(data)


def flags(data: Path) -> list[str]:
    """Return the flags that a MariaDB in a folder always has."""
    return [
        "--no-defaults", f"--datadir={data}", "--user=root", "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=32M", "--innodb-flush-log-at-trx-commit=0",
        "--innodb-use-native-aio=0",  # Rings of the kernel are few, and shared by all.
    ]  # fmt: skip


def serving(data: Path, socket: Path, port: int) -> list[str]:
    """Return the flags of one that serves on a port of loopback, and on a socket."""
    where = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={socket}"]
    return [*flags(data), *where, "--skip-name-resolve"]


def main(file: Path) -> None:
    """Make it where it isn't there, and become it."""
    given = json.loads(file.read_text("utf-8"))
    program, data = Path(given["program"]), Path(given["data"])
    if not data.exists():
        make(program, data, given["user"], given["password"])
    line = [str(program), *serving(data, Path(given["socket"]), given["port"])]
    os.execv(line[0], line)  # noqa: S606 - no shell


if __name__ == "__main__":
    main(Path(sys.argv[1]))
