"""Two projects with the same names on one platform: the second is refused before anything is made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.environment import Environment, Project
from atlas.errors import DeployError
from atlas.kinds import ownership as members
from atlas.store import open_location
from atlas_deploy.desired.bundle import Part
from atlas_deploy.desired.deployment import PROJECT, Deployment
from atlas_deploy.desired.identity import identity_of
from atlas_deploy.history import ownership, records
from atlas_deploy.history.records import Record
from atlas_deploy.live.state import state_of
from atlas_deploy.platforms.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Services:
    url = (tmp_path / "store").as_uri()
    return Services("local", {"store": {"kind": "file", "url": url, "credentials": None}})


def require_own(one: Deployment, services: Services, parts: Sequence[Part] = ()) -> None:
    ownership.require_own(one, services, state_of(one.backend, one.stack), parts)


def deployment(tmp_path: Path, project: str, config: str = "tumour", state: str = "") -> Deployment:
    root = tmp_path / project
    root.mkdir(exist_ok=True)
    state_folder = tmp_path / (state or f"state-{project}")
    return Deployment(config, Environment(), Project(root, state_folder, id=project))


def parts(name: str = "tumour", model: str = "tumour", flow: str = "inference") -> list[Part]:
    owner, dag = f"{name}.local/{flow}", f"{name}-{flow}"
    return [
        Part("AirflowDags", f"{flow}-airflow", {"owner": owner, "members": {dag: "1"}}),
        Part("RegisteredModels", "models", {"owner": owner, "members": {model: "A model."}}),
    ]


def stacked(deployment: Deployment, project: str | None) -> None:
    """Have the stack in the deployment's backend, as an update leaves it."""
    file = deployment.backend.folder / ".pulumi" / "stacks" / PROJECT / f"{deployment.stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    outputs = {} if project is None else {"project": project}
    stack = {"type": "pulumi:pulumi:Stack", "urn": "urn", "outputs": outputs}
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": [stack]}}}))


def test_a_name_that_nobody_has_is_taken(tmp_path: Path, services: Services) -> None:
    one = deployment(tmp_path, "one")
    require_own(one, services, parts())
    assert not (tmp_path / "store").exists(), "to ask takes nothing"
    ownership.take(one, services, parts())
    ownership.take(one, services, parts())
    require_own(one, services, parts())


@pytest.mark.parametrize("state", ["", "shared"])
def test_another_project_is_refused(tmp_path: Path, services: Services, state: str) -> None:
    one, two = (deployment(tmp_path, name, state=state) for name in ("one", "two"))
    ownership.take(one, services, parts())
    stacked(one, "one")
    for ask in (require_own, ownership.take):
        with pytest.raises(
            DeployError, match=r"D017: stack tumour.local: belongs to project one, "
        ):
            ask(two, services, parts())
    with pytest.raises(DeployError, match=r'write id = "one" under \[tool.atlas\]'):
        require_own(two, services)


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[]", b"null", b'{"project": 1}', b"\xff"])
def test_an_owner_that_cannot_be_read_is_reported(
    tmp_path: Path, services: Services, text: bytes
) -> None:
    place = open_location(services.store)
    place.write("deployments/owners/stacks/tumour.local", text)
    with pytest.raises(DeployError, match=r"stacks/tumour.local: no owner of stack tumour.local"):
        require_own(deployment(tmp_path, "one"), services, parts())


def test_what_others_have_written_as_an_owner_is_shown_as_it_is(
    tmp_path: Path, services: Services
) -> None:
    text = json.dumps({"project": "\x1b[2Jx\n" + "y" * 5000, "stack": "s\nt"}).encode()
    place = open_location(services.store)
    for key in ("stacks/tumour.local", "models/liver"):
        place.write(f"deployments/owners/{key}", text)
    for config, model in (("tumour", "tumour"), ("other", "liver")):
        asked = deployment(tmp_path, "one", config)
        with pytest.raises(DeployError) as told:
            require_own(asked, services, parts(config, model))
        assert str(told.value).isprintable()
        assert len(str(told.value)) < 1500


def test_a_stack_of_another_project_in_the_backend_is_refused_on_any_platform(
    tmp_path: Path, services: Services
) -> None:
    one, two = (deployment(tmp_path, name, state="shared") for name in ("one", "two"))
    stacked(one, "one")
    with pytest.raises(DeployError, match=r"D017: stack tumour\.local: belongs to project one"):
        require_own(two, services, parts())
    require_own(one, services, parts())


@pytest.mark.parametrize(
    ("mine", "what"),
    [
        (parts("liver", "tumour"), "registered model tumour"),
        (parts("tumour", "liver", "training"), "Airflow DAG tumour-inference"),
    ],
)
def test_names_of_another_projects_stack_are_refused(
    tmp_path: Path, services: Services, mine: list[Part], what: str
) -> None:
    one, two = deployment(tmp_path, "one"), deployment(tmp_path, "two", "liver")
    ownership.take(one, services, parts())
    members.take(services.store, "dags", ["tumour-inference"], "tumour.local/inference")
    with pytest.raises(DeployError, match=f"D017: {what}: belongs to project one"):
        require_own(two, services, mine)
    require_own(deployment(tmp_path, "one", "liver"), services, mine)


def test_an_experiment_of_another_project_is_refused(tmp_path: Path, services: Services) -> None:
    one = deployment(tmp_path, "one")
    ownership.take(one, services, parts())
    two = replace(deployment(tmp_path, "two"), environment=Environment(name="dev"))
    with pytest.raises(DeployError, match="D017: experiment tumour: belongs to project one"):
        require_own(two, services, parts("liver", "liver"))
    two = replace(two, environment=Environment(name="dev", prefix="p-"))
    require_own(two, services, parts("p-tumour", "p-tumour"))


def test_one_of_many_that_take_at_once_wins(tmp_path: Path, services: Services) -> None:
    from concurrent.futures import ThreadPoolExecutor

    every = [deployment(tmp_path, f"project{number}") for number in range(16)]

    def take(one: Deployment) -> str:
        try:
            ownership.take(one, services, parts())
        except DeployError:
            return ""
        return identity_of(one.project)

    with ThreadPoolExecutor(16) as pool:
        (winner,) = filter(None, pool.map(take, every))
    names = open_location(services.store).names("deployments/owners/models")
    assert names == ["tumour"]
    with pytest.raises(DeployError, match=f"belongs to project {winner}"):
        require_own(deployment(tmp_path, "last"), services, parts())


def recorded(services: Services, action: str, record: Record | None) -> None:
    records.add(open_location(services.store), "tumour.local", action, record)


def test_a_deployment_of_an_older_atlas_is_taken_over_by_who_has_its_stack(
    tmp_path: Path, services: Services
) -> None:
    one, two = deployment(tmp_path, "one"), deployment(tmp_path, "two")
    recorded(services, records.DEPLOY, Record.of(parts()))
    stacked(one, None)
    with pytest.raises(DeployError, match=r"D017: stack tumour\.local: was deployed by an older"):
        require_own(two, services, parts())
    ownership.take(one, services, parts())
    with pytest.raises(DeployError, match="belongs to project one"):
        require_own(two, services, parts())


def test_what_an_older_atlas_destroyed_is_free(tmp_path: Path, services: Services) -> None:
    recorded(services, records.DEPLOY, Record.of(parts()))
    recorded(services, records.DESTROY, None)
    require_own(deployment(tmp_path, "two"), services, parts())


def test_names_are_given_back_by_a_purge_of_their_project_alone(
    tmp_path: Path, services: Services
) -> None:
    one, two = deployment(tmp_path, "one"), deployment(tmp_path, "two")
    ownership.take(one, services, parts())
    ownership.give_back(two, services)
    with pytest.raises(DeployError, match="D017"):
        require_own(two, services, parts())
    ownership.give_back(one, services)
    ownership.take(two, services, parts())


def test_what_another_stack_of_the_project_has_stays_its_own(
    tmp_path: Path, services: Services
) -> None:
    one, two = deployment(tmp_path, "one"), deployment(tmp_path, "two", "liver")
    dev = replace(one, environment=Environment(name="dev"))
    ownership.take(one, services, parts())
    ownership.take(dev, services, parts())
    ownership.give_back(one, services, ["tumour"])
    place = open_location(services.store)
    assert place.names("deployments/owners/stacks") == ["tumour.dev"]
    assert place.names("deployments/owners/experiments") == ["tumour"]
    with pytest.raises(DeployError, match="registered model tumour"):
        require_own(two, services, parts("liver", "tumour"))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"project": 1'])
def test_an_owner_that_cannot_be_read_is_nobodys(
    tmp_path: Path, services: Services, content: bytes
) -> None:
    open_location(services.store).write("deployments/owners/stacks/tumour.local", content)
    with pytest.raises(DeployError, match=r"no owner of stack tumour\.local can be read"):
        require_own(deployment(tmp_path, "one"), services)


def test_who_loses_a_race_for_one_name_keeps_none(tmp_path: Path, services: Services, monkeypatch):
    """Two projects found all names free; the other one has taken the model in between."""
    ours, theirs = deployment(tmp_path, "one"), deployment(tmp_path, "two", "other")
    ownership.take(theirs, services, parts("other", "shared"))
    for name in ("_require_names", "_require_pipelines"):
        monkeypatch.setattr(ownership, name, lambda *_: None)
    with pytest.raises(DeployError, match="D017: registered model shared: belongs to project two"):
        ownership.take(ours, services, parts("tumour", "shared"))
    place = open_location(services.store)
    assert place.names("deployments/owners/stacks") == ["other.local"]
    assert place.names("deployments/owners/models") == ["shared"]
