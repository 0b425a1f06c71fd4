"""What podman is given on machines of different kinds."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace

import pytest

from atlas.containers import settings
from atlas.containers.settings import Machine

USUAL = Machine(
    root=True, may_raise=True, files=1 << 20, processes=-1, systemd=True, hybrid=False, runc=False
)


def said(**facts):
    return tomllib.loads(settings.settings(replace(USUAL, **facts)))


def test_a_usual_machine_needs_nothing():
    assert settings.settings(USUAL) == ""


def test_a_machine_without_systemd():
    engine = said(systemd=False)["engine"]
    assert engine == {"cgroup_manager": "cgroupfs", "events_logger": "file"}


def test_hybrid_cgroups_take_runc_where_it_is():
    assert said(hybrid=True, runc=True)["engine"] == {"runtime": "runc"}
    assert said(hybrid=True) == {}


@pytest.mark.parametrize(
    ("facts", "limits"),
    [
        ({"files": 1024, "processes": 4096}, ["nofile=1024:1024", "nproc=4096:4096"]),
        ({"files": 1024, "processes": 1 << 20}, ["nofile=1024:1024", "nproc=32768:32768"]),
        ({"files": 1024, "processes": -1}, ["nofile=1024:1024", "nproc=32768:32768"]),
    ],
)
def test_root_that_may_not_raise_limits_asks_for_its_own(facts, limits):
    assert said(may_raise=False, **facts)["containers"]["default_ulimits"] == limits


def test_another_user_is_not_told_of_limits():
    assert said(root=False, may_raise=False, files=1024) == {}


def test_the_file_is_in_the_state_folder_and_the_users_own_choice_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "this_machine", lambda: replace(USUAL, systemd=False))
    monkeypatch.delenv("CONTAINERS_CONF", raising=False)
    found = settings.environment(tmp_path)
    assert found == {"CONTAINERS_CONF": str(tmp_path / "containers" / "containers.conf")}
    before = os.stat(found["CONTAINERS_CONF"]).st_mtime_ns
    settings.environment(tmp_path)
    assert os.stat(found["CONTAINERS_CONF"]).st_mtime_ns == before
    monkeypatch.setenv("CONTAINERS_CONF", "/etc/own.conf")
    assert settings.environment(tmp_path) == {}


def test_this_machine_has_facts():
    found = settings.this_machine()
    assert found.root == (os.geteuid() == 0)
    assert isinstance(settings.settings(found), str)
