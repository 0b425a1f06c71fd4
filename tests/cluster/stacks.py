"""The platform's own Pulumi program on a cluster, by the `pulumi` command, as its users run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from atlas import processes
from atlas.waiting import wait_while
from atlas_toolchain import plugin
from infra.manifests.sources import renderings
from tests.official_manifests import SERVICES, official

ROOT = Path(__file__).parents[2]
KEY = "k" * 40
SECONDS = 1500
"""How long one `pulumi` may take on a machine that does much else."""
RENDERINGS = {
    "kubeflow": ("cluster-scoped-resources", "platform-agnostic"),
    "airflow": ("local-executor",),
    "prometheus": ("operator",),
}
"""The official renderings of a platform in its default modes."""
_SECRET = "4dabf18193072939515e22adb298388d"
"""The member by which Pulumi marks what isn't plain."""
Result = subprocess.CompletedProcess[str]


def mirror(folder: Path) -> Path:
    """Write the official manifests as `atlas:manifests` wants them; skip where there are none."""
    for service, names in RENDERINGS.items():
        pinned = renderings(SERVICES / service)
        for name in names:
            file = folder / pinned[name].file
            file.parent.mkdir(parents=True, exist_ok=True)
            listed = {"apiVersion": "v1", "kind": "List", "items": official(service, name)}
            file.write_text(json.dumps(listed), "utf-8")
    return folder


@dataclass(frozen=True)
class PlatformStack:
    """A stack of the platform, with a backend and a configuration of its own.

    Attributes:
        folder: where its state is.
        kubeconfig: the file by which the cluster is found.
        settings: its settings, beside those that every stack of tests has.
    """

    folder: Path
    kubeconfig: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    name: str = "test"

    def __post_init__(self) -> None:
        """Make the stack; skip the test where the plugin isn't."""
        if not plugin.finding().ok:
            pytest.skip(f"no {plugin.NAME}: `make test-cluster` gets it")
        (self.folder / "backend").mkdir(parents=True, exist_ok=True)
        # As the documentation says: without a folder for it, Pulumi writes no log of each call.
        (self.folder / "home").mkdir(exist_ok=True)
        (self.folder / "home" / "logs").touch()
        self.configure(**self.settings)
        self.pulumi("stack", "init", self.name, "--no-select", config=False)

    def configure(self, **settings: object) -> None:
        """Write the stack's settings, in place of those that it had."""
        plain = {
            "target": "kubernetes",
            "state": str(self.folder / "state"),
            "secretKey": KEY,
            "kubeconfig": str(self.kubeconfig),
            **settings,
        }
        found = {f"atlas:{name.replace('_', '-')}": value for name, value in plain.items()}
        self.config.write_text(json.dumps({"config": found}), "utf-8")

    @property
    def config(self) -> Path:
        """Return the file of its settings."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that `pulumi` is run with."""
        beside = [str(Path(sys.executable).parent), str(plugin.folder())]
        return {
            **{name: one for name, one in os.environ.items() if name != "KUBECONFIG"},
            "PATH": os.pathsep.join((*beside, os.environ["PATH"])),
            "PULUMI_HOME": str(self.folder / "home"),
            # As the documentation says: an attribute of a file that a kill cut off hides the file.
            "PULUMI_BACKEND_URL": f"{(self.folder / 'backend').as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # As the documentation says: the state is written once, at the end of an update.
            "PULUMI_SKIP_CHECKPOINTS": "true",
        }

    def command(self, *words: str, config: bool = True) -> list[str]:
        """Return a command line of `pulumi`."""
        file = ["--config-file", str(self.config), "--stack", self.name] if config else []
        program = shutil.which("pulumi", path=self.environment["PATH"]) or "pulumi"
        return [program, *words, *file, "--non-interactive", "--color", "never"]

    def pulumi(self, *words: str, code: int = 0, config: bool = True) -> Result:
        """Run `pulumi`, and hold it to an exit code."""
        done = subprocess.run(
            self.command(*words, config=config),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        said = f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        assert (done.returncode != 0) == (code != 0), f"{words}: {done.returncode}\n{said}"
        return done

    def up(self, *words: str) -> Mapping[str, int]:
        """Bring the platform up; return how many resources were created, updated, the same."""
        self.pulumi("up", "--yes", "--skip-preview", *words)
        return self.changes()

    def destroy(self) -> None:
        """Take the platform down."""
        self.pulumi("destroy", "--yes", "--skip-preview")

    def changes(self) -> dict[str, int]:
        """Return what the last update did, by kind of change."""
        words = ("stack", "history", "--json", "--page-size", "1", "--stack", self.name)
        latest, *_ = json.loads(self.pulumi(*words, config=False).stdout)
        return dict(latest.get("resourceChanges") or {})

    def resources(self) -> list[dict[str, Any]]:
        """Return what the state has."""
        exported = self.pulumi(
            "stack", "export", "--show-secrets", "--stack", self.name, config=False
        )
        deployment = json.loads(exported.stdout)["deployment"]
        return list(deployment.get("resources") or [])

    def objects(self) -> list[dict[str, Any]]:
        """Return the cluster's objects that the state has, as the program declares them."""
        return [
            _plain(one["inputs"])
            for one in self.resources()
            if one["type"].startswith("kubernetes:") and one.get("custom")
        ]

    def killed(self, until: Callable[[], bool], *, notes: bool) -> None:
        """Start to bring the platform up, and kill all of it once something is so.

        Args:
            until: tells whether it is time.
            notes: whether its state is written at each object, as Pulumi does where nothing is
                said; otherwise it knows nothing of what it has made.
        """
        process = subprocess.Popen(
            self.command("up", "--yes", "--skip-preview"),
            cwd=ROOT,
            env={**self.environment, "PULUMI_SKIP_CHECKPOINTS": str(not notes).lower()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_while(lambda: process.poll() is None and not until(), SECONDS, 0.2)
            assert process.poll() is None, "it ended before it could be killed"
        finally:
            _kill(process)
        self.pulumi("cancel", "--yes", self.name, config=False)


def _plain(value: Any) -> Any:
    """Return inputs of an exported state as the program gives them: secrets are marked there."""
    if isinstance(value, dict):
        if _SECRET in value:
            return json.loads(value["plaintext"])
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all of its session; wait until they are gone."""
    own = [found for pid in _session(process.pid) if (found := processes.find(pid))]
    for one in own:
        if one.is_alive:
            os.kill(one.pid, signal.SIGKILL)
    process.wait(60)
    assert not wait_while(lambda: any(one.is_alive for one in own), 60, 0.1)


def _session(leader: int) -> list[int]:
    """Return the processes of a session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(entry.parent.name))
    return found
