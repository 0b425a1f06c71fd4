"""Who promotes: the user, the machine and the process, as the log and a lease name them."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.processes import ProcessIdentity, own

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something.

    Attributes:
        user: name of the user on that machine.
        host: name of the machine or container.
        process: identity of the process.
        namespace: the namespace that its pid is of; a container has its own.
    """

    user: str
    host: str
    process: str
    namespace: str = ""

    def __str__(self) -> str:
        """Return ``user@host``."""
        return f"{self.user}@{self.host}"

    @property
    def is_gone(self) -> bool:
        """Whether its process can be looked for from here, and doesn't run any more."""
        here = this_process()
        if (self.host, self.namespace) != (here.host, here.namespace):
            return False
        process, mine = map(ProcessIdentity.parse, (self.process, here.process))
        is_local = process is not None and mine is not None and process.boot == mine.boot
        return is_local and process is not None and not process.is_alive

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Actor:
        """Read back what `to_json` gave; what is missing is empty."""
        names = ("user", "host", "process", "namespace")
        return cls(*(str(raw.get(name, "")) for name in names))


def this_process() -> Actor:
    """Return this process and its user."""
    return Actor(_user(), os.uname().nodename, str(own()), _namespace())


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
