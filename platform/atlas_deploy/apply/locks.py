"""One operation on a deployment at a time: what it reports is what it did itself.

An operation holds the deployment's lock from the last reading of what is there to the entry in the
history. What was read before the lock was taken stays valid as long as nobody has held the lock
since, which the number in the lock's file shows. The lock is the operating system's, and ends with
the process that holds it. Other machines that share a backend are kept apart by Pulumi's own locks.
"""

from __future__ import annotations

import math
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from atlas import files
from atlas.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas_deploy.apply.options import Say
    from atlas_deploy.desired.deployment import Deployment

_POLL_SECONDS = 0.2
_DIGITS = 20


def number_of(deployment: Deployment) -> int:
    """Return how often a deployment's lock was taken on this machine."""
    with suppress(OSError, ValueError):
        return int(_file(deployment).read_bytes())
    return 0


@contextmanager
def lock(deployment: Deployment, say: Say, known: int) -> Iterator[bool]:
    """Hold a deployment's lock; wait for whoever has it.

    Args:
        deployment: which.
        say: takes a line when another command has to be waited for.
        known: what `number_of` gave before the deployment was read.

    Yields:
        Whether what was read is still valid: nobody has held the lock since.
    """
    files.own(deployment.project.state)
    with files.append(_file(deployment)) as file:
        descriptor = file.fileno()
        _await(descriptor, deployment, say)
        now = int(os.pread(descriptor, _DIGITS, 0) or b"0")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d" % (now + 1))
        yield now == known


def _await(descriptor: int, deployment: Deployment, say: Say) -> None:
    if files.lock(descriptor):
        return
    say(f"{deployment.stack}: waiting for another command that changes it")
    wait_until(lambda: files.lock(descriptor), math.inf, _POLL_SECONDS)


def _file(deployment: Deployment) -> Path:
    return deployment.project.state / "deploying" / f"{deployment.stack}.lock"
