"""The targets that are registered: Atlas's own, and those of installed packages."""

from __future__ import annotations

import importlib.metadata
import sys

import pytest

from atlas import registered
from atlas.environment import Project
from atlas.errors import InvalidError, TargetError
from atlas.load import load_environment
from atlas.targets import Target, deployed_kinds, target_named
from tests.toy_target import MODULE, install


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install packages that add targets, for this test alone."""

    def add(name="toy", value=f"{MODULE}:TARGET", package=MODULE):
        monkeypatch.syspath_prepend(str(install(tmp_path / package, name, value, package)))
        registered._from_outside.cache_clear()

    yield add
    monkeypatch.undo()
    registered._from_outside.cache_clear()
    sys.modules.pop(MODULE, None)


@pytest.mark.parametrize("name", registered.TARGETS)
def test_the_line_of_a_target_names_its_descriptor(name):
    target = target_named(name)
    assert isinstance(target, Target)
    assert target.name == name
    assert target.deployed is not None
    assert "store" in target.deployed.addresses
    folder = registered.TARGETS[name].store_folder
    assert folder in ("", *registered.STORE_FOLDERS)


def test_what_runs_a_flow_by_default_is_registered():
    assert all(map(registered.is_target, registered.DEFAULT_TARGETS.values()))


def test_a_package_adds_a_target(installed):
    assert not registered.is_target("toy")
    installed()
    assert registered.target_names() == ("kubeflow", "airflow", "toy")
    assert target_named("toy").title == "the toy"
    assert [kind.name for kind in deployed_kinds()] == [
        "KubeflowPipelines",
        "AirflowDags",
        "RetrainingMonitor",
        "ToyJobs",
    ]


def test_an_environment_names_only_what_is_registered(installed, tmp_path):
    project = Project(root=tmp_path, state=tmp_path / "state")
    (tmp_path / "environments").mkdir()
    document = '{"version": 1, "targets": {"training": "toy", "inference": "local"}}'
    (tmp_path / "environments" / "dev.json").write_text(document)
    with pytest.raises(InvalidError, match="there is no target 'toy'; expected local, kubeflow or"):
        load_environment(project, "dev")
    installed()
    assert load_environment(project, "dev").targets == {"training": "toy", "inference": "local"}


@pytest.mark.parametrize("name", ["airflow", "local"])
def test_no_package_takes_a_name_that_is_atlas_own(installed, name):
    installed(name)
    assert registered.target_names() == ("kubeflow", "airflow")
    if name == "airflow":
        assert target_named(name).deployed.name == "AirflowDags"


def test_two_packages_of_one_name_are_refused(installed):
    installed()
    installed(value="atlas_other:TARGET", package="atlas_other")
    with pytest.raises(
        TargetError, match=r"2 installed packages register it .*uninstall all but one"
    ):
        target_named("toy")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "atlas_toy_missing:TARGET",
            r"can't be imported \(ModuleNotFoundError: .*mend or uninstall",
        ),
        (f"{MODULE}:NOTHING", r"can't be imported \(AttributeError: "),
        (f"{MODULE}:OWNED", "what is registered under the name is 'toy-jobs'; expected an"),
    ],
)
def test_a_package_that_adds_no_target_is_told(installed, value, expected):
    installed(value=value)
    with pytest.raises(TargetError, match=f"target toy: .*{expected}"):
        target_named("toy")


def test_a_descriptor_of_another_name_is_refused(installed):
    installed("boat")
    with pytest.raises(
        TargetError, match=r"expected an atlas\.targets\.Target whose name is 'boat'"
    ):
        target_named("boat")


def test_packages_are_not_looked_through_for_a_target_of_atlas(monkeypatch):
    def looked(**options):
        raise AssertionError("looking through all packages takes 20 ms and more")

    registered._from_outside.cache_clear()
    monkeypatch.setattr(importlib.metadata, "entry_points", looked)
    for name in registered.TARGETS:
        assert registered.is_target(name)
        assert target_named(name).compiler
    assert next(deployed_kinds()).name == "KubeflowPipelines"
    with pytest.raises(AssertionError, match="looking through"):
        registered.is_target("toy")
    registered._from_outside.cache_clear()
