"""What a user sees of a failure: one line, and the traceback from their own frame on."""

from __future__ import annotations

import importlib
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_ATLAS = str(Path(__file__).resolve().parents[1])
_IMPORTING = ("<frozen importlib", str(importlib.__file__), os.path.join(_ATLAS, "step", "code.py"))
"""Starts of the files whose frames stand between an import and the module that it runs."""


def one_line(error: BaseException) -> str:
    """Return an exception as one line: its type, and the first line of what it says."""
    first = str(error).strip().partition("\n")[0]
    name = type(error).__name__
    return f"{name}: {first}" if first else name


def user_traceback(error: BaseException) -> str:
    """Return the traceback from the first frame that isn't Atlas's; all of it when there is none.

    Causes and contexts are part of it. A syntax error in the user's code has no frame of theirs,
    and says its own place.
    """
    trace = traceback.TracebackException.from_exception(error)
    _trim(trace, error)
    return "".join(trace.format())


def passes_through(error: BaseException, folder: Path) -> bool:
    """Tell whether an exception came through code in a folder, or is a syntax error of it."""
    if isinstance(error, SyntaxError):
        return True
    trace, start = error.__traceback__, f"{folder}{os.sep}"
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(start):
            return True
        trace = trace.tb_next
    return False


def _trim(trace: traceback.TracebackException, error: BaseException) -> None:
    """Drop Atlas's frames at both ends, and those of imports; of the causes' tracebacks, too."""
    skipped = _atlas_frames(error.__traceback__)
    del trace.stack[:skipped]
    while trace.stack and trace.stack[-1].filename.startswith(_ATLAS):
        trace.stack.pop()
    trace.stack[:] = [frame for frame in trace.stack if not frame.filename.startswith(_IMPORTING)]
    for inner, cause in (
        (trace.__cause__, error.__cause__),
        (trace.__context__, error.__context__),
    ):
        if inner is not None and cause is not None:
            _trim(inner, cause)


def _atlas_frames(trace: TracebackType | None) -> int:
    """Count the frames on top that are Atlas's or the import system's, not the user's."""
    count = 0
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((_ATLAS, "<frozen ", *_IMPORTING)):
            # A Template of fixed shape calls the user's method from inside of Atlas.
            return count
        count += 1
        trace = trace.tb_next
    return count
