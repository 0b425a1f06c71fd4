"""Killing an operation before or after any of its effects, without a process to kill.

Every effect (a file written or removed, a request that isn't a GET) is counted. At the chosen one
`Killed` is raised, and from then on by every other too: a dead process tidies nothing up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from atlas.images import Registry
from atlas.store.place import FilePlace
from atlas.tracking import http
from atlas_provider import airflow, files


class Killed(BaseException):
    """The operation was killed."""


class Killer:
    """Counts effects, and kills at one.

    Attributes:
        at: number of the effect, from 0.
        after: whether it is done first.
        count: effects so far.
    """

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.count, self.dead = at, after, 0, False

    def around(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            if self.dead:
                raise Killed
            here = self.count == self.at
            self.count += 1
            if here and not self.after:
                self._die()
            result = effect(*args, **options)
            if here:
                self._die()
            return result

        return wrapped

    def around_request(self, request: Callable[..., Any]) -> Callable[..., Any]:
        counted = self.around(request)

        def wrapped(method: str, *args: Any, **options: Any) -> Any:
            if self.dead:
                raise Killed
            return (request if method == "GET" else counted)(method, *args, **options)

        return wrapped

    def _die(self) -> None:
        self.dead = True
        raise Killed


@contextmanager
def killing(at: int, *, after: bool) -> Iterator[Killer]:
    """Kill at an effect; whoever is inside catches `Killed`."""
    killer = Killer(at, after=after)
    # methods called on instances: the wrapper takes self as its first argument
    wrapped = [
        patch.object(FilePlace, name, _method(killer, getattr(FilePlace, name)))
        for name in ("write", "create", "remove")
    ]
    wrapped += [
        patch.object(files, name, killer.around(getattr(files, name)))
        for name in ("write", "remove")
    ]
    wrapped += [
        patch.object(module, "request", killer.around_request(module.request))
        for module in (airflow, http)
    ]
    wrapped.append(patch.object(Registry, "delete", _method(killer, Registry.delete)))
    for each in wrapped:
        each.start()
    try:
        yield killer
    finally:
        for each in wrapped:
            each.stop()


def _method(killer: Killer, method: Callable[..., Any]) -> Callable[..., Any]:
    counted = killer.around(method)

    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        return counted(self, *args, **options)

    return wrapped
