"""Pulumi's engine and Python language host: on PATH, in the cache, downloaded, or built."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, catalog, download, golang, shell
from atlas_toolchain.finding import Finding
from atlas_toolchain.version import first_version, satisfies

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "pulumi-language-python"
_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
_GET = "atlas doctor --install (in the tree: make setup), with a network or with Go >= 1.25"


@dataclass(frozen=True, slots=True)
class PulumiEngine:
    """An engine that will do.

    Attributes:
        path: the executable.
        version: its version, without a v.
        origin: where it came from, for a person.
    """

    path: Path
    version: str
    origin: str


def find() -> PulumiEngine | None:
    """Return the engine on PATH if its version will do, else the one in the cache, else None."""
    on_path = shutil.which("pulumi")
    candidates = [on_path, str(cache.engine_folder() / "pulumi")]
    engines = (_engine(Path(path)) for path in candidates if path)
    return next(filter(None, engines), None)


def _engine(path: Path) -> PulumiEngine | None:
    """Return the engine at a path, if it runs and its version will do."""
    version = _version(path)
    if not satisfies(version, catalog.ENGINE):
        return None
    return PulumiEngine(path, version, _origin(path, "pulumi"))


def _version(path: Path) -> str:
    """Return the version of the engine at a path, or ""."""
    try:
        # Even this writes a log, into the home that it is given.
        quiet = {**_QUIET, "PULUMI_HOME": str(cache.engine_folder().parent / "home")}
        return first_version(shell.run([path, "version"], environment=quiet, timeout=60))
    except shell.REFUSALS:
        return ""


def _origin(path: Path, tool: str) -> str:
    """Return where a program is; for one of the cache, also how it came there."""
    real = path.resolve()
    if real.parent != cache.engine_folder().resolve():
        return f"{path} (PATH)"
    return f"{real} ({_made().get(tool, {}).get('origin', 'cache')})"


def _made() -> dict[str, dict[str, str]]:
    """Return what was placed into the cache, how and in what version, by program."""
    return cache.read_json(cache.engine_folder().parent / "origin.json")


def host(engine: PulumiEngine | None) -> tuple[Path, str] | None:
    """Return the language host that an engine would start, and its version.

    The engine looks on PATH, then beside itself.
    """
    beside = str(engine.path.resolve().parent) if engine else str(cache.engine_folder())
    on_path = shutil.which(HOST) or shutil.which(HOST, path=beside)
    if on_path is None or shutil.which(f"{HOST}-exec", path=_beside(on_path)) is None:
        return None
    path = Path(on_path)
    if engine and path.resolve().parent != cache.engine_folder().resolve():
        return path, engine.version
    return path, _made().get(HOST, {}).get("version", catalog.LANGUAGE_HOST)


def cached() -> list[Path]:
    """Return the programs in the cache, whose engine is the one that Atlas uses."""
    return sorted(cache.engine_folder().glob("pulumi*"))


def _beside(program: str) -> str:
    """Return the folders in which a language host's script may be."""
    return os.pathsep.join((str(Path(program).resolve().parent), os.environ.get("PATH", "")))


def findings() -> list[Finding]:
    """Return the findings for the engine and for its language host."""
    engine = find()
    language = host(engine)
    refused = cache.refusals()
    return [
        Finding(
            tool="pulumi engine",
            found=engine.version if engine else "",
            needed=catalog.ENGINE,
            origin=engine.origin if engine else "",
            without=catalog.WITHOUT_ENGINE,
            get=_GET,
            why=refused.get("pulumi", _why_not()),
            ok=engine is not None,
        ),
        Finding(
            tool="pulumi python host",
            found=language[1] if language else "",
            needed=f">={catalog.LANGUAGE_HOST}",
            origin=_origin(language[0], HOST) if language else "",
            without=catalog.WITHOUT_HOST,
            get=_GET,
            why=refused.get(HOST, "not found on PATH or in the cache"),
            ok=language is not None,
        ),
    ]


def _why_not() -> str:
    """Return why no engine will do, when none was tried to be got."""
    path = shutil.which("pulumi")
    version = _version(Path(path)) if path else ""
    if version:
        return f"found {version} at {path}, expected {catalog.ENGINE}"
    return "not found on PATH or in the cache"


def get(say: Callable[[str], None]) -> dict[str, str]:
    """Get what is missing of the engine and the language host, into the cache.

    Args:
        say: prints what takes long, before it does.

    Returns:
        Why it couldn't be got, by program; empty reasons for what is there now.
    """
    with cache.locked(cache.root(), lambda: say("waiting for another set-up's engine")):
        why_engine = "" if find() else _get_engine(say)
        why_host = "" if host(find()) else _get_host(say)
    return {"pulumi": why_engine, HOST: why_host}


def _get_engine(say: Callable[[str], None]) -> str:
    """Get the engine by the first way that works; return why none did, or ""."""
    say(f"pulumi engine {catalog.PULUMI}: downloading")
    refused = _try(download.fetch, "official download", catalog.PULUMI)
    if not refused:
        return ""
    refused = f"download: {refused}"
    if not golang.there():
        return f"{refused}; build: no go on PATH"
    say(f"pulumi engine {catalog.PULUMI}: {refused}; building from Go modules, 2 to 4 minutes")
    built = _try(golang.engine, "built from Go modules", catalog.PULUMI)
    return built and f"{refused}; build: {built}"


def _get_host(say: Callable[[str], None]) -> str:
    """Build the language host, where the engine's download didn't bring one."""
    if not golang.there():
        return "no go on PATH to build it with"
    say(f"pulumi python host {catalog.LANGUAGE_HOST}: building from Go modules")
    return _try(golang.language_host, "built from Go modules", catalog.LANGUAGE_HOST)


def _try(way: Callable[[Path], list[Path]], origin: str, version: str) -> str:
    """Try one way; place what it made into the cache, whole, and return "" or why it failed."""
    try:
        with cache.scratch() as folder:
            files = way(folder)
            _check(files[-1])
            _note(files, origin, version)
            cache.place(files, cache.engine_folder())
    except shell.REFUSALS as error:
        return shell.explain(error)
    return ""


def _check(program: Path) -> None:
    """Raise OSError when what is to be placed is an engine that doesn't run on this machine."""
    program.chmod(0o755)
    if program.name == "pulumi" and not satisfies(_version(program), catalog.ENGINE):
        raise OSError(f"what came as {program.name} doesn't run here as {catalog.PULUMI}")


def _note(files: list[Path], origin: str, version: str) -> None:
    """Write down where programs came from, before they are there."""
    made = _made() | {file.name: {"origin": origin, "version": version} for file in files}
    cache.write_json(cache.engine_folder().parent / "origin.json", made)
