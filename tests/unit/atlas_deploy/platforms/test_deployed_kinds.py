"""What deployments know of a kind of resource is at one place; a kind that isn't there is an error."""

from __future__ import annotations

from typing import Any

import pytest

from atlas.errors import DeployError
from atlas.targets.descriptor import deployed_kinds
from atlas_deploy.platforms.deployed_kinds import DEPLOYED_KINDS, addresses, facts_of
from atlas_deploy.platforms.services import Services

NAMED: dict[str, Any] = {"url": "http://127.0.0.1:1", "credentials": ""}


@pytest.fixture
def services() -> Services:
    names = ("store", "mlflow", "registry", "secrets")
    return Services("local", {name: {**NAMED, "url": f"http://{name}"} for name in names})


def test_a_resource_of_a_kind_finds_the_services_of_that_kind(services: Services) -> None:
    assert addresses("RegisteredModels", services) == {"mlflow": "http://mlflow"}
    assert addresses("StepImages", services) == {
        "store": "http://store", "registry": "http://registry",
    }  # fmt: skip


def test_rules_find_their_folder_and_the_secret_of_prometheus() -> None:
    by_name: dict[str, Any] = {
        "store": {**NAMED, "url": "file:///s"}, "rules": {**NAMED, "url": "file:///r"},
        "prometheus": {"url": "http://p", "credentials": "prometheus"},
        "secrets": {**NAMED, "url": "file:///x"},
    }  # fmt: skip
    assert addresses("AlertRules", Services("local", by_name)) == {
        "store": "file:///s", "rules": "file:///r", "prometheus": "http://p",
        "secrets": "file:///x", "credentials": "prometheus",
    }  # fmt: skip


def test_a_kind_that_no_deployment_has_is_an_error_and_not_mlflows(services: Services) -> None:
    for kind in ("Ports", "Process"):
        with pytest.raises(
            DeployError, match=f"{kind}: deployments have no resources of this kind"
        ):
            addresses(kind, services)


def test_every_kind_has_a_noun() -> None:
    names = [*DEPLOYED_KINDS, *(kind.name for kind in deployed_kinds())]
    nouns = [facts_of(name).noun for name in names]
    assert all(nouns)
    assert len(set(nouns)) == len(nouns)
