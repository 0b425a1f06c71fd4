"""The server is killed in the middle of every kind of call that changes something."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import PlatformError
from atlas.targets.kubeflow.server import Api, runs
from atlas.targets.kubeflow.server import pipelines as of
from tests.kubeflow import breaking
from tests.kubeflow.deploying import CONTEXT, KIND, there, wanted
from tests.kubeflow.server import KubeflowServer

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1200)]

CALLS = {
    "POST pipelines", "POST pipelines upload_version", "POST experiments", "POST recurringruns",
    "POST runs", "POST runs terminate", "DELETE recurringruns", "DELETE pipelines",
    "DELETE pipelines versions",
}  # fmt: skip


def repeated(call: Callable[[], Any]) -> Any:
    """Return what a call returns, which is repeated as a person repeats a command."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        with suppress(PlatformError):
            return call()
    return call()


@pytest.mark.parametrize("when", [breaking.BEFORE, breaking.HALF, breaking.AFTER])
def test_a_second_try_comes_to_the_same(
    kubeflow: KubeflowServer, tmp_path: Path, when: str
) -> None:
    name = f"killed-{when}"
    port = int(kubeflow.url.rpartition(":")[2])
    broken = breaking.Breaking(port, when, lambda: kubeflow.kill("kfp-apiserver"))
    server, url = breaking.serve(broken)
    try:
        with ThreadPoolExecutor(1) as pool:
            whole = pool.submit(_whole, url, kubeflow.url, tmp_path, name)
            while not whole.done():
                if broken.dead.wait(0.05):
                    kubeflow.start_api()  # Here: a part ends with the thread that starts it.
                    broken.dead.clear()
            whole.result()
    finally:
        server.shutdown()
        server.server_close()
    assert {*broken.seen} == CALLS


def _whole(url: str, direct: str, folder: Path, name: str) -> None:
    """Deploy, run, end the run, deploy again, destroy: through what is broken off."""
    api, straight = Api(url), Api(direct)
    first = wanted(direct, folder, {name: "0 6 * * *"}, **{name: "a"})
    first["kubeflow"] = url
    identity, outputs = repeated(lambda: KIND.create(first, CONTEXT))
    versions = [first["members"][name]]
    assert there(straight, name) == {name: [versions, ["0 0 6 * * *"], 0]}
    (version,) = of.versions(straight, of.pipelines(straight, [name])[name])
    experiment = runs.find_experiment(straight, name)
    started = repeated(lambda: runs.start(api, version, experiment, f"{name}-1", {}))
    assert there(straight, name) == {name: [versions, ["0 0 6 * * *"], 1]}
    repeated(lambda: runs.terminate(api, started.id))
    ended = runs.run(straight, started.id)
    assert ended is not None
    assert ended.state in (runs.CANCELING, runs.CANCELED)
    second = {**first, "schedules": {name: "0 7 * * *"}}
    repeated(lambda: KIND.update(identity, {**first, **outputs}, second, CONTEXT))
    assert there(straight, name) == {name: [versions, ["0 0 7 * * *"], 1]}
    state = {**second, **outputs}
    repeated(lambda: KIND.delete(identity, state, CONTEXT))
    assert there(straight, name) == {}
