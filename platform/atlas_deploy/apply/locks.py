"""One operation on a deployment at a time: what it tells is what it does itself.

Whoever changes a deployment holds its lock from the last look at what is there to the entry in its
history. A look that was taken before the lock is good as long as nobody has held it since; the
number in the lock's file tells. The lock is the system's, and ends with the process that holds it.
Other machines that share a backend are kept apart by Pulumi's own locks.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from atlas import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.snapshot import Say

_POLL_SECONDS = 0.2
_DIGITS = 20


def number_of(deployment: Deployment) -> int:
    """Return how often a deployment's lock was taken on this machine."""
    with suppress(OSError, ValueError):
        return int(_file(deployment).read_bytes())
    return 0


@contextmanager
def turn(deployment: Deployment, say: Say, seen: int) -> Iterator[bool]:
    """Hold a deployment's lock; wait for whoever has it.

    Args:
        deployment: which.
        say: takes a line that tells what is waited for.
        seen: what `number_of` gave before the deployment was looked at.

    Yields:
        Whether that look is still good: nobody has held the lock since.
    """
    files.own(deployment.project.state)
    with files.append(_file(deployment)) as lock:
        descriptor = lock.fileno()
        _await(descriptor, deployment, say)
        now = int(os.pread(descriptor, _DIGITS, 0) or b"0")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d" % (now + 1))
        yield now == seen


def _await(descriptor: int, deployment: Deployment, say: Say) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                say(f"{deployment.stack}: another command changes it; waiting for its end")
            told = True
            time.sleep(_POLL_SECONDS)
        else:
            return


def _file(deployment: Deployment) -> Path:
    return deployment.project.state / "deploying" / f"{deployment.stack}.lock"
