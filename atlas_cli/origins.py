"""What Plans are of: the commit that last changed their folder, for everything that is compiled.

It changes only with the folder: an edit elsewhere in the repository makes no compiled file another.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from atlas.targets import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from atlas.plan import Pipeline, Plan


def origin_of(pipelines: Sequence[Pipeline], release: str = "") -> Callable[[Plan], Origin]:
    """Return what tells a Plan's commit and release; git is asked once a folder.

    Args:
        pipelines: the pipelines that the Plans are of.
        release: the release that is deployed; empty for none.
    """
    folders = {plan.digest: one.folder for one in pipelines for plan in one.plans.values()}
    commit = cache(commit_of)
    return lambda plan: Origin(commit(folders[plan.digest]), release)


def commit_of(folder: Path) -> str:
    """Return the commit that last changed a folder, with ``-dirty`` behind it when it is edited.

    Returns:
        Nothing outside of git, and for a folder that no commit has.
    """
    commit = _git(folder, "log", "-1", "--format=%H", "--", ".").strip()
    edited = commit and _git(folder, "status", "--porcelain", "--", ".").strip()
    return f"{commit}-dirty" if edited else commit


def _git(folder: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        return ""
    done = subprocess.run(  # noqa: S603 - a list, no shell
        [program, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""
