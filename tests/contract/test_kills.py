"""`kill -9` at any moment, then `--resume`: nothing that was done is repeated, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from atlas.store import Store
from tests.projects import ATLAS, Project, environment, project

__all__ = ["project"]

SOURCE = """
import os
import subprocess
import time
from pathlib import Path

def note(path, what):
    with open(path, "a") as file:
        file.write(what + chr(10))

class Number(NamedTuple):
    number: int
    text: str

class Numbers(NamedTuple):
    numbers: list[int]

class Work(Template):
    path: str
    seconds: float = 0.01
    def run(self, number: int = 0) -> Number:
        time.sleep(self.seconds)
        self.context.metric("number", number)
        note(self.path, self.context.step)
        return Number(number + 1, "x" * 5000)

class List(Template):
    path: str
    def run(self, number: int) -> Numbers:
        note(self.path, self.context.step)
        return Numbers(list(range(6)))

class Each(Template):
    path: str
    def run(self, key: int) -> Number:
        time.sleep(0.01)
        note(self.path, f"{self.context.step}.{self.context.index}")
        return Number(key * key, "y")

class Sum(Template):
    path: str
    def run(self, numbers: list[int], number: int) -> Number:
        note(self.path, self.context.step)
        return Number(sum(numbers) + number, "z")
"""
MARK = "ATLAS_TEST_MARK"


@pytest.fixture
def mark() -> str:
    """A word that only the processes of one test have among their variables."""
    return uuid.uuid4().hex


def pipeline(project: Project, ledger: Path) -> None:
    params = {"path": str(ledger)}
    steps = {"s0": {"class": "steps:Work", "params": params}}
    for number in range(1, 8):
        inputs = {"number": f"s{number - 1}.number"}
        steps[f"s{number}"] = {"class": "steps:Work", "params": params, "inputs": inputs}
    steps["list"] = {"class": "steps:List", "params": params, "inputs": {"number": "s2.number"}}
    steps["each"] = {"class": "steps:Each", "params": params, "foreach": {"key": "list.numbers"}}
    inputs = {"numbers": "each.number", "number": "s7.number"}
    steps["sum"] = {"class": "steps:Sum", "params": params, "inputs": inputs}
    config = {"model": {"name": "m", "from": {"part": "sum.number"}}}
    steps = {name: {**step, "cache": False} for name, step in steps.items()}
    project.pipeline("p", SOURCE, steps, config=config)


def done_units(store: Store, run: str) -> set[str]:
    """Return what the store says is done."""
    found = set()
    for entry in store.location.entries(f"p/{run}"):
        parts = entry.key.split("/")[2:]
        if parts[-1] == "outcome.json" and len(parts) > 1:
            index = int(parts[1]) if len(parts) > 2 else None
            outcome = store.outcome("p", run, parts[0], index)
            if outcome and outcome["status"] == "done":
                found.add(parts[0] if index is None else f"{parts[0]}.{index}")
    return found


def marked(mark: str) -> list[int]:
    """Return the processes that have a mark among their variables."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def gone(mark: str, seconds: float = 60.0) -> bool:
    """Tell whether every process with a mark is gone, soon."""
    end = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < end:
        time.sleep(0.02)
    return not marked(mark)


@dataclass(frozen=True)
class Moment:
    """When to kill a run: seconds after it was started, or after it has said its first word."""

    seconds: float
    awake: bool


NEVER = Moment(60, awake=False)


def run_and_kill(project: Project, moment: Moment, isolate: str, mark: str) -> bool:
    """Start or resume a run, and kill it at some moment; tell whether it had ended by itself."""
    command = [*ATLAS, "run", "p", "--resume", "--json", "--isolate", isolate]
    process = subprocess.Popen(
        command,
        cwd=project.root,
        env=environment(**{MARK: mark}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        if moment.awake:
            assert process.stdout.readline()
        _, error = process.communicate(timeout=moment.seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert gone(mark)
        return False
    assert process.returncode == 0, error.decode()
    return True


def undisturbed(project: Project, isolate: str) -> tuple[float, float]:
    """Return how many seconds a run takes to its first word, and from there to its end."""
    pipeline(project, project.root / f"ledger-{isolate}")
    started = time.monotonic()
    command = [*ATLAS, "run", "p", "--json", "--isolate", isolate]
    with subprocess.Popen(
        command, cwd=project.root, env=environment(), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline()
        awake = time.monotonic()
        process.stdout.read()
    assert process.returncode == 0
    return awake - started, time.monotonic() - awake


def survive(project: Project, mark: str, seed: int, kills: int) -> None:
    """Kill runs so many times, at moments that a seed chooses, and until one came between two steps.

    Every run is brought to its end.
    """
    chance = random.Random(seed)
    spans = {isolate: undisturbed(project, isolate) for isolate in ("none", "process")}
    count = within = 0
    while count < kills or not within:
        ledger = project.root / f"ledger-{count}"
        pipeline(project, ledger)
        ended = False
        whole = last_run(project.store)
        while not ended:
            store = project.store
            run = last_run(store)
            before = done_units(store, run) if run else set()
            noted = Counter(ledger.read_text().split()) if ledger.exists() else Counter()
            isolate = chance.choice(list(spans))
            awake = chance.random() < 0.75
            moment = Moment(chance.uniform(0.0, 1.1) * spans[isolate][awake], awake)
            ended = run_and_kill(
                project, moment if count < kills or not within else NEVER, isolate, mark
            )
            count += not ended
            run_now = last_run(store)
            within += not ended and run_now != whole and bool(done_units(store, run_now))
            now = Counter(ledger.read_text().split()) if ledger.exists() else Counter()
            if run and run_now == run:
                assert not [unit for unit in before if now[unit] > noted[unit]]
        run = last_run(store)
        assert store.get("p", run, "sum", "number") == 55 + 8
        assert store.run_outcome("p", run)["status"] == "done"
        assert done_units(store, run) >= {"s0", "s7", "list", "each.0", "each.5", "sum"}
    print(f"{count} kills, {within} between two steps")


def last_run(store: Store) -> str:
    import json

    try:
        return json.loads(store.location.read("p/last-training.json"))["run"]
    except FileNotFoundError:
        return ""


def test_some_kills_lose_nothing(project, mark):
    survive(project, mark, seed=7, kills=8)
    sent = project.atlas("runs", "--sync", "--json")
    assert sent.returncode == 0, sent.stderr
    import json

    (*_, last) = json.loads(sent.stdout)["runs"]
    assert last["run"] == last_run(project.store)
    assert all(one["tracked"] for one in json.loads(sent.stdout)["runs"])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_kills_lose_nothing(project, mark, seed):
    survive(project, mark, seed=seed, kills=20)


SLOW = """
import os
import subprocess
import time
from pathlib import Path

class Number(NamedTuple):
    number: int

class Sleep(Template):
    path: str
    timeout: bool = False
    def run(self) -> Number:
        subprocess.Popen(["sleep", "600"])
        Path(self.path).touch()
        time.sleep(600)
        return Number(1)
"""


def begun(project: Project, mark: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a run."""
    return subprocess.Popen(
        [*ATLAS, "run", "p", *arguments],
        cwd=project.root,
        env=environment(**{MARK: mark}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def started(project: Project, path: Path, mark: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a run and wait until its step is at work, which must have no timeout."""
    process = begun(project, mark, *arguments)
    end = time.monotonic() + 200
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return process


def interrupt(process: subprocess.Popen[str]) -> None:
    """Interrupt a run, and wait until it says that it waits for what runs."""
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    while "no further step is started" not in (line := process.stdout.readline()):
        assert line, process.communicate()
    assert process.poll() is None


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_a_second_interrupt_ends_the_run_with_all_its_children(project, tmp_path, mark, isolate):
    path = tmp_path / "on"
    project.pipeline("p", SLOW, {"sleep": {"class": "steps:Sleep", "params": {"path": str(path)}}})
    process = started(project, path, mark, "--isolate", isolate)
    interrupt(process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 130
    assert "interrupted" in out
    assert gone(mark)
    run = last_run(project.store)
    assert project.store.outcome("p", run, "sleep")["error"] == "interrupted"
    assert project.store.run_outcome("p", run)["status"] == "failed"


NAP = """
import time
from pathlib import Path

class Number(NamedTuple):
    number: int

class Nap(Template):
    path: str
    def run(self, number: int = 0) -> Number:
        Path(self.path).touch()
        while not Path(f"{self.path}.go").exists():
            time.sleep(0.02)
        return Number(number + 1)
"""


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_after_one_interrupt_what_follows_isnt_started(project, tmp_path, mark, isolate):
    path = tmp_path / "on"
    nap = {"class": "steps:Nap", "params": {"path": str(path)}}
    after = {**nap, "inputs": {"number": "first.number"}}
    project.pipeline("p", NAP, {"first": nap, "second": after})
    process = started(project, path, mark, "--isolate", isolate)
    interrupt(process)
    path.with_name("on.go").touch()
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 130
    run = last_run(project.store)
    assert project.store.outcome("p", run, "first")["status"] == "done"
    assert project.store.outcome("p", run, "second") is None
    assert "not done: second" in out


def test_a_step_that_hangs_fails_the_run_that_it_ends(project, tmp_path, mark):
    path = tmp_path / "on"
    nap = {"class": "steps:Nap", "params": {"path": str(path)}, "timeout": "1s", "retries": 2}
    project.pipeline("p", NAP, {"nap": nap})
    process = begun(project, mark, "--isolate", "none")
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 1, "nobody has interrupted it"
    assert "retry" not in out
    assert project.store.outcome("p", last_run(project.store), "nap")["error"] == (
        "timed out after 1 s"
    )


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_a_terminated_run_ends_at_once(project, tmp_path, mark, isolate):
    path = tmp_path / "on"
    project.pipeline("p", SLOW, {"sleep": {"class": "steps:Sleep", "params": {"path": str(path)}}})
    process = started(project, path, mark, "--isolate", isolate)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=200)
    assert process.returncode in (130, 143)
    assert gone(mark)
    run = last_run(project.store)
    assert project.store.outcome("p", run, "sleep")["error"] == "interrupted"


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_a_timeout(project, tmp_path, mark, isolate):
    path = tmp_path / "on"
    step = {"class": "steps:Sleep", "params": {"path": str(path)}, "timeout": "1s"}
    project.pipeline("p", SLOW, {"sleep": step})
    process = begun(project, mark, "--isolate", isolate)
    out, _ = process.communicate(timeout=200)
    assert process.returncode != 0
    assert "timed out after 1 s" in out
    assert gone(mark)


def test_nothing_outlives_a_killed_run_of_processes(project, tmp_path, mark):
    path = tmp_path / "on"
    project.pipeline("p", SLOW, {"sleep": {"class": "steps:Sleep", "params": {"path": str(path)}}})
    process = started(project, path, mark, "--isolate", "process")
    process.kill()
    process.communicate()
    assert gone(mark)
