"""A release is deployed from git alone, from any clone, and is what its lock says or nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.errors import AtlasError, DeployError
from atlas.store import open_location
from atlas_deploy import deploy, deployments, rollback
from atlas_deploy.desired.deployment import Deployment
from atlas_deploy.history import records
from atlas_deploy.operations.released import opened
from atlas_deploy.operations.releasing import ReleaseOptions, release
from atlas_deploy.releases import LockedImage, read
from atlas_deploy.releases.lock import FILE
from tests.integration.atlas_deploy.operations.test_folders import pipeline
from tests.integration.atlas_deploy.operations.test_one_way import Stack
from tests.releases import PERSON, Clone, cloned

ROOT = Path(__file__).parents[4]


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Clone:
    """A clone of a project of one pipeline, on a platform that is a store."""
    pytest.importorskip("kfp")
    for name, value in {
        **PERSON,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("ATLAS_STATE", "ATLAS_STORE", "ATLAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        "atlas_deploy.apply.update.open_stack",
        lambda deployment, parts, *_: Stack(deployment, parts),
    )
    made = Clone(tmp_path / "work")
    made.folder.mkdir()
    (made.folder / "pyproject.toml").write_text('[tool.atlas]\nid = "p-1"\n')
    (made.folder / ".gitignore").write_text(".atlas\n")
    local = json.loads((ROOT / "recipes/environments/local.json").read_text())
    prod = {**local, "platform": {"outputs": "outputs.json"}, "protected": True}
    made.edit("environments/prod.json", **prod)
    made.edit("environments/test.json", **{**prod, "prefix": "test-", "protected": False})
    store = (tmp_path / "store").as_uri()
    at = {"workload_url": store, "credentials": None, "version": "", "url": store}
    services = {"store": {**at, "kind": "file"}, "kubeflow": {**at, "kind": "kfp.local"}}
    made.edit("outputs.json", version=1, stack="p", target="other", services=services)
    pipeline(made.folder / "one", "one")
    made.git("init", "-q", "-b", "main")
    (tmp_path / "remote.git").mkdir()
    Clone(tmp_path / "remote.git").git("init", "-q", "--bare", "-b", "main")
    made.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    made.commit("one")
    made.push()
    return made


def released(clone: Clone, **options) -> str:
    (outcome,) = release(clone.folder / "one", ReleaseOptions(environment="prod", **options), print)
    return outcome.lock.release


def changed(clone: Clone, number: int) -> None:
    clone.edit("one/config.json", parameters={"test_fraction": number / 100})
    clone.commit()
    clone.push()


def deployed(clone: Clone, name: str, environment: str = "prod"):
    with opened(clone.folder, environment, name, print) as found:
        (result,) = deploy([found.deployment], print)
    return result


def plans(clone: Clone, environment: str = "prod") -> dict[str, str]:
    store = open_location((clone.folder.parent / "store").as_uri())
    entry = records.last(store, f"one.{environment}")
    (part,) = records.read(store, entry).parts
    return dict(part.inputs["plans"])


def history(clone: Clone, environment: str = "prod") -> list[records.Entry]:
    return records.history(
        open_location((clone.folder.parent / "store").as_uri()), f"one.{environment}"
    )


def test_the_release_is_deployed_whatever_is_on_disk(clone):
    name = released(clone)
    lock = read(clone.folder, name).lock
    changed(clone, 40)
    clone.edit("one/config.json", parameters={"test_fraction": 0.5})
    result = deployed(clone, name)
    assert (result.release, result.number) == ("release/one-1", 1)
    assert plans(clone) == {"one-training": lock.plans["prod"]["one"]["training"]}
    (entry,) = history(clone)
    assert (entry.release, entry.commit, entry.action) == (name, lock.commit, "deploy")
    assert deployed(clone, name).number == 0
    assert not [*(clone.folder / ".atlas" / "releases").iterdir()]


def test_another_clone_elsewhere_deploys_the_same_to_the_byte(clone, tmp_path):
    name = released(clone)
    deployed(clone, name)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    other = cloned(tmp_path / "deep" / "er", clone, "other")
    # The record of what is deployed has the digest of every compiled file.
    assert deployed(other, name).number == 0
    assert len(history(clone)) == 1


def test_a_clone_without_tags_fetches_the_one_it_needs(clone, tmp_path):
    name = released(clone)
    changed(clone, 40)
    released(clone)
    other = cloned(tmp_path, clone, "other", "--no-tags")
    assert other.refs() == {}
    assert deployed(other, name).release == name
    assert other.refs() == {}, "a deployment writes no ref"


def test_environments_with_other_prefixes_take_the_same_release(clone):
    name = released(clone)
    deployed(clone, name)
    deployed(clone, name, "test")
    assert set(plans(clone, "test")) == {"test-one-training"}


def test_a_protected_environment_takes_nothing_else(clone):
    name = released(clone)
    for call in (
        lambda: deployments(clone.folder / "one", "prod"),
        lambda: run(clone),
        lambda: train(clone),
    ):
        with pytest.raises(DeployError, match="L014: environment prod: is protected"):
            call()
    deployed(clone, name)
    assert len(history(clone)) == 1


def run(clone: Clone) -> None:
    from atlas.plan import resolve
    from atlas.runner import run_pipelines

    run_pipelines(resolve(clone.folder / "one", environment="prod"))


def train(clone: Clone) -> None:
    from atlas.launch import launch_pipelines
    from atlas.plan import resolve

    (one,) = resolve(clone.folder / "one", environment="prod")
    launch_pipelines([(one, one.plans["training"])], lambda _: None, None)


@pytest.mark.parametrize(
    ("settings", "found"),
    [({}, "the documents on disk"), ({"deployed": True, "version": "7"}, "model version '7'")],
)
def test_what_is_deployed_may_be_trained_with_the_model_that_is_released(clone, settings, found):
    from atlas.launch import LaunchSettings, launch_runs
    from atlas.plan import resolve

    (one,) = resolve(clone.folder / "one", environment="prod")
    plan = one.plans["training"]

    class AskedError(Exception):
        pass

    def launcher(_plan):
        raise AskedError

    with pytest.raises(DeployError, match="L014") as refused_:
        launch_runs([(one, plan, LaunchSettings(**settings))], launcher, None)
    assert found in str(refused_.value)
    with pytest.raises(AskedError):
        launch_runs([(one, plan, LaunchSettings(deployed=True))], launcher, None)


def test_an_environment_that_demands_signatures(clone, tmp_path, monkeypatch):
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"]
    subprocess.run(command, check=True)
    (tmp_path / "signers").write_text(f"ann {(tmp_path / 'key.pub').read_text()}")
    monkeypatch.setenv("ATLAS_RELEASE_SIGNERS", str(tmp_path / "signers"))
    deployed(clone, released(clone))
    clone.edit("environments/prod.json", protected={"signed": True})
    # The checkout demands it already; the released commit doesn't yet.
    assert "it isn't signed" in refused(clone, "L015")
    clone.commit()
    clone.push()
    assert "it isn't signed" in refused(clone, "L015", released(clone))
    changed(clone, 40)
    name = released(clone, key=str(tmp_path / "key"))
    # What the released commit demands holds, whatever the checkout says.
    clone.edit("environments/prod.json", protected=False)
    with opened(clone.folder, "prod", name, print) as found:
        assert found.signer == "ann"
        deploy([found.deployment], print)
    (tmp_path / "signers").write_text("")
    refused(clone, "L015", name)


def test_a_project_in_a_folder_of_its_repository(clone):
    (clone.folder / "pricing").mkdir()
    for name in clone.git("ls-files").splitlines():
        (clone.folder / "pricing" / name).parent.mkdir(parents=True, exist_ok=True)
        clone.git("mv", name, f"pricing/{name}")
    clone.commit()
    clone.push()
    inside = Clone(clone.folder / "pricing")
    (outcome,) = release(inside.folder / "one", ReleaseOptions(environment="prod"), print)
    assert (outcome.lock.project, outcome.lock.path) == ("pricing", "one/config.json")
    assert deployed(inside, outcome.lock.release).number == 1


def test_images_are_those_of_the_lock_whatever_was_built_since(clone):
    from atlas.plan import resolve
    from atlas_deploy.desired.locked import locked_members, references_for
    from atlas_deploy.platforms.services import Services

    released(clone)
    image = LockedImage(f"atlas/one/base@sha256:{'1' * 64}", "x")
    found = replace(read(clone.folder, "one-1"), lock=replace(
        read(clone.folder, "one-1").lock, images={"training/base": image, "inference/base": image}
    ))  # fmt: skip
    (one,) = resolve(clone.folder / "one", environment="prod")
    deployment = Deployment("one", one.environment, one.project, [one], found)
    services = Services("p", {"registry": {"workload_url": "http://registry:5000"}})
    names = references_for(deployment, services)(one.plans["training"])
    assert names["base"] == f"registry:5000/{image.reference}"
    others = {name: text for name, text in names.items() if name != "base"}
    assert all("@" not in text for text in others.values()), "what isn't pinned is named by content"
    assert locked_members(deployment) == {"base": image.reference}


def test_going_back_in_a_protected_environment(clone):
    clone.edit("environments/prod.json", protected=False)
    clone.commit()
    clone.push()
    deploy(deployments(clone.folder / "one", "prod"), print)
    clone.edit("environments/prod.json", protected=True)
    for number in (40, 50):
        changed(clone, number)
        deployed(clone, released(clone))
    back = deployment_of(clone)
    result, entry = rollback(back, print, to=2)
    assert (result.release, entry.release) == ("release/one-1", "release/one-1")
    with pytest.raises(DeployError, match="L014"):
        rollback(back, print, to=1)
    assert [entry.release for entry in history(clone)] == [
        "", "release/one-1", "release/one-2", "release/one-1"
    ]  # fmt: skip


def deployment_of(clone: Clone):
    from atlas_deploy import names

    (one,) = names(clone.folder / "one", "prod")
    return one


def test_two_releases_of_one_content_are_two_entries(clone):
    deployed(clone, released(clone))
    (clone.folder / "README.md").write_text("about")
    clone.commit()
    clone.push()
    deployed(clone, released(clone))
    assert [entry.release for entry in history(clone)] == ["release/one-1", "release/one-2"]


# What doesn't agree ---------------------------------------------------------------------------


def refused(clone: Clone, code: str, name: str = "one-1", environment: str = "prod") -> str:
    before = history(clone)
    with pytest.raises(AtlasError) as error:
        deployed(clone, name, environment)
    assert error.value.code == code, error.value
    assert history(clone) == before
    return str(error.value)


def forged(clone: Clone, **changes) -> None:
    """Make a release whose lock says something else."""
    from atlas.git import trees

    name = released(clone, push=False)
    lock = replace(read(clone.folder, name).lock, **changes)
    answer = trees.commit_with(clone.folder, lock.commit, {FILE: lock.text.encode()}, "x")
    clone.git("tag", "-f", "-a", "-m", "x", name, answer.text)


def test_another_plan(clone):
    forged(clone, plans={"prod": {"one": {"training": "0" * 64}}})
    message = refused(clone, "L011")
    assert "Plan of one training: found " in message
    assert "expected 000000000000" in message


def test_another_pipeline_or_flow(clone):
    plan = "0" * 64
    forged(clone, plans={"prod": {"two": {"training": plan}, "one": {"inference": plan}}})
    message = refused(clone, "L011")
    for line in ("one training: found", "one inference: found none", "two training: found none"):
        assert f"Plan of {line}" in message


def test_another_atlas(clone):
    forged(clone, atlas="0.0.1")
    assert "install atlas-ml==0.0.1" in refused(clone, "L011")


def test_an_environment_that_it_is_not_made_for(clone):
    released(clone)
    local = json.loads((clone.folder / "environments/prod.json").read_text())
    clone.edit("environments/new.json", **{**local, "protected": False})
    with pytest.raises(AtlasError):  # The commit hasn't got it.
        deployed(clone, "one-1", "new")
    forged_plans = {"test": read(clone.folder, "one-1").lock.plans["test"]}
    clone.git("tag", "-d", "release/one-1")
    clone.git("push", "-q", "origin", ":refs/tags/release/one-1", ":refs/heads/releases/one-1")
    clone.git("branch", "-D", "releases/one-1")
    clone.git("stash", "-q", "-u")
    forged(clone, plans=forged_plans)
    assert "found prod, expected one of test" in refused(clone, "L011")


def test_another_image(clone):
    image = LockedImage(f"atlas/one/base@sha256:{'0' * 64}", "0123456789ab")
    keys = [key for key in ("training/base", "training/default", "training/trees")]
    forged(clone, images=dict.fromkeys(keys, image))
    assert "found content " in refused(clone, "L011")


def test_a_config_that_the_commit_does_not_have(clone):
    forged(clone, path="two/config.json")
    assert "the commit has no two/config.json" in refused(clone, "L011")


@pytest.mark.parametrize(
    ("path", "code"), [("../../etc/passwd", "L009"), ("/etc/passwd", "L009"), ("one", "L011")]
)
def test_a_path_that_leads_elsewhere(clone, path, code):
    forged(clone, path=path)
    refused(clone, code)


def test_a_tag_that_is_another_one_on_the_remote(clone):
    released(clone)
    clone.git("tag", "-f", "-a", "-m", "again", "release/one-1", "release/one-1^{commit}")
    assert "was moved: found" in refused(clone, "L006")


def test_a_remote_that_is_gone_is_told(clone, tmp_path):
    name = released(clone)
    shutil.move(tmp_path / "remote.git", tmp_path / "gone.git")
    lines: list[str] = []
    with opened(clone.folder, "prod", name, lines.append) as found:
        assert found.release.name == name
    assert "origin can't be asked" in lines[0]
    clone.git("tag", "-d", name)
    refused(clone, "L008")


def test_a_shallow_clone_that_lacks_the_commit(clone, tmp_path):
    released(clone)
    clone.git("commit", "-q", "--allow-empty", "-m", "two")
    changed(clone, 40)
    shallow = cloned(tmp_path, clone, "shallow", "--depth=1", "--no-tags")
    shallow.git("fetch", "-q", "--depth=1", "origin", "tag", "release/one-1")
    assert "--unshallow" in refused(shallow, "L004")
    shallow.git("fetch", "-q", "--unshallow", "origin")
    assert deployed(shallow, "one-1").release == "release/one-1"


def test_no_repository(clone, tmp_path):
    shutil.copytree(clone.folder, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    refused(Clone(tmp_path / "copy"), "L001")


def test_an_image_that_the_registry_has_not(clone, monkeypatch):
    from atlas_deploy.operations import agreement

    class Registry:
        host = "registry:5000"

        def digest(self, repository: str, digest: str) -> str:
            return ""

    class Services:
        def has(self, name: str) -> bool:
            return name == "registry"

        def registry(self) -> Registry:
            return Registry()

    found = LockedImage(f"atlas/one/base@sha256:{'0' * 64}", "x")
    monkeypatch.setattr(agreement, "services_of", lambda *_: Services())
    monkeypatch.setattr(agreement, "locked_members", lambda _: {"base": found.reference})
    released(clone)
    message = refused(clone, "L012")
    assert "registry registry:5000 hasn't got atlas/one/base@sha256:000" in message
    assert "skopeo copy" in message
