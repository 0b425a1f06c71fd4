"""All tools together: what is found of them, and getting what is missing."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from atlas_toolchain import cache, catalog, debian, engine, plugin, probe, rendering, shell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas_toolchain.catalog import ToolchainProgram
    from atlas_toolchain.finding import Finding


def findings(python: str = sys.executable, path: Sequence[str] = ()) -> list[Finding]:
    """Return one finding for each tool, in the order of the table.

    Args:
        python: the Python that Atlas runs with.
        path: the folders of that Python's libraries; by default those of this process.
    """
    return [
        probe.python(python),
        *probe.libraries(list(path or sys.path)),
        *engine.findings(),
        *probe.programs(),
        *map(rendering.finding, rendering.TOOLS),
        plugin.finding(),
    ]


def obtain_for_clusters(say: Callable[[str], None]) -> dict[str, str]:
    """Get what platforms on clusters need; return why what couldn't be got, by tool."""
    return rendering.get(say) | plugin.get(say)


def obtain(say: Callable[[str], None], *, again: bool) -> dict[str, str]:
    """Get the programs that are missing, as far as this machine lets us.

    Args:
        say: prints what takes long, before it does.
        again: whether to try what was refused lately, too.

    Returns:
        What was tried, and why it couldn't be got; an empty reason for what is there now.
    """
    refused = set() if again else set(cache.refusals())
    with ThreadPoolExecutor(2) as pool:
        built = pool.submit(_engine, say, refused)
        packaged = pool.submit(_packages, say, refused)
        tried = built.result() | packaged.result()
    for tool, why in tried.items():
        cache.remember(tool, why)
    return tried


def _engine(say: Callable[[str], None], refused: set[str]) -> dict[str, str]:
    """Get the engine and its language host, unless they are there or were refused lately."""
    pulumi = engine.find()
    gone = {"pulumi"} if pulumi is None else set()
    gone |= {engine.HOST} if engine.host(pulumi) is None else set()
    return engine.get(say) if gone - refused else {}


def _packages(say: Callable[[str], None], refused: set[str]) -> dict[str, str]:
    """Get the programs that Debian has, unless they are there or were refused lately."""
    gone = [entry for entry in catalog.PROGRAMS if entry.debian and not probe.program(entry).ok]
    programs = [entry for entry in gone if entry.name not in refused and not _replaced(entry)]
    if not programs or debian.prefix() is None:
        return {}
    say(f"installing Debian packages: {' '.join(entry.debian for entry in programs)}")
    why = _install(programs)
    return {entry.name: "" if probe.program(entry).ok else why for entry in programs}


def _replaced(entry: ToolchainProgram) -> bool:
    """Tell whether another program is there that does the same."""
    others = (other for other in catalog.PROGRAMS if other.name == entry.unless)
    return any(probe.program(other).ok for other in others)


def _install(programs: Sequence[ToolchainProgram]) -> str:
    """Install Debian packages; return why a program may be missing still."""
    try:
        debian.install(programs)
    except shell.REFUSALS as error:
        return shell.explain(error)
    return "this Debian has no package of a version that will do"
