"""What every test may use: golden files, written anew with `pytest --update-golden`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from atlas_provider.protobuf import share_status

share_status()

Golden = Callable[[str, bytes], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files from what is compared"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares a platform, an engine's storage or a module's fixtures.

    `make test` runs two groups at a time; xdist reads the marks next, and begins with the largest.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    fixtures = getattr(item, "fixturenames", ())
    for shared in ("yard", "platform"):
        if shared in fixtures:
            return shared
    return str(item.path)


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
