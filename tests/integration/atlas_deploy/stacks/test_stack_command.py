"""How the engine is run, with small scripts in its place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from pulumi.automation.errors import CommandError

from atlas_deploy.stacks.command import EngineCommand


@pytest.fixture
def engine(tmp_path):
    def make(text, say=print):
        path = tmp_path / "pulumi"
        path.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
        path.chmod(0o755)
        return EngineCommand(path, "3.250.0", say)

    return make


def test_output_errors_and_arguments(engine, tmp_path):
    seen = []
    command = engine("import sys; print(sys.argv[1:]); print('oh', file=sys.stderr)")
    result = command.run(["up", "--yes"], str(tmp_path), {}, seen.append)
    assert result.stdout == "['--non-interactive', 'up', '--yes']"
    assert result.stderr == "oh"
    assert seen == [result.stdout]


def test_what_would_mislead_the_engine_is_not_passed(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hunter2")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "hunter2")
    command = engine("import os; print([v for v in os.environ.values() if v == 'hunter2'])")
    assert command.run([], str(tmp_path), {}).stdout == "[]"


def test_a_failure_has_what_the_engine_said(engine, tmp_path):
    with pytest.raises(CommandError, match="no space left"):
        engine("raise SystemExit('no space left')").run([], str(tmp_path), {})


def test_a_killed_engine_is_reported(engine, tmp_path):
    with pytest.raises(CommandError, match="the engine was killed by signal 9; run the same"):
        engine("import os; os.kill(os.getpid(), 9)").run([], str(tmp_path), {})


ENDS_WELL = """
    import signal, sys, time
    def end(*_):
        print("saved", flush=True)
        sys.exit(1)
    signal.signal(signal.SIGINT, end)
    open("ready", "w").close()
    time.sleep(600)
"""
CALLER = """
    import signal, sys
    from pathlib import Path
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from atlas_deploy.stacks.command import EngineCommand
    command = EngineCommand(Path(sys.argv[1]), "3.250.0", print)
    try:
        command.run(["up"], sys.argv[2], {}, print)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(130)
"""


def start(engine, tmp_path, text):
    """Run a caller of the engine in a process of its own, as `atlas up` is."""
    command = engine(text)
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CALLER), command.command, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "ready").exists():
        assert caller.poll() is None
        time.sleep(0.05)
    return caller


def test_an_interruption_is_passed_on_and_waited_for(engine, tmp_path):
    caller = start(engine, tmp_path, ENDS_WELL)
    caller.send_signal(signal.SIGINT)
    out = caller.communicate(timeout=200)[0]
    assert caller.returncode == 130
    assert out.splitlines() == [
        "interrupted: waiting for the update to end (Ctrl-C again kills it)",
        "saved",
        "interrupted",
    ]


def test_a_second_interruption_kills(engine, tmp_path):
    deaf = ENDS_WELL.replace("sys.exit(1)", 'open("heard", "w").close()')
    caller = start(engine, tmp_path, deaf + "    time.sleep(600)\n")
    caller.send_signal(signal.SIGINT)
    while not (tmp_path / "heard").exists():
        assert caller.poll() is None
        time.sleep(0.05)
    caller.send_signal(signal.SIGINT)
    caller.communicate(timeout=200)
    assert caller.returncode == 130


@pytest.mark.skipif(not os.path.exists("/usr/bin/setpriv"), reason="needs util-linux's setpriv")
def test_the_engine_is_interrupted_when_its_caller_is_killed_and_may_print(engine, tmp_path):
    """A pipe to the caller would break: Pulumi, in Go, is ended by what it prints then."""
    talks = 'signal.signal(signal.SIGPIPE, signal.SIG_DFL); print("saving", flush=True)'
    saves = ENDS_WELL.replace('print("saved", flush=True)', f'{talks}; open("saved", "w").close()')
    caller = start(engine, tmp_path, saves)
    caller.kill()
    caller.communicate()
    end = time.monotonic() + 60
    while not (tmp_path / "saved").exists():
        assert time.monotonic() < end, "the engine outlived its caller"
        time.sleep(0.05)
