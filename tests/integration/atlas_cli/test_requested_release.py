"""`atlas release` takes up what a retraining of a protected environment asks for."""

from __future__ import annotations

import json

from atlas.retraining import retrain
from atlas.retraining.requests import release_requests
from atlas.step.versions import registry
from tests.projects import Project, environment, project
from tests.releases import PERSON, Clone
from tests.retrained import cause, champion, pipeline, place

__all__ = ["project"]
RELEASE = ("release", "houses", "--no-push", "--allow-unpushed", "--json")


def requested(project: Project, quality: float, watermark: str) -> str:
    """Return the version that a retraining has made, and asks to be released."""
    rule = pipeline(protected=True, parameters={"all": {"quality": quality}})
    there = retrain(place(project.store), rule, cause(project.store, watermark))
    assert there.state == "requested", there
    return there.version


def released(project: Project, *words: str) -> dict:
    done = project.atlas(*RELEASE, *words, env=environment(**PERSON))
    assert done.returncode == 0, done.stderr
    (there,) = json.loads(done.stdout)
    return there


def in_git(project: Project) -> None:
    project.write(".gitignore", ".atlas/\n")
    clone = Clone(project.root)
    clone.git("init", "-q", "-b", "main")
    clone.commit("one")


def current(project: Project) -> str:
    found = registry(project.store).find("houses", "champion")
    return found.version if found else ""


def test_a_release_pins_what_was_asked_for_and_makes_it_the_champion(project):
    store = champion(project)
    in_git(project)
    first = released(project)
    assert (first["lock"]["models"]["houses"]["version"], first["requested"]) == ("local-1", [])
    version = requested(project, 0.9, "1")
    assert current(project) == "local-1"
    planned = released(project, "--dry-run")
    assert planned["lock"]["models"]["houses"]["version"] == version
    assert f"houses version {version} in place of local-1" in planned["requested"][0]
    assert (current(project), len(release_requests(store, "local", "houses"))) == ("local-1", 1)
    made = released(project)
    assert made["release"] == "release/houses-2"
    assert made["lock"]["models"]["houses"]["version"] == version
    assert current(project) == version
    assert release_requests(store, "local", "houses") == []
    told = json.loads(project.atlas("champion", "houses", "--history", "--json").stdout)
    assert "released as release/houses-2 for retraining" in json.dumps(told)
    again = released(project)
    assert (again["action"], again["requested"]) == ("there", [])


def test_a_request_whose_champion_has_changed_is_passed_over_and_said(project):
    store = champion(project)
    in_git(project)
    version = requested(project, 0.8, "1")
    better = pipeline(parameters={"all": {"quality": 0.9}})
    promoted = retrain(place(store), better, cause(store, "2"))
    assert promoted.state == "promoted"
    there = released(project)
    assert there["lock"]["models"]["houses"]["version"] == promoted.version != version
    assert any("it was to replace version local-1" in text for text in there["warnings"])
    assert current(project) == promoted.version


def test_a_request_that_somebody_else_wrote_pins_nothing(project):
    store = champion(project)
    in_git(project)
    version = requested(project, 0.9, "1")
    (request,) = release_requests(store, "local", "houses")
    raw = json.loads(store.location.read(request.key))
    store.location.write(request.key, json.dumps({**raw, "digest": "0" * 64}).encode())
    there = released(project)
    assert there["lock"]["models"]["houses"]["version"] == "local-1" != version
    assert any("has other parts than the retraining made" in text for text in there["warnings"])
