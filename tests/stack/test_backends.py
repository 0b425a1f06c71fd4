"""Stacks kept elsewhere than in files of this machine: a bucket, through the real engine."""

from __future__ import annotations

import gc
import json
import urllib.request
import warnings

import pulumi
import pytest

from atlas.environment import Environment, Project
from atlas.errors import DeployError, PlatformError
from atlas.load import platform_services
from atlas_deploy.platforms.references import _follow, follow
from atlas_deploy.stacks import Stack
from atlas_deploy.stacks.backend import Backend
from atlas_deploy.stacks.keeping import keeping
from atlas_provider.resources import Ports
from tests.servers import s3

pytestmark = pytest.mark.stack
__all__ = ["s3"]


@pytest.fixture(autouse=True)
def unclosed_loops():
    """Pulumi leaves event loops to the garbage collector, which warns of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def backend(request, tmp_path, monkeypatch) -> Backend:
    """A backend in a bucket of its own."""
    s3 = request.getfixturevalue("s3")
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    url, bucket = s3["AWS_ENDPOINT_URL"], f"b{abs(hash(str(tmp_path))) % 10**8}"
    urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT")).close()
    where = f"s3://{bucket}?endpoint={url}&s3ForcePathStyle=true&region=us-east-1"
    monkeypatch.setenv("ATLAS_BACKEND", where)
    return Backend.of(Project(tmp_path, tmp_path / "state"))


def ports(*names: str) -> None:
    Ports("ports", names=[*names])


def test_a_stack_in_a_bucket_lives_like_one_in_a_file(backend, tmp_path):
    kept = keeping(backend)
    assert kept.names("probe") == []
    assert kept.checkpoint("probe", "a") == {}
    stack = Stack.open("a", project="probe", state=backend, program=lambda: ports("x"))
    assert stack.up().changes == {"create": ["ports"]}
    assert stack.exists
    assert kept.names("probe") == ["a"]
    types = [one["type"] for one in kept.checkpoint("probe", "a")["resources"]]
    assert "atlas:index:Ports" in types
    again = Stack.open("a", project="probe", state=backend, program=lambda: ports("x"))
    assert again.up().changes == {}
    assert not (tmp_path / "state" / "pulumi" / ".pulumi" / "stacks").exists()
    again.destroy()
    again.remove()
    assert not kept.exists("probe", "a")


def test_a_lock_in_a_bucket_is_told_with_its_holder_and_broken(backend, monkeypatch):
    stack = Stack.open("a", project="probe", state=backend, program=lambda: ports("x"))
    lock = {
        "pid": 7,
        "username": "ann",
        "hostname": "elsewhere",
        "timestamp": "2026-01-02T03:04:05Z",
    }
    put_lock(backend, json.dumps(lock).encode())
    monkeypatch.setattr("atlas_deploy.stacks.stack._LOCK_SECONDS", 0.0)
    with pytest.raises(DeployError) as caught:
        stack.up()
    message = str(caught.value)
    assert "locked by another update (process 7 of ann on elsewhere, since 2026-01-02" in message
    assert "`atlas unlock" in message
    assert keeping(backend).unlock("probe", "a")
    assert stack.up().changes == {"create": ["ports"]}


def test_a_platform_stood_up_elsewhere_is_followed_by_its_stack(backend, tmp_path):
    """Its outputs come from its stack in the bucket, and go when that has none any more."""
    project = Project(tmp_path, backend.state)
    environment = Environment(name="team", platform="shared")
    follow(project, environment)
    assert platform_services(project, environment) == {}, "there is no such stack yet"

    answers = {"version": 1, "services": {"store": {"kind": "s3", "url": "s3://shared"}}}
    for exported in (answers, {**answers, "services": {"store": {"url": "s3://moved"}}}, {}):
        export(backend, exported)
        _follow.cache_clear()
        follow(project, environment)
        assert platform_services(project, environment) == exported.get("services", {})

    written = tmp_path / "state" / "platform" / "by-hand" / "outputs.json"
    written.parent.mkdir(parents=True)
    written.write_text("{}")
    follow(project, Environment(name="team", platform="by-hand"))
    assert written.exists(), "only a copy of ours is taken away"
    with pytest.raises(PlatformError, match=r"platform \.\./x: no stack is called so"):
        follow(project, Environment(name="team", platform="../x"))

    export(backend, {"services": "of another program"})
    _follow.cache_clear()
    with pytest.raises(
        PlatformError, match=r"platform shared: .*\(stack atlas/shared\), isn't a plat"
    ):
        follow(project, environment)


def export(backend: Backend, platform: dict) -> None:
    """Update the stack of a platform, so that it exports this."""

    def program() -> None:
        if platform:
            pulumi.export("platform", platform)

    Stack.open("shared", project="atlas", state=backend, program=program).up()


def put_lock(backend: Backend, content: bytes) -> None:
    bucket, _, query = backend.url.removeprefix("s3://").partition("?endpoint=")
    url = query.partition("&")[0]
    key = ".pulumi/locks/organization/probe/a/1.json"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/{bucket}/{key}", content, headers, method="PUT")
    urllib.request.urlopen(request).close()


def test_a_bucket_that_isnt_there_is_told(backend):
    url = backend.url.replace("s3://", "s3://no-")
    with pytest.raises(
        DeployError, match=r"^backend s3://no-\w+: error listing stacks: .*NoSuchBucket"
    ):
        keeping(Backend(backend.state, url)).names("probe")
