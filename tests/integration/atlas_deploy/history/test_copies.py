"""A copied project isn't taken for its original; checkouts of one repository are one project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from atlas.environment import Environment, find_project
from atlas.errors import DeployError
from atlas.store import open_location
from atlas_deploy.desired.deployment import Deployment
from atlas_deploy.history import copies, ownership
from atlas_deploy.platforms.services import Services
from tests.unit.atlas_deploy.history.test_ownership import parts, require_own


@pytest.fixture
def services(tmp_path: Path) -> Services:
    url = (tmp_path / "store").as_uri()
    return Services("local", {"store": {"kind": "file", "url": url, "credentials": None}})


def project(root: Path, text: str = 'id = "pricing-1"') -> Path:
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text(f"[tool.atlas]\n{text}\n")
    return root


def deployment(root: Path, config: str = "tumour") -> Deployment:
    return Deployment(config, Environment(), find_project(root))


def git(folder: Path, *words: str) -> None:
    line = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *words]
    subprocess.run(line, cwd=folder, check=True, capture_output=True)


def is_refused(deployment: Deployment, services: Services) -> bool:
    try:
        require_own(deployment, services)
    except DeployError as error:
        return str(error).startswith("D018: project pricing-1 is deployed from ")
    return False


def test_a_copy_is_refused_and_nothing_is_taken(tmp_path: Path, services: Services) -> None:
    one = project(tmp_path / "one")
    two = Path(shutil.copytree(one, tmp_path / "two"))
    ownership.take(deployment(one), services, parts())
    ownership.take(deployment(one, "houses"), services, parts("houses", "houses"))
    for config in ("tumour", "other"):
        with pytest.raises(DeployError, match=r"D018.*/one, and .*/two is.*write another id, such"):
            ownership.take(deployment(two, config), services, parts(config, config))
    assert not is_refused(deployment(one), services)
    place = open_location(services.store)
    assert place.names("deployments/owners/stacks") == ["houses.local", "tumour.local"]


def test_with_an_id_of_its_own_the_copy_is_another_project(tmp_path, services) -> None:
    one = project(tmp_path / "one")
    ownership.take(deployment(one), services, parts())
    two = project(tmp_path / "two", 'id = "pricing-2"')
    require_own(deployment(two, "other"), services, parts("other", "other"))
    with pytest.raises(DeployError, match="D017"):
        require_own(deployment(two), services, parts())


@pytest.mark.parametrize("ended", ["moved", "renamed", "destroyed"])
def test_a_project_that_moved_or_was_destroyed_holds_up_none(tmp_path, services, ended) -> None:
    one = project(tmp_path / "one")
    two = Path(shutil.copytree(one, tmp_path / "two"))
    ownership.take(deployment(one), services, parts())
    assert is_refused(deployment(two), services)
    if ended == "moved":
        shutil.rmtree(one)
    elif ended == "renamed":
        (one / "pyproject.toml").write_text('[tool.atlas]\nid = "pricing-2"\n')
    else:
        copies.forget(open_location(services.store), deployment(one))
    ownership.take(deployment(two), services, parts())
    three = Path(shutil.copytree(two, tmp_path / "three"))
    assert is_refused(deployment(three), services), "the folder that counts now is the second"


@pytest.mark.parametrize("way", ["clone", "worktree"])
def test_checkouts_of_one_repository_are_one_project(tmp_path, services, way) -> None:
    one = project(tmp_path / "one" / "pricing")
    git(one.parent, "init", "-q")
    git(one.parent, "add", ".")
    git(one.parent, "commit", "-qm", "It")
    if way == "clone":
        git(tmp_path, "clone", "-q", str(one.parent), "two")
    else:
        git(one.parent, "worktree", "add", "-q", str(tmp_path / "two"))
    two = tmp_path / "two" / "pricing"
    for first, second in ((one, two), (two, one)):
        ownership.take(deployment(first), services, parts())
        assert not is_refused(deployment(second), services)
    beside = Path(shutil.copytree(two, two.with_name("copy")))
    assert is_refused(deployment(beside), services), "another folder of the repository"


def test_a_folder_that_says_nothing_readable_holds_up_none(tmp_path, services) -> None:
    one = project(tmp_path / "one")
    place = open_location(services.store)
    ownership.take(deployment(one), services, parts())
    folder = copies._folder(find_project(one))
    for number, text in enumerate((b"", b"\xff\x00", b"/", b"/etc/passwd", b"a" * 9999)):
        place.write(f"{folder}/{number:016}@x.local", text)
    assert not is_refused(deployment(one), services)
