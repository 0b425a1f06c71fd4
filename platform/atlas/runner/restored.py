"""What a step changes of the process that it shares with later ones, put back when it is over."""

from __future__ import annotations

import os
import random
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from atlas.step import code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.step import Job


@contextmanager
def as_before(job: Job) -> Iterator[None]:
    """Begin with the pipeline's code unread and fresh random numbers; put back what was there.

    These are the working directory, the variables, the search path, the arguments, Python's and
    numpy's global random numbers, and pyplot's figures.
    """
    code.unmount(job.plan.config)
    folder, variables = os.getcwd(), dict(os.environ)
    path, arguments = list(sys.path), list(sys.argv)
    chance = random.getstate()
    numbers = _numpy().get_state() if _numpy() else None
    random.seed()
    if _numpy():
        _numpy().seed()
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(folder)
        _put_back(variables)
        sys.path[:], sys.argv[:] = path, arguments
        random.setstate(chance)
        if numbers is not None:
            _numpy().set_state(numbers)
        _close_figures()


def _numpy() -> Any:
    return sys.modules.get("numpy.random")


def _put_back(variables: dict[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _close_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
