"""A challenger beside the model: shadow and canary, whatever becomes of the challenger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.models.champions import Champions
from atlas.runner.local_run import LocalRun
from atlas.step.outcome import Outcome
from atlas.tracking.registry import CHALLENGER, CHAMPION, LocalRegistry
from tests.scoring import Project

VERSION = {"version": "model_version"}


def two_versions(folder: Path, second: float = 3.0, by: float = 10.0, **more: Any) -> Project:
    """Return a project with a champion of weight 2, and a challenger with another scaler too."""
    project = Project(folder, **more)
    project.train(2.0)
    version = project.train(second, by)
    registry = LocalRegistry(project.store)
    registry.set_alias("prices", CHAMPION, "local-1")
    registry.set_alias("prices", CHALLENGER, version)
    return project


def ran(project: Project, **settings: Any) -> tuple[LocalRun, dict[str, Outcome]]:
    (run,) = project.run(**settings).runs
    return run, {unit.step: outcome for unit, outcome in run.outcomes.items()}


def warnings(run: LocalRun) -> tuple[str, ...]:
    assert run.finished is not None
    return run.finished.warnings


def saved(project: Project) -> Any:
    import pandas as pd

    (part,) = (project.folder / ".atlas/store").rglob("part.parquet")
    return pd.read_parquet(part)


def test_a_shadow_scores_the_same_rows_with_the_challengers_own_parts(tmp_path: Path) -> None:
    project = two_versions(tmp_path, model={"shadow": True}, predictions=VERSION)
    run, outcomes = ran(project)
    assert run.ok
    champions = project.artifact(run.run, "score")
    challengers = project.artifact(run.run, "challenger.score")
    assert list(champions["price"]) == [2.0 * n for n in range(40)]
    assert list(challengers["price"]) == [3.0 * 10.0 * n for n in range(40)]
    assert set(champions["model_version"]) == {"local-1"}
    assert set(challengers["model_version"]) == {"local-2"}
    assert saved(project).equals(champions), "nothing of a shadow reaches the Sink"
    assert "challenger.save" not in outcomes
    assert warnings(run) == ()


def test_a_shadow_measures_how_far_the_two_agree_beside_the_champions_own_metrics(
    tmp_path: Path,
) -> None:
    project = two_versions(tmp_path, model={"shadow": True}, predictions=VERSION)
    _, outcomes = ran(project)
    metrics = outcomes["challenger.score"].metrics
    assert metrics["agreement.house"] == 1.0
    assert metrics["agreement.price"] == metrics["agreement"] == 1 / 40
    assert metrics["difference.price"] == 28.0 * 39 / 2
    assert outcomes["score"].metrics == {"rows_scored": 40.0}


def test_manifests_say_which_version_made_them(tmp_path: Path) -> None:
    project = two_versions(tmp_path, model={"shadow": True})
    run, _ = ran(project)
    champion, challenger = run.run.model, run.run.challenger
    assert champion is not None
    assert challenger is not None
    assert project.manifest(run.run, "score")["model"] == champion.facts()
    assert project.manifest(run.run, "challenger.score")["model"] == challenger.facts()
    assert champion.digest != challenger.digest


@pytest.mark.parametrize("way", [{"shadow": True}, {"canary": 0.5}])
def test_a_missing_challenger_is_one_line_and_no_failure(
    tmp_path: Path, way: dict[str, Any]
) -> None:
    project = Project(tmp_path, model=way, predictions=VERSION)
    project.train(2.0)
    run, outcomes = ran(project)
    assert run.ok
    assert warnings(run) == ("model prices: no version is the challenger",)
    assert outcomes["challenger.score"].outputs == {}
    assert set(saved(project)["model_version"]) == {"local-1"}


@pytest.mark.parametrize("way", [{"shadow": True}, {"canary": 0.5}])
@pytest.mark.parametrize("isolate", ["none", "process"])
def test_a_challenger_that_fails_is_one_line_and_no_failure(
    tmp_path: Path, way: dict[str, Any], isolate: str
) -> None:
    project = two_versions(tmp_path, second=-1.0, model=way, predictions=VERSION)
    run, outcomes = ran(project, isolate=isolate)
    assert run.ok
    (warning,) = warnings(run)
    assert warning == (
        "the challenger, version local-2, has failed in challenger.score: "
        "ValueError: a weight is below 0"
    )
    assert "a weight is below 0" in outcomes["challenger.score"].traceback
    assert set(saved(project)["model_version"]) == {"local-1"}


def test_a_step_before_the_challengers_predictions_fails_and_says_so_once(tmp_path: Path) -> None:
    project = two_versions(tmp_path, model={"shadow": True})
    version = project.train(3.0, by=5.0)
    key = f"models/prices/versions/{version}.json"
    text = project.store.location.read(key).decode()
    project.store.location.write(key, text.replace("scaler", "scalar").encode())
    LocalRegistry(project.store).set_alias("prices", CHALLENGER, version)
    LocalRegistry(project.store).set_alias("prices", CHAMPION, "local-1")
    run, _ = ran(project)
    assert run.ok
    (warning,) = warnings(run)
    assert warning == (
        f"the challenger can't be used: M004: model prices, version {version}: has no part "
        "'scaler'; it has scalar, weight"
    )


def test_a_canary_takes_the_challengers_rows_for_a_share_of_the_keys(tmp_path: Path) -> None:
    way = {"canary": {"share": 0.3, "key": "house"}}
    project = two_versions(tmp_path, model=way, predictions=VERSION)
    run, outcomes = ran(project)
    scores = saved(project)
    by_version = scores.groupby("model_version").size()
    assert 4 <= by_version["local-2"] <= 20
    of_challenger = scores[scores["model_version"] == "local-2"]
    assert (of_challenger["price"] == of_challenger["house"] * 30.0).all()
    of_champion = scores[scores["model_version"] == "local-1"]
    assert (of_champion["price"] == of_champion["house"] * 2.0).all()
    assert list(scores["house"]) == list(range(40))
    assert outcomes["score"].metrics["canary.rows"] == by_version["local-2"]
    assert outcomes["score"].metrics["canary.agreement.price"] == 1 / 40
    assert project.manifest(run.run, "score")["challenger"]["version"] == "local-2"
    assert project.manifest(run.run, "score")["model"]["version"] == "local-1"


@pytest.mark.parametrize(("share", "version"), [(0, "local-1"), (1, "local-2")])
def test_a_share_of_nothing_and_of_everything_is_exact(
    tmp_path: Path, share: int, version: str
) -> None:
    project = two_versions(tmp_path, model={"canary": share}, predictions=VERSION)
    ran(project)
    assert set(saved(project)["model_version"]) == {version}
    assert any(step.rival_of for step in project.plan().steps) is bool(share)


def test_a_canary_chooses_the_same_rows_again(tmp_path: Path) -> None:
    way = {"canary": {"share": 0.5, "key": "house"}}
    project = two_versions(tmp_path, model=way, predictions=VERSION)
    ran(project, run="one")
    first = saved(project)
    _, outcomes = ran(project, run="two", use_cache=False)
    assert saved(project).equals(first)
    assert not outcomes["score"].cached


def test_a_cached_canary_is_that_of_the_same_challenger(tmp_path: Path) -> None:
    project = two_versions(tmp_path, model={"canary": 1}, predictions=VERSION)
    ran(project, run="one")
    again, outcomes = ran(project, run="two")
    assert outcomes["score"].cached
    assert project.manifest(again.run, "score")["challenger"]["version"] == "local-2"
    third = project.train(7.0)
    LocalRegistry(project.store).set_alias("prices", CHAMPION, "local-1")
    LocalRegistry(project.store).set_alias("prices", CHALLENGER, third)
    _, outcomes = ran(project, run="three")
    assert not outcomes["score"].cached
    assert set(saved(project)["model_version"]) == {third}


def test_a_canary_without_its_key_in_the_predictions_fails_and_writes_nothing(
    tmp_path: Path,
) -> None:
    way = {"canary": {"share": 0.5, "key": "street"}}
    project = two_versions(tmp_path, model=way, predictions=VERSION)
    run, outcomes = ran(project)
    assert not run.ok
    assert outcomes["score"].error == (
        "output 'scores' has no column 'street' that the Config's model.canary.key names; "
        "expected one of house, price, model_version"
    )
    assert not list((tmp_path / ".atlas/store").rglob("part.parquet"))


def test_the_challenger_as_champion_is_no_challenger(tmp_path: Path) -> None:
    project = two_versions(tmp_path, model={"shadow": True})
    LocalRegistry(project.store).set_alias("prices", CHALLENGER, "local-1")
    run, _ = ran(project)
    assert warnings(run) == ("model prices: the challenger is version local-1 as well",)


def test_a_version_of_other_features_is_refused_and_a_challenger_of_them_is_not_used(
    tmp_path: Path,
) -> None:
    project = two_versions(tmp_path, model={"shadow": True}, features={"columns": ["size"]})
    from tests.scoring import config

    changed = config(model={"shadow": True}, features={"columns": ["size", "age"]})
    project.write("config.json", changed)
    third = project.train(2.0)
    LocalRegistry(project.store).set_alias("prices", CHAMPION, third)
    LocalRegistry(project.store).set_alias("prices", CHALLENGER, "local-2")
    run, _ = ran(project)
    assert run.ok
    (warning,) = warnings(run)
    assert warning.startswith("the challenger can't be used: M006: model prices, version local-2: ")
    LocalRegistry(project.store).set_alias("prices", CHAMPION, "local-1")
    run, _ = ran(project)
    assert run.error.startswith("M006: model prices, version local-1: was trained with other")


def test_a_digest_that_is_pinned_is_checked_at_the_start_of_a_run(tmp_path: Path) -> None:
    project = two_versions(tmp_path)
    run, _ = ran(project)
    assert run.run.model is not None
    model = project.plan().model
    assert model is not None
    from dataclasses import replace

    from atlas.step.versions import model_of

    store = project.store
    digest = run.run.model.digest
    pinned = replace(project.plan(), model=replace(model, version="local-1", digest=digest))
    assert model_of(store, pinned) == run.run.model
    other = replace(project.plan(), model=replace(model, version="local-2", digest=digest))
    with pytest.raises(Exception, match="M003: model prices, version local-2: its digest is"):
        model_of(store, other)


def test_the_champion_log_has_the_version_of_an_interval(tmp_path: Path) -> None:
    from atlas.models.log import champion_at
    from atlas.step.versions import AT_INTERVAL, model_of

    project = Project(tmp_path)
    project.train(2.0)
    entries = list(Champions(project.store, LocalRegistry(project.store), "prices").log.entries())
    assert champion_at(iter(entries), "9") is not None
    first = model_of(project.store, project.plan(), AT_INTERVAL, "2100-01-01T00:00:00+00:00")
    assert first is not None
    assert first.version == "local-1"
    with pytest.raises(Exception, match="M007: model prices: no version was the champion at 2000"):
        model_of(project.store, project.plan(), AT_INTERVAL, "2000-01-01T00:00:00+00:00")
