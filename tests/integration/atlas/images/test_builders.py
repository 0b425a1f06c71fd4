"""Builders: the first that answers, and what each is given; with programs that only write down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.errors import CommandError, PlatformError
from atlas.images.builders import (
    Access,
    Build,
    find_builder,
    full_name,
    host_of,
    is_loopback,
)
from atlas.images.builders.process import logged

NO_ENGINE = "echo 'Cannot connect to the Docker daemon. Is it running?' >&2; exit 1"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def told(tmp_path: Path, program) -> Path:
    """A file that gets the command lines of docker, podman and buildah."""
    file = tmp_path / "told"
    answers = f"""
echo "$(basename $0) $*" >> {file}
case "$1 $2" in
  "version --format") echo 28.0;;
  "buildx version") echo v0.20;;
  "version --json") echo '{{"version": "1.28"}}';;
  "info --format") echo 4.3.1;;
  "image inspect") [ "$3" = there ] || case "$3" in --*) echo "r.org/x@sha256:abc"; exit;; *) exit 1;; esac
     echo '[{{"Id": "sha256:1", "Size": 5, "RepoDigests": ["r.org/x@sha256:9"],
       "Config": {{"Env": ["PATH=/bin", "A=b=c"], "User": "7", "Entrypoint": ["/x"]}}}}]';;
  "inspect --type=image") [ "$3" = there ] || exit 1
     echo '{{"FromImageID": "1", "FromImageDigest": "sha256:9", "OCIv1": {{"config": {{"Env": ["PATH=/bin"]}}}}}}';;
  "images --json") echo '[{{"id": "1", "size": "45.2 MB"}}]';;
  "from --pull-never") echo working;;
  "run "*) echo '{{"said": true}}';;
esac
for word; do case $word in --digestfile=*) echo sha256:fff > ${{word#--digestfile=}};; esac; done
"""
    for name in ("docker", "podman", "buildah"):
        program(name, answers)
    return file


def lines(told: Path) -> list[str]:
    return told.read_text().splitlines()


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(
        context=tmp_path / "context",
        dockerfile=tmp_path / "Dockerfile",
        name="localhost/x:1",
        log=tmp_path / "log",
        labels={"a": "b"},
    )


def test_a_docker_client_without_an_engine_is_no_builder(told, program, state):
    program("docker", NO_ENGINE)
    assert find_builder(state).name == "podman"


def test_docker_comes_first_where_its_engine_answers(told, state):
    assert find_builder(state).name == "docker"


def test_buildah_comes_last(told, program, state):
    program("docker", NO_ENGINE)
    program("podman", "exit 125")
    found = find_builder(state)
    assert (found.name, found.version) == ("buildah", "1.28")


def test_the_one_that_is_asked_for(told, state):
    assert find_builder(state, "buildah").name == "buildah"


def test_none_answers(program, state):
    program("docker", NO_ENGINE)
    with pytest.raises(PlatformError, match=r"I202.*docker found, but no engine answers"):
        find_builder(state)


def test_a_docker_that_answers_and_cannot_build(program, state):
    program("docker", '[ "$1" = version ] && echo 28.2 || exit 1')
    with pytest.raises(PlatformError, match=r"I202.*docker answers, but has no buildx"):
        find_builder(state)


@pytest.mark.usefixtures("program")
def test_none_is_there(state):
    with pytest.raises(PlatformError, match=r"I202.*none is installed.*install podman"):
        find_builder(state)


def test_none_of_that_name(state):
    with pytest.raises(
        PlatformError, match="no builder 'kaniko'; expected docker, podman, buildah"
    ):
        find_builder(state, "kaniko")


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_an_assembly_has_one_layer_fixed_times_and_no_network(told, state, build, name):
    find_builder(state, name).build(build)
    line = lines(told)[-1]
    assert line.startswith(f"{name} build ")
    for option in ("--timestamp=315532800", "--layers=false", "--network=none", "--pull=never"):
        assert option in line.split()
    assert "--label=a=b --annotation=a=b" in line


def test_docker_builds_with_its_own_builder_and_fixed_times(told, state, build):
    find_builder(state, "docker").build(build)
    words = lines(told)[-1].split()
    assert words[:3] == ["docker", "buildx", "build"]
    for option in ("--builder=default", "--load", "--network=none", "--provenance=false"):
        assert option in words
    assert "--build-arg=SOURCE_DATE_EPOCH=315532800" in words


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_facts(told, state, name):
    builder = find_builder(state, name)
    facts = builder.facts("there")
    assert (facts.identity, facts.digest) == ("1", "sha256:9")
    assert facts.variables["PATH"] == "/bin"
    assert facts.size == (45_200_000 if name == "buildah" else 5)
    assert builder.facts("nowhere") is None


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_a_push_with_credentials_of_a_private_file(told, state, tmp_path, name):
    access = Access(tmp_path / "auth", plain=True)
    digest = find_builder(state, name).push("x", "127.0.0.1:5000/x:1", access, tmp_path / "log")
    assert digest == "sha256:fff"
    line = lines(told)[-1]
    assert f"--tls-verify=false --authfile={tmp_path / 'auth' / 'config.json'}" in line
    assert line.endswith("x docker://127.0.0.1:5000/x:1")


def test_docker_pushes_under_another_name_and_forgets_it(told, state, tmp_path):
    access = Access(tmp_path / "auth")
    digest = find_builder(state, "docker").push("x", "r.org/x:1", access, tmp_path / "log")
    assert digest == "sha256:abc"
    assert f"docker --config={tmp_path / 'auth'} push r.org/x:1" in lines(told)
    assert lines(told)[-1] == "docker rmi r.org/x:1"


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_code_runs_without_network_and_nothing_stays(told, state, name):
    said = find_builder(state, name).run("x", "print(1)")
    assert json.loads(said) == {"said": True}
    ran = [line for line in lines(told) if f"{name} run" in line]
    assert "--network=none" in ran[-1]
    assert ("--rm" in ran[-1]) or lines(told)[-1] == "buildah rm working"


def test_registries_without_credentials_of_ours_take_the_users(told, state, tmp_path):
    find_builder(state, "podman").pull("r.org/x", Access(), tmp_path / "log")
    assert lines(told)[-1] == "podman pull r.org/x"


def test_a_log_holds_no_password_and_an_error_the_last_lines(tmp_path, program):
    tool = program("tool", "echo from https://me:hunter2@example.org/; echo it broke >&2; exit 3")
    log = tmp_path / "log"
    with pytest.raises(CommandError, match="tool go: it broke") as caught:
        logged([str(tool), "go", "https://me:hunter2@example.org"], log, {})
    assert "hunter2" not in log.read_text() + str(caught.value) + caught.value.output
    assert "from https://***@example.org/" in log.read_text()
    with pytest.raises(CommandError, match=r"^tool push: it broke"):
        logged([str(tool), "--config=/its/login", "push"], log, {})


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        logged([str(tmp_path / "none"), "go"], tmp_path / "log", {})


@pytest.mark.parametrize(
    ("name", "full", "host"),
    [
        ("python:3.11-slim", "docker.io/library/python:3.11-slim", "docker.io"),
        ("pytorch/pytorch", "docker.io/pytorch/pytorch", "docker.io"),
        ("ghcr.io/a/b@sha256:1", "ghcr.io/a/b@sha256:1", "ghcr.io"),
        ("localhost/a:1", "localhost/a:1", "localhost"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a", "127.0.0.1:5000"),
        ("registry:5000/a", "registry:5000/a", "registry:5000"),
    ],
)
def test_names(name, full, host):
    assert full_name(name) == full
    assert host_of(name) == host


def test_loopback():
    assert is_loopback("[::1]:5000")
    assert not is_loopback("localhost.example.org")
