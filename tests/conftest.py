"""What every test may use: golden files, written again with `pytest --update-golden`."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from atlas import advice
from atlas_provider.protobuf import share_status
from tests.mounts import unmount_below

share_status()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Under nohup, or behind a shell's `&`: programs that tests interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A loaded machine is no fault of a test. `make test` tries the same examples each time, so that what
# it says is about the change; `pytest --hypothesis-profile=random` looks for new ones.
_SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("atlas", derandomize=True, **_SLOW)
settings.register_profile("random", **_SLOW)
settings.load_profile("atlas")

Golden = Callable[[str, bytes], None]
_LONG_SECONDS, _STACK_SECONDS = 3600, 900
_OWN, _FAILED = pytest.StashKey[Path](), pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files from what is compared"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the run a temporary folder of its own.

    Pytest's own place is shared with every other run of this user, also with those that tests start;
    at its end a run removes older ones there, and what one of them left mounted would fail this run.
    """
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="atlas-tests-")
        config.stash[_OWN] = Path(config.option.basetemp)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how the run ended: its folder stays for who looks into a failure."""
    session.config.stash[_FAILED] = exitstatus != 0


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's folder after all fixtures, unless a test failed."""
    own = config.stash.get(_OWN, None)
    if own is None:
        return
    unmount_below(own)
    if config.stash.get(_FAILED, True):
        print(f"what the tests wrote is in {own}")
    else:
        shutil.rmtree(own, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let slow tests take longer, unless they say how long; order the groups for the workers."""
    for item in items:
        is_long = item.get_closest_marker("long") is not None
        if item.get_closest_marker("timeout") or not (is_long or _STACK in item.nodeid):
            continue
        item.add_marker(pytest.mark.timeout(_LONG_SECONDS if is_long else _STACK_SECONDS))
    if hasattr(config, "workerinput"):
        _order(items)


def _order(items: list[pytest.Item]) -> None:
    """Put the groups that take longest first, then the largest, then those that need a platform.

    What takes longest runs beside all else: begun last, it would run alone on its worker.
    """
    sizes = Counter(_group(item.nodeid) for item in items)

    def place(item: pytest.Item) -> tuple[bool, bool, int, str]:
        group = _group(item.nodeid)
        return group not in _LONGEST, _STACK in item.nodeid, -sizes[group], group

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Run whole groups in `make test`, in their order; loadgroup's marks do nothing here."""
    config.option.loadscopereorder = False
    return _Grouped(config, log)


class _Grouped(LoadScopeScheduling):
    """Keeps a file's tests together, and the files that share a platform or an engine's storage."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def _group(nodeid: str) -> str:
    """Return the group that a test is of."""
    file = nodeid.split("::", maxsplit=1)[0]
    return _SHARED.get(Path(file).name, file) if _STACK in file else file


_STACK = "tests/stack/"
_LONGEST = ("containers", "platform")

_SHARED = {
    **dict.fromkeys(
        ("test_example_runs.py", "test_images.py", "test_parity_runs.py", "test_scoring_in_containers.py", "test_secrets_in_containers.py"),
        "containers",
    ),
    **dict.fromkeys(
        ("test_crashes.py", "test_deploy.py", "test_deploy_folder.py", "test_plain_program.py", "test_platform.py", "test_purge.py", "test_printed_commands.py", "test_rollback.py", "test_train.py"),
        "platform",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_call_before() -> None:
    """Have messages tell commands as a process tells them that was called with nothing yet."""
    advice.note_call()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare bytes with a file of tests/golden/files, or write it with --update-golden."""

    def compare(name: str, content: bytes) -> None:
        path = Path(__file__).parent / "golden" / "files" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        assert path.is_file(), f"no golden file {name}; write it with `pytest --update-golden`"
        assert content.decode() == path.read_bytes().decode()

    return compare
