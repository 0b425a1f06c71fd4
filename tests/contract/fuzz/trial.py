"""One trial: a mutated project goes through all that reads it, and is watched from below."""

from __future__ import annotations

import builtins
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import atlas
from atlas.draw import dot, html, mermaid, of_plans, of_recipe, svg, text
from atlas.errors import Problem
from atlas.load import loader_for
from atlas.load.schema import SCHEMAS, slow_validator
from atlas.plan import Plan, pipelines
from atlas.registered import TARGETS
from atlas.targets import compiler_named
from atlas.targets.limits import limits
from atlas.validate import check
from atlas.validate.codes import CODES
from atlas.validate.sarif import sarif
from atlas.values import canonical
from tests.contract.fuzz import corpus, mutate
from tests.watchdog import ends

MOST_SECONDS = 20.0
"""Of processor time, for one project; it usually takes a thousandth of it."""
MOST_BYTES = 3 * 2**30
"""Of address space, for a process that tries thousands."""
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where projects are written: thousands of folders take long on a disk."""
_CODE = tuple(
    {
        str(Path(one).resolve())
        for one in (atlas.__path__[0], sys.prefix, sys.base_prefix, os.__file__)
    }
    | {os.path.dirname(os.__file__), str(corpus.ROOT / "tests")}
)
_INIT = "<atlas.dataclass>"
"""The file of an `__init__` that `atlas.dataclass` compiles with the first instance of a class."""
_READ = (*_CODE, "/usr/share/zoneinfo", str(corpus.ROOT / "platform"))
_FORBIDDEN = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.", "os.remove", "os.rename", "os.mkdir",
    "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.putenv", "shutil.", "ctypes.", "pickle.", "urllib.",
)  # fmt: skip


@dataclass
class Watch:
    """What an audit hook sees while a project is read: code that is run, files that are opened."""

    folder: str = ""
    seen: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folder:
            return
        if event == "exec":
            self._ran(str(getattr(arguments[0], "co_filename", "?")))
        elif event == "open":
            self._opened(arguments)
        elif event.startswith(_FORBIDDEN):
            self.seen.append(f"{event} {arguments!r}"[:300])

    def _ran(self, file: str) -> None:
        if file != _INIT and not file.startswith((*_CODE, "<frozen ")):
            self.seen.append(f"ran {file}")

    def _opened(self, arguments: tuple[Any, ...]) -> None:
        path, mode, flags = arguments
        if not isinstance(path, str | bytes):
            return
        if os.fsdecode(path).endswith("pyproject.toml"):  # which may be a link: a project's is
            return
        real = os.path.realpath(os.fsdecode(path))
        writes = (mode and mode[:1] != "r") or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
        if not writes and real in map(os.path.realpath, sys.path):
            return  # listed in the search for installed packages; airflow's import adds two such
        if writes or not real.startswith((self.folder, *_READ)):
            self.seen.append(f"opened {real} {mode} {flags}")

    @contextmanager
    def over(self, folder: Path) -> Iterator[None]:
        """Watch what is done for a project in a folder."""
        self.folder = os.path.realpath(folder)
        try:
            yield
        finally:
            self.folder = ""


@dataclass(frozen=True)
class Outcome:
    """What trials came to.

    Attributes:
        tried: how many projects.
        right: how many of them had no error.
        codes: every code that was reported.
        failures: seed and what went wrong.
        seconds: of processor time, of the slowest.
        slowest: its seed.
        bytes: the most memory that the process has had.
    """

    tried: int
    right: int
    codes: frozenset[str]
    failures: tuple[str, ...]
    seconds: float
    slowest: str
    bytes: int


def trials(seed: str, indices: Iterable[int]) -> Outcome:
    """Try the projects of some indices; for a process of its own, which it changes for good."""
    watch = _begin()
    tried = right = 0
    codes: set[str] = set()
    failures: list[str] = []
    slowest = (0.0, "")
    for index in indices:
        name = f"{seed}/{index}"
        start = time.process_time()
        found, failure = trial(name, watch)
        slowest = max(slowest, (time.process_time() - start, name))
        tried += 1
        right += found is not None and not any(one.severity == "error" for one in found)
        codes |= {one.code for one in found or ()}
        failures += [f"{name}: {failure}"] if failure else []
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Outcome(tried, right, frozenset(codes), tuple(failures), *slowest, memory)


@cache
def _begin() -> Watch:
    """Bound this process, import all that explaining takes, and begin to watch."""
    for name in [one for one in os.environ if one.startswith("ATLAS_")]:
        del os.environ[name]
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    warnings.simplefilter("error")
    for kind in SCHEMAS:
        list(slow_validator(kind).iter_errors({"a": [1]}))
    for name in TARGETS:
        compiler_named(name)
    watch = Watch()
    for index in range(20):
        trial(f"warm/{index}", watch)
    sys.addaudithook(watch)
    return watch


def trial(name: str, watch: Watch) -> tuple[list[Problem] | None, str]:
    """Return the Problems of one mutated project, and what went wrong in finding them."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=_MEMORY)).resolve()
    before = Path.cwd()
    watch.seen.clear()
    try:
        mutate.write(mutate.project(name), folder, name)
        os.chdir(folder)
        with watch.over(folder), ends(MOST_SECONDS):
            found = through(folder)
        faults = [*watch.seen, *_unfit(found)]
        if hasattr(builtins, "ATLAS_FUZZ"):
            faults.append("the source was run")
        return found, "; ".join(faults[:3])
    except BaseException as error:
        return None, _told(error)
    finally:
        os.chdir(before)
        shutil.rmtree(folder)


def through(folder: Path) -> list[Problem]:
    """Take a project as far as it goes: checked, told, planned, limited and drawn."""
    report = check(folder)
    found = list(report.problems)
    if not report.errors:
        found += limits(report, warnings=True)
        made = pipelines(report)
        plans = [plan for pipeline in made for plan in pipeline.plans.values()]
        for plan in plans[:3]:
            canonical(plan.to_json()).encode()
        _draw(folder, plans[:3])
    json.dumps(sarif(found, "0")).encode()
    return found


def _draw(folder: Path, plans: list[Plan]) -> None:
    """Draw what can be planned, and a Recipe as a notebook would."""
    _ = [draw(of_plans(plans)) for draw in (text, mermaid, dot, svg, html) if plans]
    recipe = loader_for(folder).recipe(folder / "training.json")
    _ = svg(of_recipe(recipe.recipe)) if recipe else ""


def _unfit(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield what is wrong with Problems themselves."""
    for one in problems:
        line = str(one)
        if not line.isprintable() or len(line) > 4000:
            yield f"{one.code} is reported so: {line[:200]!r}"
        if one.code not in CODES or one.severity not in ("error", "warning"):
            yield f"{one.code} {one.severity} is unknown"
        if min(one.line, one.column) < 0 or (one.column and not one.line):
            yield f"{one.code} stands at {one.line}:{one.column}"


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if "/atlas/" in one.filename][-3:]
    where = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(own))
    return f"{type(error).__name__} {str(error)[:200]} at {where}"
