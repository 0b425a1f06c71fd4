"""``mlflow server`` in one process: ``python -m atlas.tracking.one_process server OPTION…``.

MLflow's command checks its options, opens the database, and then starts a second Python for the
server, which imports the same two seconds of packages once more and keeps them in memory twice.
Here the server runs in the process of the command, with the variables that it would have been
given. What takes long is to import the packages: while it does, memory isn't searched
for garbage, of which there is none, and what is installed is read from disk once.
"""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

_EARLY = {
    "--allowed-hosts": "MLFLOW_SERVER_ALLOWED_HOSTS",
    "--x-frame-options": "MLFLOW_SERVER_X_FRAME_OPTIONS",
}
"""Options that MLflow's modules read as they are imported, from the variables for them."""


def serve(command: Sequence[str], *, extra_env: Mapping[str, str], **_options: object) -> NoReturn:
    """Run what MLflow would start as a process of its own; it takes MLflow's place for that.

    Args:
        command: the interpreter, ``-m``, ``uvicorn``, and uvicorn's own arguments.
        extra_env: the variables that the process would have.

    Raises:
        SystemExit: the server has ended.
        RuntimeError: this MLflow would start something else.
    """
    from uvicorn.main import main as uvicorn

    if tuple(command[1:3]) != ("-m", "uvicorn"):
        raise RuntimeError(f"mlflow starts {' '.join(command[1:3])}; expected -m uvicorn")
    os.environ.update(extra_env)
    uvicorn(args=list(command[3:]), prog_name="uvicorn")
    raise SystemExit(0)


def main() -> None:
    """Run MLflow's command line."""
    # The app ends this when all is imported: `settle`.
    gc.disable()
    _read_entry_points_once()
    given = zip(sys.argv, sys.argv[1:], strict=False)
    os.environ.update({_EARLY[word]: value for word, value in given if word in _EARLY})
    # Imported first, it tells MLflow's modules that they are a server's, which has to be guarded.
    import uvicorn  # noqa: F401
    from mlflow import server
    from mlflow.cli import cli

    server._exec_cmd = serve
    cli(prog_name="mlflow")


def settle() -> None:
    """Collect garbage from now on, and never look for it in what has been imported so far."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _read_entry_points_once() -> None:
    """Let all who ask for entry points share one answer: MLflow asks for 14 groups, one by one."""
    known: Callable[[], Any] = cache(metadata.entry_points)

    def entry_points(**wanted: Any) -> Any:
        return known().select(**wanted)

    vars(metadata)["entry_points"] = entry_points


if __name__ == "__main__":
    main()
