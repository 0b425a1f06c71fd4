"""The kind `StepImages`, against a real registry: images are held by digest, and never made."""

from __future__ import annotations

import json

import pytest

from atlas.errors import DeployError, PlatformError
from atlas.images import attach
from atlas.images.reach import deployed
from atlas.kinds.handler import Handler
from atlas.kinds.parsing import UNKNOWN
from atlas.kinds.protocol import OperationContext
from atlas.store import open_store
from atlas_provider.kinds.step_images import StepImagesKind
from tests.servers import registry_server

__all__ = ["registry_server"]

KIND = Handler(StepImagesKind())
CONTEXT = OperationContext("images")


@pytest.fixture
def at(registry_server, tmp_path, request):
    """Give what makes inputs of images that are pushed on the spot."""
    prefix = f"atlas/{request.node.name.replace('_', '-').strip('-')}"

    def inputs(owner: str = "it.dev/images", **members: str):
        pinned = {
            name: f"{prefix}/{name}@{registry_server.add_image(f'{prefix}/{name}', content)}"
            for name, content in members.items()
        }
        return {
            "owner": owner,
            "members": pinned,
            "registry": registry_server.url,
            "store": (tmp_path / "store").as_uri(),
            "secrets": registry_server.secrets.as_uri(),
            "credentials": "registry",
        }

    return inputs


def is_there(server, pinned: str) -> bool:
    repository, _, digest = pinned.partition("@")
    return server.client().digest(repository, digest) == digest


def lose(server, pinned: str) -> None:
    repository, _, digest = pinned.partition("@")
    assert server.client().delete(repository, digest)


def test_create_holds_images_that_are_there(at, registry_server):
    wanted = at(base="one", trees="two")
    identity, outputs = KIND.create(wanted, CONTEXT)
    host = registry_server.url.removeprefix("http://")
    assert identity == wanted["owner"]
    assert outputs["references"]["trees"] == f"{host}/{wanted['members']['trees']}"
    assert outputs == KIND.preview(None, wanted)
    live = KIND.read(identity, {**wanted, **outputs}, CONTEXT)
    assert live.inputs == wanted
    assert live.state == {**wanted, **outputs}
    assert KIND.diff(live.state, wanted).changes == {}


def test_an_image_that_was_never_pushed_is_refused(at, tmp_path):
    wanted = at(base="one")
    wanted["members"]["trees"] = f"atlas/none@sha256:{'0' * 64}"
    with pytest.raises(DeployError, match=r"I201.*atlas/none@sha256:0+; `atlas build`"):
        KIND.create(wanted, CONTEXT)
    assert not (tmp_path / "store").exists()


def test_an_image_that_is_lost_is_drift_until_it_is_pushed_again(at, registry_server):
    wanted = at(base="one", trees="two")
    KIND.create(wanted, CONTEXT)
    lose(registry_server, wanted["members"]["trees"])
    live = KIND.read("images", wanted, CONTEXT)
    assert KIND.diff(live.state, wanted).changes == {'members["trees"]': "add"}
    with pytest.raises(DeployError, match="I201"):
        KIND.update("images", live.state, wanted, CONTEXT)
    assert at(base="one", trees="two") == wanted
    KIND.update("images", live.state, wanted, CONTEXT)
    assert KIND.read("images", wanted, CONTEXT).inputs == wanted


def test_when_all_are_lost_nothing_is_there(at, registry_server):
    wanted = at(base="one")
    KIND.create(wanted, CONTEXT)
    lose(registry_server, wanted["members"]["base"])
    assert KIND.read("images", wanted, CONTEXT) is None


def test_what_a_stack_holds_is_kept_from_pruning(at, tmp_path):
    old, new = at(base="one"), at(base="two")
    (one,), (two,) = old["members"].values(), new["members"].values()
    store = open_store(old["store"])
    KIND.create(old, CONTEXT)
    assert deployed(store) == {one.partition("@")[2]}
    KIND.update("images", old, new, CONTEXT)
    assert deployed(store) == {two.partition("@")[2]}
    KIND.delete("images", new, CONTEXT)
    assert deployed(store) == set()


def test_delete_keeps_the_images(at, registry_server):
    wanted = at(base="one")
    KIND.create(wanted, CONTEXT)
    for _ in range(2):
        KIND.delete("images", wanted, CONTEXT)
    assert is_there(registry_server, wanted["members"]["base"])


def test_purge_removes_what_no_other_stack_holds(at, registry_server):
    wanted = {**at(base="one", trees="two"), "purge": True}
    other = at("other.dev/images", base="one")
    KIND.create(wanted, CONTEXT)
    KIND.create(other, CONTEXT)
    base, trees = (wanted["members"][name] for name in ("base", "trees"))
    repository, _, digest = trees.partition("@")
    bill = attach(registry_server.client(), repository, digest, b"{}", "sbom.cdx.json")
    for _ in range(2):
        KIND.delete("images", wanted, CONTEXT)
    assert is_there(registry_server, base)
    assert not is_there(registry_server, trees)
    assert not is_there(registry_server, f"{repository}@{bill}")


def test_a_registry_that_is_down_is_no_drift(at):
    gone = {**at(base="one"), "registry": "http://127.0.0.1:9"}
    assert KIND.read("images", gone, CONTEXT).inputs == gone
    with pytest.raises(PlatformError, match=r"I206.*doesn't answer"):
        KIND.create(gone, CONTEXT)


def test_no_secret_is_in_state_or_store(at, registry_server, tmp_path):
    wanted = at(base="one")
    _, outputs = KIND.create(wanted, CONTEXT)
    password = json.loads(registry_server.secret.read_text())["password"]
    stored = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*.json"))
    assert password not in json.dumps({**wanted, **outputs})
    assert stored
    assert password.encode() not in stored


def test_check(at):
    wanted = at(base="one")
    assert KIND.check(wanted) == []
    assert KIND.check({**wanted, "members": {"base": UNKNOWN}}) == []
    (failure,) = KIND.check({**wanted, "members": {"base": "atlas/it/base:tag"}})
    assert failure.reason.startswith("base: found 'atlas/it/base:tag'; expected REPOSITORY@sha256")
    assert KIND.preview(None, {**wanted, "members": UNKNOWN}) == {}
