"""Killed before and after every effect, every operation converges when it is repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from atlas.plan import Plan
from atlas.store import open_store
from atlas_provider import airflow as airflow_api
from atlas_provider import content, rollout
from atlas_provider.kind import Context
from atlas_provider.kinds import airflow_dags
from atlas_provider.kinds.airflow_dags import AirflowDags
from atlas_provider.kinds.kubeflow_pipelines import KubeflowPipelines
from atlas_provider.kinds.registered_models import RegisteredModels
from atlas_provider.kinds.step_images import StepImages
from tests.servers import RegistryServer, registry_server
from tests.unit.atlas_provider import fake_airflow, fake_mlflow
from tests.unit.atlas_provider.faults import Killed, killing

__all__ = ["registry_server"]

CONTEXT = Context("it", 2.0)


class Dags:
    """AirflowDags over a fake Airflow; what is there is what Airflow has, and the files."""

    kind = AirflowDags()

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
        return {name: next(iter(dag["tags"]))["name"][5:] for name, dag in self.fake.dags.items()}


class Packages:
    """KubeflowPipelines; what is there is what is pointed at."""

    kind = KubeflowPipelines()

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, None
        self.digests: dict[str, str] = {}

    def inputs(self, **members: str) -> dict[str, Any]:
        store = (self.folder / "store").as_uri()
        plans = {name: self._plan(store, code) for name, code in members.items()}
        texts = {n: f"# Compiled by Atlas from Plan {d}.\n".encode() for n, d in plans.items()}
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


class Models:
    """RegisteredModels; taken away, they stay."""

    kind = RegisteredModels()

    def __init__(self, folder: Path) -> None:
        self.models: dict[str, str] = {}
        self.server, self.url = fake_mlflow.serve(self.models)

    def inputs(self, **members: str) -> dict[str, Any]:
        return {"owner": "it.local/models", "members": members, "mlflow": self.url}

    def there(self) -> dict[str, str]:
        return dict(self.models)


class Images:
    """StepImages over a real registry; what is there is what the stack holds of it."""

    kind = StepImages()
    registry: RegistryServer

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, None
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
        url = f"{(self.folder / 'store').as_uri()}/deployments/images/it.local/images.json"
        live = self.kind.read(url, {}, CONTEXT)
        held = live.inputs["members"] if live else {}
        return {name: self.contents[pinned] for name, pinned in held.items()}


@pytest.fixture(autouse=True)
def registered(request: pytest.FixtureRequest) -> None:
    """Give images their registry, where a test is of them."""
    if "Images" in request.node.name:
        Images.registry = request.getfixturevalue("registry_server")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(rollout, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(airflow_dags, "_POLL_SECONDS", 0.005)


@pytest.fixture
def worlds(tmp_path: Path):
    made: list[Any] = []

    def new(make: Callable[[Path], Any]) -> Any:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(make(folder))
        return made[-1]

    yield new
    for world in made:
        if world.server is not None:
            world.server.shutdown()
            world.server.server_close()


OLD, NEW = {"a": "11", "gone": "99"}, {"a": "12", "b": "22"}


def create(world: Any) -> Callable[[], Any]:
    wanted = world.inputs(**NEW)
    return lambda: world.kind.create(wanted, CONTEXT)


def update(world: Any) -> Callable[[], Any]:
    old, wanted = world.inputs(**OLD), world.inputs(**NEW)
    world.kind.create(old, CONTEXT)
    return lambda: world.kind.update("it", {**old, "held": []}, wanted, CONTEXT)


def delete(world: Any) -> Callable[[], Any]:
    old = world.inputs(**OLD)
    world.kind.create(old, CONTEXT)
    return lambda: world.kind.delete("it", old, CONTEXT)


def expected(make: type, operation: Callable[..., Any]) -> dict[str, str]:
    if make is Models:
        kept = {} if operation is create else OLD
        return {**kept, **({} if operation is delete else NEW)}
    return {} if operation is delete else NEW


@pytest.mark.parametrize("operation", [create, update, delete])
@pytest.mark.parametrize("make", [Dags, Packages, Models, Images])
def test_a_killed_operation_converges_when_it_is_repeated(worlds, make, operation):
    world = worlds(make)
    with killing(10**6, after=False) as counted:
        operation(world)()
    assert world.there() == expected(make, operation)
    for at in range(counted.count):
        for after in (False, True):
            world = worlds(make)
            run = operation(world)
            with killing(at, after=after) as killer:
                try:
                    run()
                except Killed:
                    assert killer.dead
            run()
            assert world.there() == expected(make, operation), (at, after)


@pytest.mark.parametrize("make", [Dags, Packages, Images])
def test_a_killed_create_that_nobody_wants_any_more_leaves_nothing(worlds, make):
    """Pulumi knows of no resource then: what `atlas destroy` removes, it finds by its owner."""
    world = worlds(make)
    with killing(10**6, after=False) as counted:
        create(world)()
    for at in range(counted.count):
        world = worlds(make)
        run = create(world)
        with killing(at, after=True), suppress(Killed):
            run()
        nothing = {**world.inputs(**NEW), "members": {}, "plans": {}}
        world.kind.delete("it", nothing, CONTEXT)
        assert world.there() == {}, at
