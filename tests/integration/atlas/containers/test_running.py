"""Engines that are scripts: which one is found, and how one container runs and ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from atlas.containers import (
    Container,
    ContainerEngine,
    container_name,
    find_engine,
    need_engine,
    run_container,
    sweep,
    why,
)
from atlas.errors import CommandError, PlatformError
from atlas.processes import own

CONTAINER = Container(image="x", name="atlas-1", command=("python", "-m", "atlas.step"))


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("ATLAS_CONTAINER_ENGINE", raising=False)

    def program(name: str, script: str) -> ContainerEngine:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)
        return ContainerEngine(name, str(path))

    return program


def test_the_first_that_answers(put, tmp_path, monkeypatch):
    assert find_engine(tmp_path) is None
    put("docker", "exit 1")
    put("podman", "echo 4.3.1")
    assert find_engine(tmp_path).name == "podman"
    put("docker", "echo 28.2")
    assert find_engine(tmp_path).name == "docker"
    monkeypatch.setenv("ATLAS_CONTAINER_ENGINE", "podman")
    assert find_engine(tmp_path).name == "podman"


def test_without_one_the_message_says_what_there_is(put, tmp_path):
    with pytest.raises(PlatformError, match="I202: no container engine: none found; install"):
        need_engine(tmp_path)
    put("docker", "exit 1")
    with pytest.raises(PlatformError, match="docker found, but no engine answers"):
        need_engine(tmp_path)


def test_a_container_is_told_everything_and_no_value_is_on_the_command_line(tmp_path):
    container = Container(
        image="x",
        name="atlas-1",
        command=("true",),
        environment={"TOKEN": "hunter2"},
        mounts={Path("/b"): False, Path("/a"): True},
        user="7:8",
        cpu=0.5,
        memory=64,
        gpu=2,
    )
    words = container.arguments("docker")
    assert "hunter2" not in " ".join(words)
    line = " ".join(words)
    assert "--network host --user 7:8 --env TOKEN --volume /a:/a:rw --volume /b:/b:ro" in line
    assert "--cpus 0.5 --memory 64 --memory-swap 64 --gpus 2 x true" in line
    assert "--device=nvidia.com/gpu=1" in container.arguments("podman")


def test_output_comes_line_by_line_with_the_containers_end(put):
    engine = put("docker", 'echo "one $TOKEN"; echo two >&2; exit 3')
    said = []
    ended = run_container(
        engine, Container(image="x", name="n", environment={"TOKEN": "t"}), said.append
    )
    assert sorted(said) == ["one t", "two"]
    assert (ended.code, ended.timed_out) == (3, False)


def test_a_container_that_does_not_start_is_an_error_of_the_engine(put):
    engine = put("docker", "echo 'Error: no such image: x' >&2; exit 125")
    with pytest.raises(CommandError, match="docker run x: there is no such image"):
        run_container(engine, CONTAINER, lambda _: None)


def test_time_that_is_up_kills_the_container(put, tmp_path):
    asked = tmp_path / "asked"
    engine = put(
        "docker",
        f"echo $* >> {asked}; case $1 in kill) until [ -s {asked}.pid ]; do sleep 0.05; done; kill $(cat {asked}.pid);; run) echo $$ > {asked}.pid; exec sleep 600;; esac",
    )
    ended = run_container(engine, Container(image="x", name="n", timeout=0.3), lambda _: None)
    assert ended.timed_out, "it hasn't waited for the container's own end"
    assert "kill n" in asked.read_text()


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", "it printed nothing"),
        ("a\nb\n", "b"),
        ("x: no space left on device", "the disk is full"),
        ("pinging: UNAUTHORIZED: wrong", "other credentials"),
        ("dial tcp: connection refused", "nothing answers there"),
    ],
)
def test_causes(output, expected):
    assert expected in why(output)


def test_containers_of_killed_processes_are_removed_and_no_others(put, tmp_path):
    engine = put("docker", "true")
    mine = container_name(engine, 3)
    me = own()
    prefix = mine.removesuffix(f"{me}-3")
    # One whose pid is this process's by now, one of another boot, and one that can't be told.
    theirs = f"{prefix}{replace(me, started=me.started - 1)}-1"
    older = f"{prefix}{replace(me, boot='0123456789ab')}-12"
    names = f"{mine} {theirs} {older} atlas-00000000-{me}-1 {prefix}x-1 atlas-x postgres"
    asked = tmp_path / "asked"
    engine = put("docker", f'echo $* >> {asked}; [ $1 != ps ] || printf "%s\\n" {names}')
    assert sweep(engine) == [theirs, older]
    assert f"rm --force --volumes {theirs}" in asked.read_text()
    assert mine not in asked.read_text()


def test_an_engine_that_lists_nothing(put):
    assert sweep(put("docker", "exit 1")) == []
