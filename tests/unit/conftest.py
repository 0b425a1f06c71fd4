"""Unit tests start no process and no server; they get a project in a folder, and a store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import alone
from tests.projects import project, store

__all__ = ["project", "store"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Refuse processes and servers before the test's first fixture is made."""
    alone.begin()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """Fail the test that was refused one, once its last fixture is gone.

    With the last test of a worker go fixtures of the session, which may be servers of other tests:
    they are stopped by processes.
    """
    refused = alone.end() if nextitem is None else []
    try:
        yield
    finally:
        refused = refused if nextitem is None else alone.end()
    assert not refused, f"{'; '.join(refused)}: tests that need it belong in tests/integration"
