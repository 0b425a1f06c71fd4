"""Rules as objects of a cluster: where they are, what they are called, what is in them."""

from __future__ import annotations

import pytest

from atlas.alerts import RuleFlow, rule_file
from atlas.config_alerts import Alerts
from atlas.errors import DeployError, PlatformError
from atlas_provider.rule_folder import RuleFolder
from atlas_provider.rule_objects import RuleObjects
from atlas_provider.rule_place import is_place, rule_place

URL = "kubernetes://monitoring?context=arn%3Aaws%3Aeks%3Acluster%2Fa&label=release%3Dkps"


class OneObject:
    """A cluster with at most one object."""

    def __init__(self) -> None:
        self.found = None

    def get(self, path, query=None):
        return self.found

    def apply(self, path, manifest):
        assert path.endswith(manifest["metadata"]["name"])
        self.found = manifest

    def delete(self, path):
        self.found = None


@pytest.fixture
def place() -> RuleObjects:
    return RuleObjects(OneObject(), "monitoring", {"release": "kps"}, "tumour.dev/alerts")


def content() -> bytes:
    flow = RuleFlow(
        name="tumour-training", config="tumour", environment="dev", flow="training",
        pipelines=["tumour"], schedule={}, steps=frozenset({"train"}), keyed=frozenset(),
        is_watched=True,
    )  # fmt: skip
    return rule_file(flow, Alerts.parse({"failed": True}))


def test_a_place_is_a_namespace_of_a_context_and_how_rules_are_selected(tmp_path):
    found = rule_place(URL, "tumour.dev/alerts")
    assert isinstance(found, RuleObjects)
    assert found.cluster.context == "arn:aws:eks:cluster/a"
    assert (found.namespace, found.labels) == ("monitoring", {"release": "kps"})
    assert is_place(URL)
    assert not is_place((tmp_path / "gone").as_uri())
    assert isinstance(rule_place(tmp_path.as_uri(), "a"), RuleFolder)
    with pytest.raises(PlatformError, match="names no namespace; expected kubernetes://NAMESPACE"):
        rule_place("kubernetes:///", "a")


def test_what_is_written_is_read_until_somebody_changes_it(place):
    text = content()
    place.write("tumour-training", text)
    manifest = place.cluster.found
    assert manifest["metadata"]["labels"]["release"] == "kps"
    assert manifest["spec"]["groups"][0]["name"] == "tumour-training"
    assert place.read("tumour-training") == text
    manifest["spec"]["groups"][0]["interval"] = "1h"
    assert place.read("tumour-training") not in (text, None)
    place.write("tumour-training", text)
    manifest = place.cluster.found
    del manifest["metadata"]["labels"]["release"]
    assert place.read("tumour-training") != text, "the operator doesn't select it any more"
    place.write("tumour-training", None)
    assert place.read("tumour-training") is None


def test_a_loaded_file_is_of_one_group_of_one_owner(place):
    place.write("Tumour_x", content())
    name = place.cluster.found["metadata"]["name"]
    file = f"/etc/prometheus/rules/prometheus-kps-rulefiles-0/monitoring-{name}-6d1c.yaml"
    assert place.is_of(file, "Tumour_x")
    assert not place.is_of(file, "Tumour_xy")
    other = RuleObjects(place.cluster, "monitoring", {}, "other.dev/alerts")
    assert not other.is_of(file, "Tumour_x")


def test_a_file_that_no_object_holds_is_refused(place):
    with pytest.raises(DeployError, match="big: its rules are 200001 bytes; expected at most"):
        place.write("big", b"#" * 200_001)
