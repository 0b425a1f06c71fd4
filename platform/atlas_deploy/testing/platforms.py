"""A pytest plugin: the fixture `atlas_platform`, a platform that lives as long as the tests do.

It costs nothing where no test asks for it: nothing but pytest is imported, and nothing is made. All
workers of pytest-xdist use one platform: the first that needs it brings it up, and its supervisor
takes it down when the run has ended, however that is.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from atlas_deploy.platforms.ephemeral import EphemeralPlatform

SERVICES, TTL, KEEP = "--atlas-services", "--atlas-ttl", "--keep-on-failure"
FIXTURES = ("atlas_platform", "fresh_atlas_platform")
_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    (SERVICES, {"default": "mlflow", "metavar": "NAME,...",
                "help": "services of the fixture atlas_platform; 'all' for all (mlflow)"}),
    (TTL, {"default": "2h", "metavar": "DURATION", "help": "how long it lives at most (2h)"}),
    (KEEP, {"action": "store_true", "default": False,
            "help": "let the platform of a failed test be, until --atlas-ttl is over"}),
)  # fmt: skip
_LINES = 200
_KEPT = pytest.StashKey[bool]()
_READ = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; one that another plugin has already is that plugin's."""
    group = parser.getgroup("atlas", "platforms of Atlas")
    for name, settings in _OPTIONS:
        with suppress(ValueError):
            group.addoption(name, **settings)


@pytest.fixture(scope="session")
def atlas_platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EphemeralPlatform]:
    """Return the platform of the test run, which all tests and workers share."""
    from atlas_deploy.testing.sharing import shared

    base = tmp_path_factory.getbasetemp()
    is_worker = hasattr(request.config, "workerinput")
    folder = base.parent if is_worker else base
    platform = shared(folder, *_asked(request.config), is_worker=is_worker)
    try:
        yield platform
    finally:
        _let_go(request, platform)


@pytest.fixture
def fresh_atlas_platform(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[EphemeralPlatform]:
    """Return a platform that no other test has used, or will."""
    from atlas_deploy.testing.sharing import fresh

    platform = fresh(tmp_path, *_asked(request.config))
    try:
        yield platform
    finally:
        _let_go(request, platform)


def _asked(config: pytest.Config) -> tuple[list[str], float]:
    """Return the services and the seconds that the options name."""
    from atlas.values import seconds

    chosen = str(config.getoption(SERVICES))
    services = [] if chosen == "all" else [name for name in chosen.split(",") if name]
    try:
        return services, seconds(str(config.getoption(TTL)))
    except ValueError as error:
        raise pytest.UsageError(f"{TTL}: {error}") from None


def _let_go(request: pytest.FixtureRequest, platform: EphemeralPlatform) -> None:
    """Let go of a platform; a failed test's is kept, where that is wanted."""
    if request.node.stash.get(_KEPT, False):
        platform.folder.keep()
    platform.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Note how long the platform's logs are when a test begins."""
    for platform in _platforms(item):
        item.stash[_READ] = {str(file): file.stat().st_size for file in platform.logs.glob("*.log")}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach to a failed test what its platform's services have printed during it."""
    report = yield
    if report.failed:
        for platform in _platforms(item):
            report.sections += _printed(platform.logs, item.stash.get(_READ, {}))
            if item.config.getoption(KEEP, False):
                item.session.stash[_KEPT] = item.stash[_KEPT] = True
                report.sections.append(("platform that is kept", _how_to_use(platform)))
    return report


def _platforms(item: pytest.Item) -> list[EphemeralPlatform]:
    """Return the platforms that a test has asked for."""
    arguments = getattr(item, "funcargs", None) or {}
    return [arguments[name] for name in FIXTURES if name in arguments]


def _printed(logs: Path, read: dict[str, int]) -> list[tuple[str, str]]:
    """Return the end of what each service has printed since a test began."""
    sections = []
    for file in sorted(logs.glob("*.log")):
        with suppress(OSError), file.open("rb") as log:
            size, start = file.stat().st_size, read.get(str(file), 0)
            log.seek(start if start <= size else 0)
            lines = log.read().decode("utf-8", "replace").splitlines()
            if lines:
                sections.append((f"platform: {file.name}", "\n".join(lines[-_LINES:])))
    return sections


def _how_to_use(platform: EphemeralPlatform) -> str:
    from atlas.advice import mention

    ends = time.strftime("%H:%M:%S", time.localtime(platform.folder.ends))
    return (
        f"export ATLAS_STATE={platform.state}\n"
        f"{mention('outputs')} shows its services; {mention('down')} ends it, or it ends at {ends}"
    )
