"""The local platform's program, as the engine runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from atlas.http.variables import VARIABLES
from atlas.targets.monitors import services_here
from atlas_provider.kinds import KINDS
from atlas_provider.values import to_plain, to_values
from tests.toy_service import added_to, copy_with_toy

PROGRAM = """
import json, sys
from pathlib import Path
import pulumi

seen, outputs = [], []

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        seen.append({"type": args.typ, "name": args.name, "inputs": args.inputs})
        found = dict(args.inputs)
        if args.typ == "atlas:index:Ports":
            found["ports"] = {name: 15000 + i for i, name in enumerate(args.inputs["names"])}
        if args.typ == "atlas:index:Process":
            found["bound"] = args.inputs.get("ports", {})
        if args.typ in ("atlas:index:Process", "atlas:index:Database"):
            found["directory"] = f"{args.inputs['folder']}/{args.inputs['name']}"
            found |= {"content": "c" * 64, "generation": 1, "state": "running"}
        return args.name, found

    def call(self, args):
        return {}

pulumi.runtime.set_mocks(Mocks(), project="atlas", stack="dev", preview=False)
pulumi.runtime.set_all_config(json.loads(sys.argv[1]))

from infra.services import ServiceData
from infra.settings import Settings
from infra.targets import build

@pulumi.runtime.test
def declare():
    return build(Settings.read(ServiceData.optional_names())).apply(lambda platform: outputs.append(platform.to_json()))

declare()
print(json.dumps({"resources": seen, "platform": outputs[0]}))
"""


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    """What is declared with the default settings."""
    state = tmp_path_factory.mktemp("state")
    done = declare(state, tmp_path_factory.mktemp("bin"))
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    return state, printed["resources"], printed["platform"]


SERVERS = ("prometheus", "pushgateway", "alertmanager", "docker-registry")


def declare(state, programs, *more, path="", **settings):
    """Run the program with mocks, in a process of its own: mocks are global to one."""
    for name in (*SERVERS, *more):
        (programs / name).write_text("#!/bin/sh\necho version 1.2.3\n")
        (programs / name).chmod(0o755)
    own = {f"atlas:{name}": value for name, value in settings.items()}
    config = json.dumps({"atlas:target": "local", "atlas:state": str(state), **own})
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), config],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(programs), "PYTHONPATH": path},
        cwd=programs,
    )


def test_airflow_runs_containers_through_podmans_service(tmp_path):
    (tmp_path / "bin").mkdir()
    done = declare(tmp_path, tmp_path / "bin", "podman", tasks="docker")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    by_name = {item["name"]: item["inputs"] for item in printed["resources"]}
    folder = tmp_path / "platform" / "dev"
    scheduler = by_name["airflow-scheduler"]["environment"]
    assert scheduler["DOCKER_HOST"] == f"unix://{folder}/containers/podman.sock"
    assert scheduler["DOCKER_CONFIG"] == str(folder / "registry")
    host = printed["platform"]["services"]["registry"]["url"].removeprefix("http://")
    assert scheduler["ATLAS_REGISTRY"] == host
    service = next(i for i in printed["resources"] if i["name"] == "containers" and i["inputs"])
    assert service["inputs"]["command"][1:] == [
        "-m", "atlas.containers.serve", "{dir}/podman.sock", host
    ]  # fmt: skip
    assert KINDS["atlas:index:Process"].check(given(service["inputs"])) == []
    assert printed["platform"]["services"]["airflow"]["tasks"] == "docker"
    client = json.loads(by_name["registry"]["files"]["config.json"])
    assert client["auths"]["127.0.0.1:{port:http}"] == {"auth": "{secret:registry.basic}"}


def test_docker_has_a_service_of_its_own(tmp_path):
    (tmp_path / "bin").mkdir()
    done = declare(tmp_path, tmp_path / "bin", "docker", "podman", tasks="docker")
    names = {item["name"]: item["inputs"] for item in json.loads(done.stdout)["resources"]}
    assert "containers" not in names
    assert "DOCKER_HOST" not in names["airflow-scheduler"]["environment"]


def test_docker_tasks_without_an_engine(tmp_path):
    (tmp_path / "bin").mkdir()
    done = declare(tmp_path, tmp_path / "bin", tasks="docker")
    assert "neither Docker nor Podman answers" in done.stderr


def test_a_docker_client_without_an_engine_gives_way_to_podman(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    words = "import sys; print('Client: 27'); sys.exit('cannot connect to the Docker daemon')"
    (programs / "docker").write_text(f"#!{sys.executable}\n{words}\n")
    (programs / "docker").chmod(0o755)
    done = declare(tmp_path, programs, "podman", tasks="docker")
    assert done.returncode == 0, done.stderr
    names = {item["name"] for item in json.loads(done.stdout)["resources"]}
    assert "containers" in names


def test_the_resources_by_type(declared):
    _, resources, _ = declared
    found = [(item["type"], item["name"]) for item in resources]
    custom = sorted(item for item in found if item[0].startswith("atlas:index:"))
    assert custom == [
        ("atlas:index:Database", "airflow-database"),
        ("atlas:index:Database", "mlflow-database"),
        ("atlas:index:Ports", "ports"),
        ("atlas:index:Process", "airflow-api-server"),
        ("atlas:index:Process", "airflow-dag-processor"),
        ("atlas:index:Process", "airflow-scheduler"),
        ("atlas:index:Process", "airflow-triggerer"),
        ("atlas:index:Process", "alertmanager"),
        ("atlas:index:Process", "mlflow-server"),
        ("atlas:index:Process", "prometheus"),
        ("atlas:index:Process", "pushgateway"),
        ("atlas:index:Process", "registry"),
    ]


def given(inputs):
    """Return inputs as the provider gets them: without nulls, and whole numbers as such."""
    return to_plain(to_values(inputs))


def test_every_resource_passes_its_kinds_check(declared):
    _, resources, _ = declared
    for item in resources:
        if item["type"].startswith("atlas:index:"):
            kind = KINDS[item["type"]]
            assert kind.check(given(item["inputs"])) == [], item["name"]


def test_tasks_learn_of_the_platform_from_their_environment(declared):
    state, resources, platform = declared
    (scheduler,) = [item for item in resources if item["name"] == "airflow-scheduler"]
    environment = scheduler["inputs"]["environment"]
    assert environment["ATLAS_STORE"] == (state / "store").as_uri()
    assert environment["ATLAS_STATE"] == str(state)
    named = {name for name in VARIABLES if "OPENLINEAGE" not in name}
    assert named <= {*environment}, "infra/local/airflow.py lacks what steps look for"
    assert environment["ATLAS_MLFLOW_URL"] == platform["services"]["mlflow"]["url"]
    assert environment["ATLAS_PUSHGATEWAY_URL"] == platform["services"]["pushgateway"]["url"]
    assert environment["ATLAS_PYTHON"].startswith("/")
    assert re.fullmatch("0[0-7]{2}|[0-7]{3}", environment["ATLAS_UMASK"])
    for name in ("mlflow", "pushgateway", "airflow"):
        path = state / "secrets" / f"{name}.json"
        assert environment[f"ATLAS_{name.upper()}_CREDENTIALS"] == str(path)
    assert services_here(environment) == {
        "airflow": {
            "url": platform["services"]["airflow"]["url"],
            "secret": str(state / "secrets" / "airflow.json"),
        }
    }


def test_a_catalogue_that_the_platform_names_is_in_its_outputs_and_known_to_tasks(tmp_path):
    (tmp_path / "bin").mkdir()
    named = {"openlineage": "http://catalogue/hook", "openlineageSecret": "catalogue"}
    done = declare(tmp_path, tmp_path / "bin", **named)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    service = printed["platform"]["services"]["openlineage"]
    assert service == {
        "kind": "openlineage", "url": named["openlineage"], "workload_url": named["openlineage"],
        "credentials": "catalogue", "version": "",
    }  # fmt: skip
    (task,) = [one for one in printed["resources"] if one["name"] == "airflow-scheduler"]
    environment = task["inputs"]["environment"]
    assert environment["ATLAS_OPENLINEAGE_URL"] == named["openlineage"]
    assert environment["ATLAS_OPENLINEAGE_CREDENTIALS"] == f"{tmp_path}/secrets/catalogue.json"
    assert {*VARIABLES} <= {*environment}


def test_who_has_a_page_or_takes_requests_asks_for_a_secret(declared):
    _, resources, platform = declared
    opened = {name: one["credentials"] for name, one in platform["services"].items()}
    for name in ("mlflow", "prometheus", "pushgateway", "alertmanager", "airflow", "registry"):
        assert opened[name] == name
    inputs = {item["name"]: item["inputs"] for item in resources}
    for name in ("prometheus", "pushgateway", "alertmanager"):
        assert inputs[name]["healthCredentials"] == name
        assert "web.yml" in inputs[name]["files"]
    assert inputs["mlflow-server"]["healthCredentials"] == "mlflow"


def test_the_outputs_name_every_service_and_meet_their_schema(declared):
    state, _, platform = declared
    assert (platform["stack"], platform["target"], platform["version"]) == ("dev", "local", 1)
    assert set(platform["services"]) == {
        *("airflow", "dags", "mlflow", "prometheus", "pushgateway", "alertmanager"),
        *("registry", "kubeflow", "store", "secrets", "rules"),
    }
    rules = (state / "platform" / "dev" / "prometheus" / "rules").as_uri()
    assert platform["services"]["rules"]["url"] == rules
    dags = (state / "platform" / "dev" / "airflow" / "dags").as_uri()
    assert platform["services"]["dags"] == {
        "kind": "folder",
        "url": dags,
        "workload_url": dags,
        "credentials": None,
        "version": "",
        "versioned": False,
    }
    assert platform["services"]["airflow"]["credentials"] == "airflow"
    assert platform["services"]["airflow"]["tasks"] == "process"
    assert platform["services"]["registry"]["credentials"] == "registry"


RECORDS = Path(__file__).parents[2] / "recorded" / "resources.json"
RECORDED = json.loads(RECORDS.read_text("utf-8"))


def record(number, printed):
    """Record a platform as this version declares it, for what is new; look at what else changed."""
    whole = json.loads(RECORDS.read_text("utf-8"))
    recorded = whole["platform"][number]
    order = list(by_name(recorded["resources"]))
    resources = [
        {"inputs": inputs, "name": name, "type": type}
        for (type, name), inputs in sorted(
            by_name(printed["resources"]).items(),
            key=lambda item: order.index(item[0]) if item[0] in order else len(order),
        )
    ]
    recorded |= {"resources": resources, "platform": printed["platform"]}
    text = json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False)
    RECORDS.write_text(f"{text}\n", "utf-8")


@pytest.mark.parametrize("number", range(len(RECORDED["platform"])))
def test_a_platform_that_an_earlier_version_brought_up_stays_as_it_is(tmp_path, number, request):
    """Every resource has the name, type and inputs that were recorded, and so the same URN.

    A service that is new is recorded with --update-golden: nothing else in the record may change.
    """
    recorded = RECORDED["platform"][number]
    programs, state = tmp_path / "bin", tmp_path / "state"
    programs.mkdir()
    done = declare(state, programs, "podman", **recorded["settings"])
    assert done.returncode == 0, done.stderr
    python = Path(sys.executable).with_name("python")
    places = {"{state}": state, "{bin}": programs, "{python}": python, "{venv}": python.parent}
    text = done.stdout
    for name, path in places.items():
        text = text.replace(str(path), name)
    printed = json.loads(text)
    if request.config.getoption("--update-golden"):
        record(number, printed)
        recorded = printed
    assert by_name(printed["resources"]) == by_name(recorded["resources"])
    assert printed["platform"] == recorded["platform"]


def by_name(resources):
    return {(each["type"], each["name"]): each["inputs"] for each in resources}


def test_a_service_that_is_added_changes_nothing_of_the_others(tmp_path):
    copy = copy_with_toy(tmp_path)
    assert set(added_to(copy)) == {
        "infra/local/services.py", "infra/local/toy.py",
        "platform/services/toy/hello.html", "platform/services/toy/service.json",
    }  # fmt: skip
    assert added_to(copy)["infra/local/services.py"] == 1
    programs = tmp_path / "bin"
    programs.mkdir()
    paths = os.pathsep.join([str(copy / "platform"), str(copy)])
    found, toys = {}, {}
    for path in ("", paths):
        done = declare(tmp_path / "state", programs, path=path)
        assert done.returncode == 0, done.stderr
        printed = json.loads(done.stdout)
        found[path] = by_name(printed["resources"])
        toys[path] = printed["platform"]["services"].pop("toy", None)
        services = printed["platform"]["services"]
    added = found[paths].keys() - found[""].keys()
    assert added == {("atlas:local:Toy", "toy"), ("atlas:index:Process", "toy")}
    ports = ("atlas:index:Ports", "ports")
    assert found[paths][ports]["names"] == ["toy", *found[""][ports]["names"]]
    assert {name for name in found[""] if name not in found[paths]} == set()
    assert toys[paths]["credentials"] == "toy"
    assert toys[""] is None
    assert "toy" not in services
