"""What libraries do with processes, signals, streams and exits works in a step as in a script."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.projects import environment, project

__all__ = ["project"]
pytestmark = pytest.mark.timeout(900)

SCRIPTS = {
    "pool by fork": """
        import multiprocessing
        def square(x): return x * x
        def main():
            for _ in range(5):
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    print(pool.map(square, range(3)))
        """,
    "pool by spawn": """
        import multiprocessing
        def square(x): return x * x
        def main():
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                print(pool.map(square, range(3)))
        """,
    "pool by forkserver": """
        import multiprocessing
        class Scaler:
            def __init__(self, by): self.by = by
            def __call__(self, x): return x * self.by
        def main():
            with multiprocessing.get_context("forkserver").Pool(2) as pool:
                print(pool.map(Scaler(3), range(3)))
        """,
    "executor": """
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        def square(x): return x * x
        def main():
            with ProcessPoolExecutor(2) as processes, ThreadPoolExecutor(2) as threads:
                print(list(processes.map(square, range(3))), list(threads.map(square, range(3))))
        """,
    "loky": """
        from joblib import Parallel, delayed
        def square(x): return x * x
        def main():
            print(Parallel(n_jobs=2)(delayed(square)(i) for i in range(3)))
            print(Parallel(n_jobs=2)(delayed(lambda x: x - 1)(i) for i in range(3)))
        """,
    "joblib by fork": """
        from joblib import Parallel, delayed
        def square(x): return x * x
        def main():
            print(Parallel(n_jobs=2, backend="multiprocessing")(delayed(square)(i) for i in range(3)))
        """,
    "grid search": """
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        def main():
            x, y = np.arange(20).reshape(10, 2), np.array([0, 1] * 5)
            grid = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, n_jobs=2, cv=2).fit(x, y)
            print(sorted(grid.best_params_))
        """,
    "terminate": """
        import multiprocessing, time
        def main():
            process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
            process.start()
            process.terminate()
            process.join()
            print(process.exitcode)
        """,
    "manager and queue": """
        import multiprocessing
        def put(queue, shared): queue.put(1); shared["a"] = 2
        def main():
            context = multiprocessing.get_context("fork")
            with context.Manager() as manager:
                queue, shared = context.Queue(), manager.dict()
                process = context.Process(target=put, args=(queue, shared))
                process.start()
                print(queue.get(), process.join(), process.exitcode, dict(shared))
        """,
    "os.fork": """
        import os
        def main():
            pid = os.fork()
            if pid == 0:
                print("child", flush=True)
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
    "subprocess": """
        import os, subprocess, sys
        def main():
            print("before", flush=True)
            subprocess.run([sys.executable, "-c", "print('child')"], check=True)
            os.system("echo shell")
            code = "import sys; print(sys.stdin.read() == '')"
            subprocess.run([sys.executable, "-c", code], check=True)
        """,
    "a signal": """
        import os, signal
        def main():
            signal.signal(signal.SIGUSR1, lambda number, frame: print("handled", number))
            os.kill(os.getpid(), signal.SIGUSR1)
            signal.signal(signal.SIGALRM, lambda number, frame: print("alarm"))
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            signal.pause()
        """,
    "a child's signal": """
        import os, signal, subprocess, threading
        def main():
            heard = []
            signal.signal(signal.SIGCHLD, lambda number, frame: heard.append(1))
            subprocess.run(["true"], check=True)
            print(len(heard))
        """,
    "asyncio": """
        import asyncio
        async def talk():
            process = await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)
            return (await process.communicate())[0]
        def main():
            print(asyncio.run(talk()))
        """,
    "at exit": """
        import atexit, threading, time, weakref
        class Thing: pass
        thing = Thing()
        def main():
            atexit.register(print, "at exit")
            weakref.finalize(thing, print, "finalized")
            threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
            print("end")
        """,
    "reconfigured": """
        import io, sys
        def main():
            sys.stdout.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
            print("é", sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.fileno())
            sys.stdout.buffer.write("bytes é\\n".encode())
            sys.stdout.flush()
            print(isinstance(sys.stdout, io.TextIOWrapper), sys.stdin.read() == "")
            sys.__stdout__.write("original\\n")
        """,
    "latin": """
        import sys
        def main():
            sys.stdout.reconfigure(encoding="ascii", errors="replace")
            print("é")
        """,
    "duplicated": """
        import os, sys
        def main():
            print("one", flush=True)
            before = os.dup(1)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            print("hidden", flush=True)
            os.system("echo hidden")
            os.dup2(before, 1)
            print("two", flush=True)
        """,
    "logging": """
        import logging, sys
        early = logging.StreamHandler(sys.stdout)
        logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(message)s", handlers=[early])
        def main():
            logging.getLogger("mine").debug("fine")
            logging.info("fine too")
        """,
    "warnings": """
        import sys, warnings
        def main():
            sys.stderr = sys.stdout
            warnings.warn_explicit("careful", UserWarning, "file", 1)
            print("more", file=sys.stderr)
        """,
    "threads": """
        import threading
        def main():
            for number in range(3):
                thread = threading.Thread(target=print, args=("thread", number))
                thread.start()
                thread.join()
        """,
    "redirected": """
        import contextlib, io
        def main():
            with contextlib.redirect_stdout(io.StringIO()) as text:
                print("inside")
            print("outside", text.getvalue())
        """,
    "a step that leaves a pool": """
        import multiprocessing
        def square(x): return x * x
        pool = None
        def main():
            global pool
            pool = multiprocessing.get_context("fork").Pool(2)
            print(pool.map(square, range(3)))
        """,
    "arguments and modules": """
        import sys
        def main():
            print(len(sys.argv), "__main__" in sys.modules, sys.flags.interactive)
        """,
}
THREAD = {"a signal", "a child's signal", "a step that leaves a pool"}
"""What a thread of a process that goes on can't do: `--isolate none` is for debuggers."""
STEP = """

from typing import NamedTuple
from atlas import Template

class Said(NamedTuple):
    said: str

class Step(Template):
    def run(self) -> Said:
        main()
        return Said("x")
"""


def script(name: str) -> str:
    return textwrap.dedent(SCRIPTS[name])


def as_script(project, name: str) -> tuple[str, str]:
    file = project.root / "script.py"
    file.write_text(f"{script(name)}\nif __name__ == '__main__':\n    main()\n")
    done = subprocess.run(
        [sys.executable, str(file)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


_ALL = [pytest.param(n, marks=[pytest.mark.long] if n == "grid search" else []) for n in SCRIPTS]


@pytest.mark.parametrize("name", _ALL)
def test_a_step_is_a_script(project, name):
    project.pipeline("p", script(name) + STEP, {"it": {"class": "steps:Step"}})
    expected, warned = as_script(project, name)
    assert warned == ""
    for isolate in ("auto", "process", "none"):
        if isolate == "none" and name in THREAD:
            continue
        done = project.atlas("run", "p", "--isolate", isolate, "--no-cache", timeout=200)
        assert done.returncode == 0, (isolate, done.stdout, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr, (isolate, done.stderr)
        if isolate == "none":
            continue
        assert done.stderr == "", isolate
        assert printed(project) == expected, isolate


def printed(project) -> str:
    store = project.store
    *_, run = store.runs("p")
    try:
        return store.location.read(f"p/{run}/it/log.txt").decode()
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("name", _ALL)
def test_on_a_target_too(project, name):
    """As images and Airflow's processes run a step: `python -m atlas.step`."""
    project.pipeline("p", script(name) + STEP, {"it": {"class": "steps:Step"}})
    expected, _ = as_script(project, name)
    plan = project.plan("p")
    ran = project.atlas("run", "p")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    command = [sys.executable, "-m", "atlas.step", "--store", project.store.url]
    words = ["--plan", plan.digest, "--run", "by-hand", "--step", "it", "--no-finish", "--no-cache"]
    done = subprocess.run(
        [*command, *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected
    assert done.stderr == ""
