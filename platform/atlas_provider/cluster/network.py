"""Another network for a thread: sockets that it opens then are of that network, and stay so."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NETWORK = 0x40000000
"""CLONE_NEWNET."""


@contextmanager
def in_network(pid: int) -> Iterator[None]:
    """Be in the network of a process; this thread alone, for the length of a block.

    Raises:
        OSError: the process has ended, or this one isn't root.
    """
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        other = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(other)
        finally:
            os.close(other)
        try:
            yield
        finally:
            _enter(own)
    finally:
        os.close(own)


def _enter(network: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(network, _NETWORK):
        number = ctypes.get_errno()
        raise OSError(number, f"network namespace: {os.strerror(number)}")
