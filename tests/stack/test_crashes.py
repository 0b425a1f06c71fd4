"""The provider and the engine, killed at chosen calls of real updates of the real platform.

Every case is an update that is killed, and repeated: afterwards there is what was asked for, once,
and nothing else. (What `atlas deploy` itself makes of being killed is in `test_deploy`.)
"""

from __future__ import annotations

import gc
import json
import urllib.parse
import urllib.request
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import DeployError
from atlas.kinds import content, ownership
from atlas.targets.airflow.api import AirflowApi
from atlas.waiting import wait_while
from atlas_deploy.stacks import Stack
from atlas_deploy.stacks.backend import Backend
from tests.stack import faulty
from tests.stack.conftest import Atlas
from tests.stack.faulty import Kill

pytestmark = pytest.mark.stack

DAG = """\
from airflow.sdk import DAG
with DAG("{name}", schedule=None, tags=["plan:{plan}"]):
    pass
"""
CASES = [
    # killed creating                                  killed updating or deleting
    (Kill("FolderLocation.create", "provider", "owners/dags"), Kill("files.write", "engine", "a.py")),
    (Kill("files.write", "engine", "a.py"), Kill("Airflow.forget", "provider", "gone")),
    (Kill("files.write", "provider", "gone.py"), Kill("files.write", "provider", "a.py", True)),
    (Kill("Service._exchange", "engine", "registered-models/create"), Kill("Airflow.forget", "engine")),
    (Kill("FolderLocation.write", "provider", "current"), Kill("files.remove", "engine", "gone.py")),
]  # fmt: skip


@dataclass
class Rig:
    """A stack of its own on the session's platform.

    Attributes:
        platform: the platform.
        state: its own state folder.
        name: what all its names begin with.
        provider: the provider's executable, which can be armed.
        wanted: Plan by DAG; empty for nothing at all.
    """

    platform: Any
    state: Path
    name: str
    provider: Path
    wanted: dict[str, str]

    @property
    def services(self) -> dict[str, Any]:
        return dict(self.platform.outputs["services"])

    @property
    def store(self) -> str:
        return str(self.services["store"]["url"])

    @property
    def owner(self) -> str:
        return f"{self.name}.local/inference"

    @property
    def airflow(self) -> AirflowApi:
        services = self.services
        airflow = services["airflow"]
        return AirflowApi(airflow["url"], services["secrets"]["url"], airflow["credentials"])

    def program(self) -> None:
        from atlas_provider import resources

        texts = {
            name: DAG.format(name=name, plan=plan).encode() for name, plan in self.wanted.items()
        }
        digests = {name: content.put(self.store, text) for name, text in texts.items()}
        resources.AirflowDags(
            "dags", owner=self.owner, members=digests, plans=self.wanted, store=self.store,
            dags=self.services["dags"]["url"], airflow=self.services["airflow"]["url"],
            secrets=self.services["secrets"]["url"],
            credentials=self.services["airflow"]["credentials"],
        )  # fmt: skip
        package = content.put(self.store, f"# Compiled by Atlas from Plan {'0' * 64}.\n".encode())
        resources.KubeflowPipelines(
            "kubeflow", owner=f"{self.name}.local/training", store=self.store,
            members={f"{self.name}-k": package}, plans={f"{self.name}-k": "0" * 64},
        )  # fmt: skip
        resources.RegisteredModels(
            "models", owner=f"{self.name}.local/models", members={self.name: "A model."},
            mlflow=self.services["mlflow"]["url"],
            secrets=self.services["secrets"]["url"],
            credentials=self.services["mlflow"]["credentials"],
        )  # fmt: skip

    def open(self) -> Stack:
        return Stack.open("crash", project="crashes", state=self.state, program=self.program)

    def killed(self, kill: Kill, operation: str) -> None:
        """Have an operation of the stack killed."""
        faulty.arm(self.provider, kill)
        with pytest.raises(DeployError, match="run the same command again, it takes up from there"):
            getattr(self.open(), operation)()
        assert not faulty.is_armed(self.provider), f"never came to {kill}"

    def is_as_wanted(self) -> None:
        """Hold everything to being there once, and to nothing else being there."""
        state = Atlas(self.state)
        assert wait_while(state.engines, 60, 0.1) == set(), "a provider ends soon after its engine"
        folder = Path(urllib.parse.urlsplit(self.services["dags"]["url"]).path)
        mine = [path for path in folder.iterdir() if self.name in path.name]
        assert {path.name for path in mine} == {f"{name}.py" for name in self.wanted}
        known = self.airflow.dags([f"{self.name}-a", f"{self.name}-gone", f"{self.name}-b"])
        assert {name: dag.plan for name, dag in known.items()} == self.wanted
        assert {*ownership.owned(self.store, "dags", self.owner)} == {*self.wanted}
        pointer = Path(urllib.parse.urlsplit(self.store).path) / "kubeflow" / f"{self.name}-k"
        assert (pointer / "current").exists() == bool(self.wanted)
        assert self.known() == (["dags", "kubeflow", "models"] if self.wanted else [])

    def known(self) -> list[str]:
        """Return the names of the resources that Pulumi knows of, one for each time."""
        file = self.state / "pulumi" / ".pulumi" / "stacks" / "crashes" / "crash.json"
        found = (json.loads(file.read_text())["checkpoint"]["latest"] or {}).get("resources", ())
        names = (r["urn"].rpartition("::")[2] for r in found if r["type"].startswith("atlas:"))
        return sorted(names)


@pytest.fixture(autouse=True)
def unclosed_loops():
    """Pulumi leaves event loops to the garbage collector, which warns of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def rig(platform, tmp_path, monkeypatch, request):
    provider = faulty.install(tmp_path / "bin")
    whole = Backend.variables

    def variables(self: Backend, engine: Path) -> dict[str, str]:
        found = whole(self, engine)
        return {**found, "PATH": f"{provider.parent}:{found['PATH']}"}

    monkeypatch.setattr(Backend, "variables", variables)
    name = f"crash{request.node.callspec.indices['first']}"
    made = Rig(platform, tmp_path / "state", name, provider, {})
    yield made
    made.wanted = {}
    made.open().destroy()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(*case, marks=[pytest.mark.long] if at > 1 else [])
        for at, case in enumerate(CASES)
    ],
    ids=str,
)
def test_what_was_killed_converges_when_it_is_repeated(rig, first, second):
    a, b, gone = (f"{rig.name}-{end}" for end in ("a", "b", "gone"))
    rig.wanted = {a: "11", gone: "99"}
    rig.killed(first, "up")
    rig.open().up()
    rig.is_as_wanted()
    rig.wanted = {a: "12", b: "22"}
    rig.killed(second, "up")
    rig.open().up()
    rig.is_as_wanted()
    assert rig.open().up().changes == {}
    rig.open().destroy()
    rig.wanted = {}
    rig.is_as_wanted()
    query = urllib.parse.urlencode({"name": rig.name})
    url = f"{rig.services['mlflow']['url']}/api/2.0/mlflow/registered-models/get?{query}"
    request = urllib.request.Request(url, headers=rig.platform.opens("mlflow"))
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["registered_model"]["name"] == rig.name, "models stay"
