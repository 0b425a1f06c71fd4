"""Outputs of a platform that `atlas up` of this machine didn't bring up, wherever its stack is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.environment import Environment, Project
from atlas.errors import PlatformError
from atlas_deploy.platforms import lifecycle, references


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ATLAS_BACKEND", "PULUMI_BACKEND_URL", "ATLAS_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi-home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    references._follow.cache_clear()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, tmp_path / ".atlas")


def outputs(project: Project | None = None, **more: Any) -> dict[str, Any]:
    secrets = (project.state if project else Path("/elsewhere")) / "secrets"
    return {"version": 1, "services": {"secrets": {"url": f"file://{secrets}"}}, **more}


def stand_up(backend: Path, platform: dict[str, Any] | None, name: str = "local") -> None:
    """Have a platform's stack in a backend's files, as `pulumi up` leaves it."""
    file = backend / ".pulumi" / "stacks" / lifecycle.PROJECT / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    exported = {} if platform is None else {"platform": platform}
    stack = {"type": "pulumi:pulumi:Stack", "urn": "u", "outputs": exported}
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": [stack]}}}))


def log_in(tmp_path: Path, url: str) -> None:
    file = tmp_path / "pulumi-home" / "credentials.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"current": url}))


@pytest.mark.parametrize("way", ["variable", "options", "login", "home", "atlas", "project"])
def test_the_stack_is_found_wherever_settings_say(
    way: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = tmp_path / ("home" if way == "home" else "a b")
    url = f"file://{tmp_path}/a%20b" if way in ("atlas", "project") else f"file://{backend}"
    match way:
        case "variable":
            monkeypatch.setenv("PULUMI_BACKEND_URL", url)
        case "options":
            monkeypatch.setenv("PULUMI_BACKEND_URL", f"{url}?metadata=skip")
        case "login":
            log_in(tmp_path, url)
        case "home":
            log_in(tmp_path, "file://~")
        case "atlas":
            monkeypatch.setenv("ATLAS_BACKEND", url)
        case "project":
            project = Project(tmp_path, tmp_path / ".atlas", backend=url)
    stand_up(backend, outputs(stack="s"))
    references.follow(project, Environment())
    assert lifecycle.outputs(project.state, "local")["stack"] == "s"


def test_what_atlas_up_wrote_counts_more(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'b'}")
    stand_up(tmp_path / "b", outputs(stack="theirs"))
    file = lifecycle.outputs_file(project.state, "local")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(outputs(stack="ours")))
    references.follow(project, Environment())
    assert lifecycle.outputs(project.state, "local")["stack"] == "ours"


def test_a_platform_that_was_taken_down_there_is_down_here(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'b'}")
    stand_up(tmp_path / "b", outputs())
    references.follow(project, Environment())
    stand_up(tmp_path / "b", None)
    references._follow.cache_clear()
    references.follow(project, Environment())
    with pytest.raises(PlatformError, match="not up in"):
        lifecycle.outputs(project.state, "local")


@pytest.mark.parametrize("content", ["", "[]", '{"current": 1}', '{"current": "gopher://x"}', "{"])
def test_odd_settings_of_pulumi_are_none(content: str, project: Project, tmp_path: Path) -> None:
    log_in(tmp_path, "")
    (tmp_path / "pulumi-home" / "credentials.json").write_text(content)
    references.follow(project, Environment())
    assert not project.state.exists()


def test_a_service_of_pulumis_is_asked_only_where_the_platform_is_needed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(tmp_path, "https://api.pulumi.com")
    asked = []
    monkeypatch.setattr(references, "_outputs", lambda backend, name: asked.append(backend.url))
    references.follow(project, Environment())
    assert asked == []
    references.follow(project, Environment(), needed=True)
    assert asked == ["https://api.pulumi.com"]


@pytest.mark.parametrize("call", [lifecycle.up, lifecycle.down])
def test_a_platform_that_pulumi_up_stood_up_is_pulumis_to_change(
    call: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'b'}")
    stand_up(tmp_path / "b", outputs(project))
    with pytest.raises(PlatformError, match=r"brought up by `pulumi up`.*`pulumi destroy --stack"):
        call(project.state, "local", print)


def test_one_on_another_machine_is_no_hindrance_to_one_here(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'b'}")
    stand_up(tmp_path / "b", outputs())
    lifecycle._require_ours(project.state, "local")
