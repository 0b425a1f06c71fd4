"""Which groups of metrics go with which pipelines."""

from __future__ import annotations

from atlas.store import FolderLocation
from atlas.tracking.metrics_outbox import WAITING, MetricsOutbox
from atlas.tracking.pushgateway import MetricGroup
from atlas.uris import uri_of
from atlas_deploy.apply.metrics import delete_groups, groups_of, lost_groups
from atlas_deploy.platforms.services import Services


def groups(*names: str) -> set[MetricGroup]:
    return {MetricGroup("prod", *name.split("/")) for name in names}


RESOURCES = {
    "inference-airflow": {"plans": {"tumour-emea-inference": "1", "tumour-apac-inference": "2"}},
    "training-kubeflow": {"plans": {"tumour-emea-training": "3", "tumour-apac-training": "4"}},
    "models": {"members": {"tumour-emea": "…"}},
    "images": {"members": {}},
}


def test_each_member_has_a_group_for_each_flow_that_is_deployed() -> None:
    assert groups_of("prod", RESOURCES) == groups(
        "tumour-emea/inference", "tumour-apac/inference",
        "tumour-emea/training", "tumour-apac/training",
    )  # fmt: skip


def test_a_member_that_goes_takes_the_groups_of_all_of_its_flows_along() -> None:
    before = groups("a/inference", "b/inference", "b/training")
    assert lost_groups(before, groups("b/inference", "b/training")) == groups(
        "a/inference", "a/training", "a/monitor"
    )
    assert lost_groups(before, before) == set()
    assert lost_groups(before, groups("a/inference", "b/inference")) == groups("b/training")
    assert lost_groups(before, ()) == groups(
        "a/inference", "a/training", "a/monitor", "b/inference", "b/training", "b/monitor"
    )


def test_the_monitor_has_a_group_of_each_pipeline_and_takes_it_along() -> None:
    monitored = {**RESOURCES, "monitor": {"members": {"tumour-monitor": "5"}}}
    own = groups("tumour-emea/monitor", "tumour-apac/monitor")
    assert groups_of("prod", monitored) == groups_of("prod", RESOURCES) | own
    assert lost_groups(groups_of("prod", monitored), groups_of("prod", RESOURCES)) == own


def test_a_deletion_waits_while_the_pushgateway_is_down(tmp_path) -> None:
    services = Services(
        "local",
        {
            "store": {"kind": "file", "url": uri_of(tmp_path), "credentials": ""},
            "pushgateway": {"kind": "x", "url": "http://127.0.0.1:9", "credentials": ""},
        },
    )
    said: list[str] = []
    delete_groups(services, groups("a/inference"), said.append)
    assert said[0].startswith("warning: what waits for the Pushgateway wasn't sent: pushgateway at")
    assert "`atlas runs --sync` sends it" in said[0]
    outbox = MetricsOutbox(FolderLocation(tmp_path))
    assert outbox.groups() == [group.digest for group in groups("a/inference")]
    assert len(outbox.location.names(WAITING)) == 1
