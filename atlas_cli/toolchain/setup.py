"""Set up a clone: its virtual environment, the engine, Debian's packages; then say how it stands.

The three go on at the same time. What can't be got is named with what would get it; only what
everything needs (the virtual environment) makes set-up fail.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_cli.toolchain import cache, engine, shell, tools, tree
from atlas_cli.toolchain.finding import advice, as_table
from atlas_cli.toolchain.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Sequence

_START = time.monotonic()


def say(message: str) -> None:
    """Print a line of progress, with the seconds since the start."""
    print(f"set-up: {time.monotonic() - _START:4.0f} s  {message}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Set up the tree of the working directory; return 0, or 1 when what is required is missing."""
    options = _options(arguments)
    try:
        return _set_up(Tree(Path.cwd().resolve()), full=options.full)
    except KeyboardInterrupt:
        say("interrupted; run it again, it goes on where it was")
        return 130


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser("python -m atlas_cli.toolchain", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="try again what was refused lately, print the table"
    )
    return parser.parse_args(arguments)


def _set_up(own: Tree, *, full: bool) -> int:
    """Do all there is to do, and return the exit code."""
    try:
        with cache.locked(own.root, lambda: say("waiting for another set-up of this tree")):
            tried = _make(own, again=full)
    except shell.REFUSALS as error:
        say(f"failed: {shell.explain(error)}; mend this, then run it again: it goes on from here")
        return 1
    if full or any(tried.values()):
        rows = tools.findings(str(own.python), [str(own.site())])
        print(as_table(rows) if full else "\n".join(advice(rows)))
    return 0


def _make(own: Tree, *, again: bool) -> dict[str, str]:
    """Make the virtual environment and get the tools, and join them; return what was tried."""
    with ThreadPoolExecutor(2) as pool:
        others = pool.submit(tools.obtain, say, again=again)
        made = pool.submit(tree.make, own, say)
    made.result()
    tree.compile_sources(own)
    tree.link(own, engine.cached())
    return others.result()
