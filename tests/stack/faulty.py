"""The provider, but for one call at which it, or the engine that it serves, is killed (SIGKILL).

Put on PATH as ``pulumi-resource-atlas`` by `install`. The call is chosen by a file beside it, which
is taken away first, so that a repeat isn't killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Kill:
    """When who is killed.

    Attributes:
        call: the call, such as ``files.write``.
        victim: ``provider`` or ``engine``.
        words: text in the call's arguments; the first call that has it is meant.
        before: whether the call isn't made any more.
    """

    call: str
    victim: str
    words: str = ""
    before: bool = False

    def __str__(self) -> str:
        when = "before" if self.before else "after"
        return f"{self.victim} {when} {self.call} {self.words}".strip()


def install(folder: Path) -> Path:
    """Write the executable, and return it."""
    path = folder / "pulumi-resource-atlas"
    folder.mkdir(parents=True)
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom tests.stack import faulty\n"
    path.write_text(f"#!{sys.executable}\n{code}faulty.main()\n")
    path.chmod(0o755)
    return path


def arm(executable: Path, kill: Kill) -> None:
    """Have the next provider end, or end its engine, at a call."""
    executable.with_name("kill.json").write_text(json.dumps(asdict(kill)))


def is_armed(executable: Path) -> bool:
    """Tell whether nothing was killed yet."""
    return executable.with_name("kill.json").exists()


def main() -> None:
    """Serve as the provider does."""
    from atlas_provider.__main__ import main as serve

    file = Path(sys.argv[0]).with_name("kill.json")
    if file.exists():
        _prepare(Kill(**json.loads(file.read_text())), file)
    serve()


def _prepare(kill: Kill, file: Path) -> None:
    """Wrap the call."""
    from atlas.targets.airflow.api import AirflowApi
    from tests.integration.atlas_provider.faults import CALLS

    named = {f"{owner.__name__.rpartition('.')[2]}.{name}": (owner, name) for owner, name in CALLS}
    named["Airflow.forget"] = (AirflowApi, "forget")
    owner, name = named[kill.call]
    setattr(owner, name, _around(getattr(owner, name), kill, file))


def _around(call: Callable[..., Any], kill: Kill, file: Path) -> Callable[..., Any]:
    lock = threading.Lock()

    def wrapped(*args: Any, **options: Any) -> Any:
        meant = kill.words in repr(args)
        if meant and kill.before:
            _die(kill, file, lock)
        result = call(*args, **options)
        if meant:
            _die(kill, file, lock)
        return result

    return wrapped


def _die(kill: Kill, file: Path, lock: threading.Lock) -> None:
    """Kill the victim; only once."""
    with lock:
        if file.exists():
            file.unlink()
            os.kill(os.getpid() if kill.victim == "provider" else os.getppid(), signal.SIGKILL)
