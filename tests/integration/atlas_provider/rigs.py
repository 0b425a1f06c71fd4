"""Test rigs, one for each kind of resource: how to make one, and what is really there in it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from atlas.alerts.group import DIGEST_RECORD
from atlas.http import connection
from atlas.kinds import content
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.plan import Plan
from atlas.store import open_store
from atlas.targets.airflow.monitor_resource import RetrainingMonitorKind
from atlas.targets.airflow.resource import AirflowDagsKind
from atlas.targets.kubeflow.resource import KubeflowPipelinesKind
from atlas.waiting import wait_until
from atlas_provider import process_trees
from atlas_provider.kinds.alert_rules import AlertRulesKind
from atlas_provider.kinds.database import DatabaseKind
from atlas_provider.kinds.ports import PortsKind
from atlas_provider.kinds.process import ProcessKind
from atlas_provider.kinds.registered_models import RegisteredModelsKind
from atlas_provider.kinds.step_images import StepImagesKind
from atlas_provider.supervision import Supervisor
from tests.integration import fake_kubeflow
from tests.integration.atlas_provider import fake_airflow, fake_mlflow, fake_prometheus
from tests.servers import RegistryServer

CONTEXT = OperationContext("it", 60.0)


class Dags:
    """AirflowDags over a fake Airflow; what is there is what Airflow has, and the files."""

    kind = Handler(AirflowDagsKind())

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "dags").mkdir()
        (folder / "secrets").mkdir()
        secret = {"username": "atlas", "password": "hunter2"}
        (folder / "secrets" / "airflow.json").write_text(json.dumps(secret))
        self.fake = fake_airflow.FakeAirflow(folder / "dags")
        self.server, self.url = fake_airflow.serve(self.fake)

    def inputs(self, **members: str) -> dict[str, Any]:
        store = (self.folder / "store").as_uri()
        texts = {name: f'tags = ["plan:{plan}"]\n'.encode() for name, plan in members.items()}
        return {
            "owner": "it.local/flow", "plans": members, "store": store, "airflow": self.url,
            "members": {name: content.put(store, text) for name, text in texts.items()},
            "dags": (self.folder / "dags").as_uri(), "credentials": "airflow",
            "secrets": (self.folder / "secrets").as_uri(),
        }  # fmt: skip

    def there(self) -> dict[str, str]:
        self.fake.parse()
        files = {path.stem for path in (self.folder / "dags").iterdir()}
        assert files == {*self.fake.dags}
        tags = {name: next(iter(dag["tags"]))["name"] for name, dag in self.fake.dags.items()}
        return {name: tag.partition(":")[2] for name, tag in tags.items()}


class Monitors(Dags):
    """RetrainingMonitor over the same; a member's digest is of what it monitors."""

    kind = Handler(RetrainingMonitorKind())

    def inputs(self, **members: str) -> dict[str, Any]:
        made = super().inputs(**members)
        texts = {name: f'tags = ["monitor:{of}"]\n'.encode() for name, of in members.items()}
        digests = {name: content.put(made["store"], text) for name, text in texts.items()}
        rest = {name: value for name, value in made.items() if name != "plans"}
        return {**rest, "monitors": members, "members": digests}


class Packages:
    """KubeflowPipelines; what is there is what is pointed at."""

    kind = Handler(KubeflowPipelinesKind())

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, None
        self.digests: dict[str, str] = {}

    def inputs(self, **members: str) -> dict[str, Any]:
        store = (self.folder / "store").as_uri()
        plans = {name: self._plan(store, code) for name, code in members.items()}
        head = "# Compiled by Atlas from Plan"
        texts = {name: f"{head} {plan}.\nit: {name}\n".encode() for name, plan in plans.items()}
        return {
            "owner": "it.local/flow", "plans": plans, "store": store,
            "members": {name: content.put(store, text) for name, text in texts.items()},
        }  # fmt: skip

    def _plan(self, store: str, code: str) -> str:
        plan = Plan("p", "p", "p", "training", "r", "e", "kubeflow", (), code=code)
        open_store(store).add_plan(plan)
        self.digests[plan.digest] = code
        return plan.digest

    def there(self) -> dict[str, str]:
        names = {path.parent.name for path in self.folder.glob("store/kubeflow/*/current")}
        if not names:
            return {}
        state = {"members": dict.fromkeys(names, ""), "plans": {}, "owner": "", "store": ""}
        state["store"] = (self.folder / "store").as_uri()
        live = self.kind.read("it", state, CONTEXT)
        return {name: self.digests[plan] for name, plan in live.inputs["plans"].items()}


class Versions(Packages):
    """KubeflowPipelines on a fake API server; each member also has a schedule, by its Plan.

    What is there is what recurs, all of it from a version of its own.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fake = fake_kubeflow.FakeKubeflow()
        self.server, self.url = fake_kubeflow.serve(self.fake)

    def inputs(self, **members: str) -> dict[str, Any]:
        when = {name: f"{int(code) % 60} 6 * * *" for name, code in members.items()}
        return {**super().inputs(**members), "kubeflow": self.url, "schedules": when}

    def there(self) -> dict[str, str]:
        items = self.fake.items
        found = {one["display_name"]: one for one in items["recurringruns"].values()}
        assert len(found) == len(items["recurringruns"])
        pipelines = {one["display_name"] for one in items["pipelines"].values()}
        assert pipelines == {*found}
        assert len(items["versions"]) <= 2 * len(pipelines)
        return {name: self._code(name, one) for name, one in found.items()}

    def _code(self, name: str, recurring: dict[str, Any]) -> str:
        items, reference = self.fake.items, recurring["pipeline_version_reference"]
        assert items["pipelines"][reference["pipeline_id"]]["display_name"] == name
        version = items["versions"][reference["pipeline_version_id"]]
        code = self.digests[version["description"].removeprefix("plan: ")]
        cron = recurring["trigger"]["cron_schedule"]["cron"]
        assert cron == f"0 {int(code) % 60} 6 * * *"
        return code


class Models:
    """RegisteredModels; taken away, they stay."""

    kind = Handler(RegisteredModelsKind())

    def __init__(self, folder: Path) -> None:
        self.models: dict[str, str] = {}
        self.server, self.url = fake_mlflow.serve(self.models)

    def inputs(self, **members: str) -> dict[str, Any]:
        return {"owner": "it.local/models", "members": members, "mlflow": self.url}

    def there(self) -> dict[str, str]:
        return dict(self.models)


class Images:
    """StepImages over a real registry; what is there is what the stack holds of it."""

    kind = Handler(StepImagesKind())
    server = None
    registry: RegistryServer

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents: dict[str, str] = {}

    def inputs(self, **members: str) -> dict[str, Any]:
        return {
            "owner": "it.local/images",
            "members": {name: self._pinned(name, text) for name, text in members.items()},
            "registry": self.registry.url,
            "store": (self.folder / "store").as_uri(),
            "secrets": self.registry.secrets.as_uri(),
            "credentials": "registry",
            "purge": True,
        }

    def _pinned(self, name: str, content: str) -> str:
        repository = f"atlas{str(self.folder).lower()}/{name}"
        pinned = f"{repository}@{self.registry.add_image(repository, content)}"
        self.contents[pinned] = content
        return pinned

    def there(self) -> dict[str, str]:
        file = self.folder / "store/deployments/images/it.local/images.json"
        held = json.loads(file.read_text())["members"] if file.exists() else {}
        return {name: self.contents[pinned] for name, pinned in held.items()}


class Processes:
    """Process under a real supervisor; what is there is what runs, by what it was given."""

    kind = Handler(ProcessKind())
    server = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "platform" / "local"

    def inputs(self, **members: str) -> dict[str, Any]:
        return {
            "name": "p", "folder": str(self.folder), "command": ["sleep", "600"], "stopGrace": 1,
            "environment": {"TOLD": members["a"]}, "files": dict.fromkeys(members, "x"),
        }  # fmt: skip

    def there(self) -> dict[str, str]:
        pid = Supervisor(self.folder).pid("p") if self.folder.exists() else None
        told = self._told(pid) if pid else ""
        running = {process.pid for process in process_trees.marked_below(str(self.folder))}
        assert running == ({pid} if pid else set())
        files = {path.name for path in (self.folder / "p").glob("*") if path.suffix != ".json"}
        return {name: told if name == "a" else "x" for name in sorted(files)}

    def _told(self, pid: int) -> str:
        """Return what a process was given, once `launch` has become it and Linux shows it whole."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
            told = [v.partition("=")[2] for v in variables if v.startswith("TOLD=")]
            if told and Path(f"/proc/{pid}/comm").read_text() == "sleep\n":
                return told[0]
            time.sleep(0.02)
        raise AssertionError(f"{pid} never became the program")

    def close(self) -> None:
        if self.folder.exists():
            Supervisor(self.folder).shut_down()


MIGRATE = """
import sqlite3, sys
with sqlite3.connect("app.db.draft") as c:
    c.execute("create table if not exists t (x text)")
    c.execute("delete from t")
    c.executemany("insert into t values (?)", [[word] for word in sys.argv[1:]])
"""


class Databases:
    """Database; what is there is what is in its table, and taken away it stays."""

    kind = Handler(DatabaseKind())
    server = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "platform" / "local"

    def inputs(self, **members: str) -> dict[str, Any]:
        rows = [f"{name}={value}" for name, value in members.items()]
        command = [sys.executable, "-I", "-c", MIGRATE, *rows]
        return {"name": "p", "folder": str(self.folder), "command": command, "file": "app.db"}

    def there(self) -> dict[str, str]:
        # What was killed may take a moment to be gone from /proc.
        folder = str(self.folder)
        assert wait_until(lambda: not process_trees.marked_below(folder), 60.0, 0.05)
        assert not [*self.folder.glob("p/*.draft*")]
        if not (self.folder / "p" / "app.db").exists():
            return {}
        with closing(sqlite3.connect(self.folder / "p" / "app.db")) as connection:
            return dict(row[0].split("=") for row in connection.execute("select x from t"))


def rule_file(name: str, code: str) -> bytes:
    """Return a file of a group whose one alert says a code."""
    digest = hashlib.sha256(code.encode()).hexdigest()
    info = {"record": DIGEST_RECORD, "expr": "vector(1)", "labels": {"digest": digest}}
    alert = {"alert": "It", "expr": "vector(1) > 2", "labels": {"code": code}}
    return yaml.safe_dump({"groups": [{"name": name, "rules": [info, alert]}]}).encode()


class Rules:
    """AlertRules over a fake Prometheus; what is there is what it has loaded, and the files."""

    kind = Handler(AlertRulesKind())

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "rules").mkdir()
        (folder / "secrets").mkdir()
        secret = folder / "secrets" / "prometheus.json"
        secret.write_text(json.dumps({"username": "atlas", "password": "hunter2"}))
        secret.chmod(0o600)
        self.fake = fake_prometheus.FakePrometheus(folder / "rules")
        self.server, self.url = fake_prometheus.serve(self.fake)

    def inputs(self, **members: str) -> dict[str, Any]:
        store = (self.folder / "store").as_uri()
        texts = {name: rule_file(name, code) for name, code in members.items()}
        return {
            "owner": "it.local/alerts", "store": store, "prometheus": self.url,
            "members": {name: content.put(store, text) for name, text in texts.items()},
            "rules": (self.folder / "rules").as_uri(), "credentials": "prometheus",
            "secrets": (self.folder / "secrets").as_uri(),
        }  # fmt: skip

    def there(self) -> dict[str, str]:
        loaded = {group["name"]: group["rules"][1]["labels"] for group in self.fake.groups}
        files = {path.stem.partition("@")[2] for path in self.folder.glob("rules/*")}
        assert files == {*loaded}
        return {name: labels["code"] for name, labels in loaded.items()}


class Numbers:
    """Ports; what is there is nothing but the state."""

    kind = Handler(PortsKind())
    server = None

    def __init__(self, folder: Path) -> None:
        self.names: list[str] = []

    def inputs(self, **members: str) -> dict[str, Any]:
        self.names = [*members]
        return {"names": self.names}

    def there(self) -> dict[str, str]:
        return {}


def rigs_in(folder: Path) -> Iterator[Callable[[Callable[[Path], Any]], Any]]:
    """Yield what makes rigs, each in a folder of its own; one ends when the next is made."""
    made: list[Any] = []

    def new(make: Callable[[Path], Any]) -> Any:
        _end(made[-1:])
        place = folder / str(len(made))
        place.mkdir()
        made.append(make(place))
        return made[-1]

    yield new
    _end(made[-1:])


def _end(rigs: list[Any]) -> None:
    """End a rig: its server, the connections to it, its processes."""
    for rig in rigs:
        if rig.server is not None:
            rig.server.shutdown()
            rig.server.server_close()
            connection.close_idle(rig.url.partition("//")[2])
        if hasattr(rig, "close"):
            rig.close()
