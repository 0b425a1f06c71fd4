"""Steps under a debugger: an editor attaches to a run of this process.

Who attaches may run anything as the user of the run. So the port is on loopback, and what listens
there (`atlas.runner.debug_adapter`) takes connections of the same user alone.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.runner.debug_adapter import CONNECTIONS, HOST

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 5678
"""What editors propose for debugpy."""


def wait_for_debugger(port: int, say: Callable[[str], None]) -> None:
    """Listen for an editor, and go on when it has attached and set its breakpoints.

    Args:
        port: the port on loopback; 0 for a free one.
        say: gets the line that says where.

    Raises:
        AtlasError: debugpy isn't installed, the port is taken, or this system doesn't tell whose a
            connection is.
    """
    # Python's own modules are frozen, which the debugger warns of; nobody debugs them here.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        import debugpy
    except ImportError:
        raise AtlasError(
            "--debug: debugpy is not installed beside Atlas; `pip install 'atlas-ml[debug]'`"
        ) from None
    if not CONNECTIONS.exists():
        raise AtlasError(
            "--debug: this system doesn't say whose a connection is, and any user of it could "
            "attach; start the run from the editor (docs/editors.md)"
        )
    token = secrets.token_hex(32)
    there = _listening(port, token)
    debugpy.configure(subProcess=False)
    say(f"waiting for a debugger at {HOST}:{there['client']}; Ctrl-C ends it")
    debugpy.connect((HOST, there["server"]), access_token=token)
    debugpy.wait_for_client()


def _listening(port: int, token: str) -> dict[str, int]:
    """Start what editors attach to; return its ports: for the ``client`` and for this process."""
    with subprocess.Popen(  # noqa: S603 - this package's own module
        [sys.executable, "-m", "atlas.runner.debug_adapter", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        told, error = process.communicate(token)
    with suppress(ValueError):
        return {name: int(number) for name, number in json.loads(told).items()}
    reason = (error.strip().splitlines() or ["it ended without a word"])[-1]
    raise AtlasError(
        f"--debug: can't listen at {HOST}:{port} ({reason}); --debug-port takes another port"
    )
