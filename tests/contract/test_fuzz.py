"""Mutated projects: never a traceback, never code run, never a file opened that isn't the project's.

`pytest tests/contract/test_fuzz.py -m long` tries a hundred thousand of them. A failure names its
project: ``mutate.project("SEED/INDEX")`` makes it again.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest

from tests.contract.fuzz.trial import MOST_BYTES, Outcome, Watch, trials

SEED = "atlas"
QUICK, MANY = 200, 100_000
_CHUNK = 300


def tried(count: int) -> Outcome:
    """Return what so many trials came to, in a process for each core."""
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        found = list(pool.map(trials, repeat(SEED), chunks))
    slowest = max(found, key=lambda one: one.seconds)
    return Outcome(
        sum(one.tried for one in found),
        sum(one.right for one in found),
        frozenset[str]().union(*(one.codes for one in found)),
        tuple(failure for one in found for failure in one.failures),
        slowest.seconds,
        slowest.slowest,
        max(one.bytes for one in found),
    )


@pytest.mark.parametrize(
    ("count", "codes"), [(QUICK, 50), pytest.param(MANY, 95, marks=pytest.mark.long)]
)
def test_mutated_projects(count: int, codes: int, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = tried(count)
    with capsys.disabled():
        print(
            f"\n{outcome.tried:,} projects, {outcome.right:,} without an error, {len(outcome.codes)} codes told; "
            f"the slowest {outcome.slowest}: {outcome.seconds:.2f} s; {outcome.bytes / 2**20:.0f} MB",
            file=sys.stderr,
        )
    assert outcome.failures == ()
    assert outcome.tried == count
    assert outcome.bytes < MOST_BYTES
    # The mutations are gentle enough to reach the rules behind the schemas, and to leave some right.
    assert outcome.right > count / 50
    assert len(outcome.codes) >= codes


def _run_code(folder: Path) -> None:
    exec(compile("1", str(folder / "steps.py"), "exec"))


def _run_text(_folder: Path) -> None:
    exec("1")


def _run_text_of_a_similar_name(_folder: Path) -> None:
    exec(compile("1", "<atlas.dataclass> steps.py", "exec"))


def _open_outside(folder: Path) -> None:
    Path("/etc/hostname").exists()
    with Path("/etc/passwd").open():
        pass


def _write(folder: Path) -> None:
    (folder / "new.json").write_text("")


def _start(folder: Path) -> None:
    os.system("true")


def _seen(act: Callable[[Path], None], folder: Path) -> list[str]:
    watch = Watch()
    sys.addaudithook(watch)
    with watch.over(folder):
        act(folder)
    return watch.seen


@pytest.fixture
def process() -> Iterator[ProcessPoolExecutor]:
    """A process of its own: an audit hook can't be taken away again."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (_run_code, "ran "),
        (_run_text, "ran <string>"),
        (_run_text_of_a_similar_name, "ran <atlas.dataclass> steps.py"),
        (_open_outside, "opened /etc/passwd"),
        (_write, "opened "),
        (_start, "os.system"),
    ],
)
def test_the_watch_sees(
    act: Callable[[Path], None], told: str, process: ProcessPoolExecutor, tmp_path: Path
) -> None:
    (found,) = process.submit(_seen, act, tmp_path).result()
    assert found.startswith(told)
