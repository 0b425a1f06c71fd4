"""The ways to run one Plan: on this machine, with kfp.local, and with Airflow; and what came of it.

Each is the real thing, in a process of its own. kfp's DockerRunner and Airflow's DockerOperator
speak to podman's service, which has Docker's API.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from atlas.http.credentials import read_secret
from atlas.images.credentials import Credentials
from atlas.plan import Plan
from atlas.step import Reader
from atlas.step.execute import recorded
from atlas.store import Store
from atlas.targets.airflow.api import AirflowApi
from infra.local import registry
from tests.tether import tied
from tests.yard import Yard

_SECONDS = 400
_OWN = ("interval", "step")
_KFP = """
import json, sys
import docker
from kfp import components, local
from atlas.targets.kubeflow.lasting import LastingClient

# kfp.local asks for a container's exit code when podman has removed it already.
docker.from_env = LastingClient.from_env
package, root, mounts, environment, arguments = sys.argv[1:]
runner = local.DockerRunner(
    mounts=json.loads(mounts), environment=json.loads(environment), network_mode="host", user="0:0"
)
local.init(runner=runner, pipeline_root=root)
components.load_component_from_file(package)(**json.loads(arguments))
"""
_AIRFLOW = """
import json, sys
from airflow.dag_processing.dagbag import DagBag

file, conf = sys.argv[1:]
(dag,) = DagBag(file).dags.values()
run = dag.test(run_conf=json.loads(conf))
print(json.dumps({"run": run.run_id, "state": run.state}))
"""


@dataclass(frozen=True)
class Seen:
    """What came of one step, or of one key of it: the same everywhere.

    Attributes:
        parts: digests of what could change the result: code, params, inputs. Not of the interval,
            for a run that Airflow is asked for has one; nor of the image's name, which is of this
            machine's engine or of the registry.
    """

    status: str
    attempts: int
    parts: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Ran:
    """A run that is over.

    Attributes:
        id: its id in the store.
        steps: each step by name, each key of one by ``name[index]``.
        kept: pairs of steps of which the second has to follow the first, and did.
    """

    id: str
    status: str
    parameters: Mapping[str, Any]
    commit: str
    steps: Mapping[str, Seen]
    kept: frozenset[tuple[str, str]]


def ran(store: Store, plan: Plan, run: str) -> Ran:
    """Read back what a run has done, whoever ran it."""
    bound, ended = store.run(plan.name, run), store.run_outcome(plan.name, run)
    found = {}
    for step in plan.steps:
        indexes = [None] if step.foreach is None else _indexes(store, plan, run, step)
        found |= {(step.name, one): recorded(store, bound, step.name, one) for one in indexes}
    names = {name for name, _ in found}
    first = {n: min(o.started for (name, _), o in found.items() if o and name == n) for n in names}
    last = {n: max(o.ended for (name, _), o in found.items() if o and name == n) for n in names}
    pairs = ((up, step.name) for step in plan.steps for up in step.upstream())
    return Ran(
        id=bound.id,
        status=ended["status"] if ended else "",
        parameters=bound.parameters,
        commit=bound.commit,
        steps={
            name if index is None else f"{name}[{index}]": Seen(
                one.status,
                one.attempts,
                {part: text for part, text in one.parts.items() if part not in _OWN},
                dict(one.outputs),
            )
            for (name, index), one in found.items()
            if one
        },
        kept=frozenset((up, down) for up, down in pairs if last[up] <= first[down]),
    )


def _indexes(store: Store, plan: Plan, run: str, step: Any) -> range:
    bound = store.run(plan.name, run)
    return range(len(Reader(store, plan, bound).keys(step)))


@contextmanager
def docker_api(yard: Yard) -> Iterator[dict[str, str]]:
    """Serve Docker's API on the yard's podman; give the variables that its clients need."""
    socket, home = yard.folder / "podman.sock", yard.folder / "docker"
    home.mkdir(exist_ok=True)
    secret = read_secret(yard.state / "secrets", registry.SECRET)
    basic = Credentials(secret["username"], secret["password"]).basic
    (home / "config.json").write_text(json.dumps({"auths": {yard.host: {"auth": basic}}}))
    plain = yard.folder / "registries.conf"
    plain.write_text(f'[[registry]]\nlocation = "{yard.host}"\ninsecure = true\n')
    with (yard.folder / "service.log").open("wb") as log:
        service = subprocess.Popen(
            tied(["podman", "system", "service", "--time=0", f"unix://{socket}"]),
            env={**os.environ, **yard.variables, "CONTAINERS_REGISTRIES_CONF": str(plain)},
            cwd=yard.folder,
            stderr=log,
        )
    try:
        end = time.monotonic() + 200
        while not socket.exists():
            assert time.monotonic() < end
            assert service.poll() is None
            time.sleep(0.1)
        yield {"DOCKER_HOST": f"unix://{socket}", "DOCKER_CONFIG": str(home)}
    finally:
        service.terminate()
        service.wait(30)


def with_kfp(
    package: Path, store: str, arguments: Mapping[str, Any], variables: Mapping[str, str]
) -> str:
    """Run a compiled package with kfp.local; return what it printed."""
    folder = store.removeprefix("file://")
    mounts = [{"Type": "bind", "Source": folder, "Target": folder, "ReadOnly": False}]
    root = package.parent / "root"
    root.mkdir()
    given = [json.dumps(one) for one in (mounts, {"ATLAS_STORE": store}, arguments)]
    return _python(_KFP, package, root, *given, **variables)


def with_airflow(
    file: Path, home: Path, parameters: Mapping[str, Any], variables: Mapping[str, str]
) -> dict[str, str]:
    """Run a DAG by Airflow's own scheduling and operators.

    Returns:
        The run's id and state, and all that was printed: the tasks' logs among it.
    """
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(file.parent),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    own = {**variables, **settings}
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    _run(command, own)
    code = [sys.executable, "-c", _AIRFLOW, str(file), json.dumps(parameters)]
    done = _run(code, own)
    dag_run: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return {**dag_run, "printed": done.stdout + done.stderr}


def _python(code: str, *words: str | Path, **variables: str) -> str:
    return _run([sys.executable, "-c", code, *map(str, words)], variables).stdout


def _run(command: list[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONWARNINGS": "ignore", **variables},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done


@dataclass(frozen=True)
class Placed:
    """A DAG on the platform's Airflow."""

    airflow: AirflowApi
    name: str

    def triggered(self, conf: Mapping[str, Any]) -> str:
        body = {"logical_date": None, "conf": dict(conf)}
        _, answer = self.airflow._call("POST", f"dags/{self.name}/dagRuns", body=body)
        return str(answer["dag_run_id"])

    def ended(self, run: str) -> str:
        """Wait for a run's end; return its state."""
        end = time.monotonic() + _SECONDS
        while True:
            _, answer = self.airflow._call("GET", f"dags/{self.name}/dagRuns/{quote(run)}")
            if answer["state"] in ("success", "failed"):
                return str(answer["state"])
            assert time.monotonic() < end, answer
            time.sleep(0.5)

    def tasks(self, run: str) -> list[tuple[str, int, str, int]]:
        """Return every task of a run: its id, key, state and tries."""
        path = f"dags/{self.name}/dagRuns/{quote(run)}/taskInstances"
        _, answer = self.airflow._call("GET", path)
        return [
            (one["task_id"], one["map_index"], one["state"], one["try_number"])
            for one in answer["task_instances"]
        ]


@contextmanager
def placed(platform: Any, file: str, content: bytes) -> Iterator[Placed]:
    """Put a DAG file where the platform's Airflow finds it, until it isn't needed any more."""
    services = platform.outputs["services"]
    one = services["airflow"]
    airflow = AirflowApi(one["url"], services["secrets"]["url"], one["credentials"])
    path, name = Path(urlsplit(platform.url("dags")).path) / file, file.removesuffix(".py")
    path.write_bytes(content)
    try:
        end = time.monotonic() + _SECONDS
        while name not in airflow.dags([name]):
            assert time.monotonic() < end, airflow.import_failures()
            time.sleep(0.5)
        yield Placed(airflow, name)
    finally:
        path.unlink()
