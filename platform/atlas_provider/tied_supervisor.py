"""supervisord of an ephemeral platform: it ends with the last owner, or when the time is over.

It is supervisor's own program, with a thread that waits for the end of the tie. Run in the
platform's folder, as ``python -m atlas_provider.tied_supervisor -c supervisord.conf``.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

from supervisor.medusa import asyncore_25
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from atlas import files, processes
from atlas_provider.ephemeral import EphemeralFolder

_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.1


class Tie:
    """The reading end of a platform's tie."""

    def __init__(self, folder: EphemeralFolder) -> None:
        """Open the tie."""
        self._folder = folder
        self._poller = select.poll()
        self._poller.register(os.open(folder.tie, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), 0)

    def wait(self) -> None:
        """Return when nobody has the platform any more, or its time is over."""
        while not self._is_over():
            left = min(_LOOK_SECONDS, max(0.0, self._folder.ends - time.time()))
            if self._poller.poll(left * 1000):
                # Who closed it may take a moment to end, or another owner has no end of it.
                time.sleep(min(left, _PAUSE_SECONDS))

    def _is_over(self) -> bool:
        """Tell whether it ends now; nobody can join it any more then."""
        if not self._is_let_go() and time.time() < self._folder.ends:
            return False
        try:
            with self._folder.locked():
                # Somebody may have joined since.
                is_over = self._is_let_go() or time.time() >= self._folder.ends
                if is_over:
                    files.write(self._folder.root / "ending", "")
                return is_over
        except OSError:
            return True

    def _is_let_go(self) -> bool:
        """Tell whether no owner is alive; the end of the tie only says when to look."""
        return not self._folder.is_owned() and not self._folder.is_kept


class _TiedOptions(ServerOptions):  # type: ignore[misc]
    """supervisord's options; as soon as it is a daemon, the tie is watched."""

    folder: EphemeralFolder
    tied: Tie

    def daemonize(self) -> None:
        """Become a daemon, as supervisord does."""
        super().daemonize()
        files.write(self.folder.root / "supervisor", str(processes.own()))
        threading.Thread(target=self._end_with_owners, daemon=True).start()

    def _end_with_owners(self) -> None:
        """Take the platform down when it is over, and this process with it."""
        self.tied.wait()
        try:
            self.folder.take_down()
        finally:
            os._exit(0)


def main() -> None:
    """Run supervisord of the platform whose folder is the working directory."""
    folder = EphemeralFolder.of(Path.cwd())
    if folder is None:
        sys.exit(f"{Path.cwd()}: no ephemeral platform's folder")
    options: Any = _TiedOptions()
    options.folder, options.tied = folder, Tie(folder)
    options.realize(sys.argv[1:])
    options.first, options.test = True, False
    try:
        Supervisor(options).main()
    except asyncore_25.ExitNow:
        return


if __name__ == "__main__":
    main()
