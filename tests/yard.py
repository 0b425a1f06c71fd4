"""A yard for container tests: an engine's storage, a base image and a registry of its own.

Nothing of the machine's own images is touched. The base is made by debootstrap once, and kept in the
user's cache between runs: a test may not depend on a registry of the internet.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from atlas.containers import settings
from atlas.http.credentials import read_secret
from atlas_provider.ports import choose_port
from atlas_provider.templates import Filling
from infra.local import registry
from tests.mounts import unmount_below
from tests.tether import tied

SUITE = "bookworm"
_PACKAGES = "python3,python-is-python3,ca-certificates"
_PROGRAMS = ("podman", "debootstrap", "docker-registry")


def why_not() -> str:
    """Return why this machine can't run containers for tests; empty when it can."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed (make setup gets them on Debian)"
    if os.geteuid() != 0:
        return "debootstrap and podman's storage need root"
    return ""


def base_archive() -> Path:
    """Return the files of a small Debian with Python, made once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atlas" / "tests"
    archive = cache / f"{SUITE}-python-{platform.machine()}.tar"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        # Tests of two checkouts at once make it once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _make_base(archive)
    return archive


def _make_base(archive: Path) -> None:
    folder = archive.with_suffix(".root")
    shutil.rmtree(folder, ignore_errors=True)
    options = ("--variant=minbase", f"--include={_PACKAGES}")
    try:
        _run("debootstrap", *options, SUITE, folder, timeout=900)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"debootstrap can't make a base image: {error.stdout[-200:]}")
    for leftover in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
    half = archive.with_suffix(".half")
    _run("tar", "-C", folder, "-c", "--sort=name", "--numeric-owner", "-f", half, ".")
    half.replace(archive)
    shutil.rmtree(folder)


def _run(*command: str | Path, timeout: float = 300, **options: object) -> str:
    done = subprocess.run(
        list(map(str, command)),
        check=True,
        text=True,
        timeout=timeout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )
    return done.stdout


@dataclass
class Yard:
    """An engine and a registry.

    Attributes:
        folder: everything is below it.
        state: the state folder of the project that is tested.
        variables: what every command of the engine has to be started with.
        port: the registry's.
        base: the base image's reference in the registry.
    """

    folder: Path
    state: Path
    variables: Mapping[str, str]
    port: int
    base: str = ""
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def open(cls, folder: Path) -> Yard:
        """Make a storage and a registry, with the base image in it."""
        yard = cls.beside(folder, folder / "state", choose_port())
        yard.start_registry()
        yard.write_outputs()
        yard.push_base()
        return yard

    @classmethod
    def beside(cls, folder: Path, state: Path, port: int) -> Yard:
        """Make a storage beside a registry that listens on a port, and whose secret a state has."""
        folder.mkdir(parents=True, exist_ok=True)
        storage = folder / "storage.conf"
        storage.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
        )
        own = {"CONTAINERS_STORAGE_CONF": str(storage)}
        return cls(folder, state, {**own, **settings.environment(state)}, port)

    def push_base(self) -> None:
        """Put the base image into the registry."""
        self.base = f"{self.host}/library/python:3.11-slim"
        self.podman("import", base_archive(), self.base)
        login = read_secret(self.state / "secrets", registry.SECRET)
        words = ("--tls-verify=false", "--username", login["username"], "--password-stdin")
        self.podman("login", *words, self.host, input=login["password"])
        self.podman("push", "--tls-verify=false", self.base)
        self.podman("logout", self.host)
        self.podman("rmi", self.base)

    @property
    def host(self) -> str:
        """The registry's host and port."""
        return f"127.0.0.1:{self.port}"

    def podman(self, *words: str | Path, **options: object) -> str:
        """Run podman on the yard's storage, with a file of logins of its own."""
        own = {**self.variables, "REGISTRY_AUTH_FILE": str(self.folder / "auth.json")}
        return _run("podman", *words, cwd=self.folder, env={**os.environ, **own}, **options)

    def start_registry(self) -> None:
        """Start the registry as the platform does: the same files, the same secret."""
        place = self.state / "platform" / "local" / "registry"
        place.mkdir(parents=True, exist_ok=True)
        filling = Filling(place, place, {"http": self.port}, self.state / "secrets", make=True)
        for name, text in registry.files().items():
            (place / name).write_text(filling.fill(text))
        command = [filling.fill(word) for word in registry.command("docker-registry")]
        log = (place / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                tied(command),
                stdout=log,
                stderr=log,
                env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            )
        _wait_for(f"http://{self.host}/")

    def stop_registry(self) -> None:
        """Stop the registry; its data stay."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def write_outputs(self) -> None:
        """Write the outputs of a platform that has this registry and nothing else."""
        url = f"http://{self.host}"
        service = {"kind": "registry", "url": url, "workload_url": url, "version": ""}
        services = {"registry": {**service, "credentials": registry.SECRET}}
        file = self.state / "platform" / "local" / "outputs.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"version": 1, "services": services}))

    def close(self) -> None:
        """Stop the registry, and remove the storage with every image in it."""
        self.stop_registry()
        self.podman("rm", "--all", "--force")
        self.podman("rmi", "--all", "--force")
        unmount_below(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


def _wait_for(url: str, seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < end, f"{url} never answered"
            time.sleep(0.1)
