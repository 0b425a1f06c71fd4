"""Killing an operation before or after any of its calls, without a process to kill.

Every call to something outside is counted, those that only read too: a request to Airflow or MLflow,
a file of the store or of this machine, supervisor, a process that is started, asked or ended. At the
chosen one `Killed` is raised, and from then on by every other too: a dead process tidies nothing up.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from atlas import files
from atlas.http.service import Service
from atlas.images import ImageRegistry
from atlas.store.folder import FolderLocation
from atlas.targets.airflow.dag_folder import DagFolder
from atlas_provider import process_trees, running
from atlas_provider.kinds import ports
from atlas_provider.rule_folder import RuleFolder
from atlas_provider.supervisor_rpc import SupervisorRpc

CALLS: list[tuple[Any, str]] = [
    *((FolderLocation, name) for name in ("read", "names", "exists", "write", "create", "remove")),
    *((files, name) for name in ("write", "write_new", "remove")),
    (Service, "_exchange"), (DagFolder, "content"), (RuleFolder, "read"), (ImageRegistry, "_sent"),
    (SupervisorRpc, "call"), (process_trees, "end"), (process_trees, "marked"),
    (subprocess, "run"), (subprocess, "Popen"), (running, "choose_port"), (ports, "choose_port"),
]  # fmt: skip
"""Everything by which an operation reaches outside its own process."""


class Killed(BaseException):
    """The operation was killed."""


class Killer:
    """Counts calls, and kills at one.

    Attributes:
        at: number of the call, from 0.
        after: whether it is done first.
        count: calls so far.
        names: what was called.
    """

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.count, self.dead = at, after, 0, False
        self.names: list[str] = []

    def around(self, owner: Any, name: str) -> Callable[..., Any]:
        call = getattr(owner, name)

        @functools.wraps(call, updated=())
        def wrapped(*args: Any, **options: Any) -> Any:
            if self.dead:
                raise Killed
            here = self.count == self.at
            self.count += 1
            self.names.append(f"{getattr(owner, '__name__', owner)}.{name}")
            if here and not self.after:
                self._die()
            result = call(*args, **options)
            if here:
                self._die()
            return result

        return wrapped

    def _die(self) -> None:
        self.dead = True
        raise Killed


@contextmanager
def killing(at: int, *, after: bool) -> Iterator[Killer]:
    """Kill at a call; whoever is inside catches `Killed`."""
    killer = Killer(at, after=after)
    with ExitStack() as stack:
        for owner, name in CALLS:
            stack.enter_context(patch.object(owner, name, killer.around(owner, name)))
        yield killer
