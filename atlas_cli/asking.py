"""Asking before something is deleted that can't be brought back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.errors import AtlasError

if TYPE_CHECKING:
    from collections.abc import Sequence

Yes = Annotated[bool, typer.Option("--yes", help="Delete without being asked.")]


def require_yes(doomed: Sequence[str], *, given: bool) -> None:
    """List on stderr what is to be deleted, and go on only with a person's word or ``--yes``.

    Raises:
        AtlasError: the answer was no, or nobody is there to give one.
    """
    lines = [*doomed] or ["nothing"]
    print("to be deleted:", *(f"  {line}" for line in lines), sep="\n", file=sys.stderr)
    if given or not doomed:
        return
    if not sys.stdin.isatty():
        raise AtlasError("nothing was deleted: nobody is there to be asked; --yes deletes it")
    print("delete all of this? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise AtlasError("nothing was deleted")
