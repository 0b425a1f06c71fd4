"""Set up a clone: its virtual environment, the engine, Debian's packages; then say how it stands.

The three go on at the same time. What can't be got is named with what would get it; only what
everything needs (the virtual environment) makes set-up fail.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import (
    cache,
    cluster_tests,
    engine,
    kubeflow_programs,
    plugin,
    rendering,
    shell,
    tools,
    tree,
)
from atlas_toolchain.finding import advice, as_table
from atlas_toolchain.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Sequence

MANIFESTS = "ATLAS_MANIFESTS"
"""The variable that names a folder of rendered manifests, for tests."""
_START = time.monotonic()


def say(message: str) -> None:
    """Print a line of progress, with the seconds since the start."""
    print(f"set-up: {time.monotonic() - _START:4.0f} s  {message}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Set up the tree of the working directory; return 0, or 1 when what is required is missing."""
    options = _options(arguments)
    try:
        own = Tree(Path.cwd().resolve())
        failed = _set_up(own, full=options.full)
        if options.cluster_tests and not failed:
            failed = _set_up_cluster_tests(own, with_long=options.cluster_tests == "all")
        if options.kubeflow_tests and not failed:
            failed = _set_up_kubeflow_tests(own, api_only=options.kubeflow_tests == "api")
        return failed
    except KeyboardInterrupt:
        say("interrupted; run it again, it goes on where it was")
        return 130


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser("python platform/atlas_toolchain", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="try again what was refused lately, print the table"
    )
    parser.add_argument(
        "--cluster-tests",
        choices=("main", "all"),
        help="also get what `make test-cluster`, or `make test-cluster-long` as well, needs",
    )
    parser.add_argument(
        "--kubeflow-tests",
        choices=("api", "runs"),
        help="also get what `make test-kubeflow-api` or `make test-kubeflow-runs` needs",
    )
    return parser.parse_args(arguments)


def _set_up(own: Tree, *, full: bool) -> int:
    """Do all there is to do, and return the exit code."""
    with cache.locked(own.root, lambda: say("waiting for another set-up of this tree")):
        tried, failed = _make(own, again=full)
    if failed:
        say(f"failed: {failed}; mend this, then run it again: it goes on from here")
        return 1
    if full or any(tried.values()):
        rows = tools.findings(str(own.python), [str(own.site())])
        print(as_table(rows) if full else "\n".join(advice(rows)))
    return 0


def _set_up_cluster_tests(own: Tree, *, with_long: bool) -> int:
    """Get what tests of clusters need; return 1 when something of it can't be had.

    What renders manifests isn't needed where somebody has done that.
    """
    names = () if with_long else cluster_tests.CONTROL_PLANE
    tried = {} if os.environ.get(MANIFESTS) else rendering.get(say)
    tried |= cluster_tests.get(say, names, with_plugin=True)
    tree.link(own, [*rendering.cached(), *plugin.cached()])
    return _told(tried)


def _set_up_kubeflow_tests(own: Tree, *, api_only: bool) -> int:
    """Get what tests of Kubeflow need; return 1 when something of it can't be had."""
    plane = cluster_tests.get(say, kubeflow_programs.AROUND)
    uv = own.venv / "bin" / "uv"
    return _told(plane | kubeflow_programs.get(say, uv, api_only=api_only))


def _told(tried: dict[str, str]) -> int:
    """Say what couldn't be had, and why; return 1 if there is such."""
    failed = {name: why for name, why in tried.items() if why}
    for name, why in failed.items():
        say(f"{name}: {why}")
    return 1 if failed else 0


def _make(own: Tree, *, again: bool) -> tuple[dict[str, str], str]:
    """Make the virtual environment while the tools are got.

    Returns:
        What tools were tried, each with why it couldn't be got; why the environment failed, or "".
    """
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(tools.obtain, say, again=again)
        failed = _make_environment(own)
        if failed and not others.done():
            say(f"failed: {failed}; getting the tools goes on")
    if not failed:
        tree.link(own, [*engine.cached(), *rendering.cached(), *plugin.cached()])
    return others.result(), failed


def _make_environment(own: Tree) -> str:
    """Make the virtual environment and compile our own code; return why that failed, or ""."""
    try:
        tree.make(own, say)
        tree.compile_sources(own)
    except shell.REFUSALS as error:
        return shell.explain(error)
    return ""
