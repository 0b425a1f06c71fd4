from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from atlas_toolchain import shell


def failed(output: str) -> subprocess.CalledProcessError:
    return subprocess.CalledProcessError(1, ["/x/uv", "pip", "sync", "-q"], output)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failed("a\nerror: no such package\n\n"), "uv pip sync: error: no such package"),
        (failed("write x: No space left on device\nexit"), "uv pip sync: the disk is full"),
        (
            failed("dial tcp: lookup proxy.example: no such host"),
            "uv pip sync: no network (a name can't be resolved)",
        ),
        (failed(""), "uv pip sync: it failed and said nothing"),
        (
            subprocess.TimeoutExpired(["apt-get", "update"], 9),
            "apt-get update didn't end within 9 s",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (FileNotFoundError(2, "No such file", "/x"), "[Errno 2] No such file: '/x'"),
        (EOFError(), "EOFError"),
    ],
)
def test_explain_is_one_line_that_names_the_cause(error: Exception, expected: str) -> None:
    assert shell.explain(error) == expected


def test_run_lets_bytecode_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import sys; print(sys.dont_write_bytecode)"
    assert shell.run([sys.executable, "-c", code]) == "False\n"


def test_run_asks_nothing_and_raises_what_it_read() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        shell.run([sys.executable, "-c", "import sys; print(input())"])
    assert "EOFError" in shell.explain(caught.value)
