"""What `atlas status` says of monitors: as they have written it last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from atlas.store import open_store
from atlas_deploy.desired.deployment import Deployment, deployments
from atlas_deploy.operations.monitors import MonitorStatus, monitor_status, render_monitors
from tests.unit.atlas.shop import shop, write

C, E = "config.json", "environments/local.json"
DRIFT = {
    "name": "drift", "state": "fired", "value": 0.31, "threshold": 0.12, "unit": "distance",
    "spent": 0.0036, "budget": 0.01,
}  # fmt: skip
ROWS = {"name": "new_rows", "state": "quiet", "value": 9, "threshold": 4000, "unit": "rows"}
EVENT = {
    "id": "ab12", "trigger": "drift", "state": "waiting", "until": "2026-04-02T00:00:00+00:00",
    "why": "its cool-down\x1b[31m ends then",
}  # fmt: skip


def found(**more: Any) -> dict[str, Any]:
    usual = {"format": 1, "checked": "2026-03-31T06:12:00+00:00", "triggers": [DRIFT, ROWS]}
    return {**usual, "states": [EVENT, {**EVENT, "state": "promoted"}], **more}


def deployed(folder: Path, *changes: tuple[str, str, Any]) -> Deployment:
    made = shop((C, "retraining", {"new_labels": 4000}), *changes)
    (one,) = deployments(write(folder, made), "local")
    return one


def test_a_line_for_each_trigger_and_each_event_that_is_not_over() -> None:
    assert render_monitors(MonitorStatus({"shop": found()})) == [
        "monitor: shop: drift fired: 31 % against 12 %, 36% of its risk of a false alarm spent; "
        "looked at 2026-03-31 06:12 UTC",
        "monitor: shop: new_rows quiet: 9 against 4,000 rows; looked at 2026-03-31 06:12 UTC",
        "retraining: shop: drift ab12 waiting until 2026-04-02 00:00 UTC: its cool-down\\x1b[31m "
        "ends then",
    ]


def test_of_a_large_family_only_what_is_to_be_known() -> None:
    quiet = found(triggers=[ROWS], states=[])
    many = {f"shop-{number:03}": quiet for number in range(500)}
    lines = render_monitors(MonitorStatus({**many, "shop-500": found()}))
    assert len(lines) == 3
    assert lines[-1] == (
        "monitor: 501 pipelines were looked at; 1 have a trigger that fired, 500 have none"
    )


def test_what_was_written_last_is_read_and_what_never_was_is_said(tmp_path: Path) -> None:
    family = (C, "matrix", {"region": ["emea", "apac", "amer"]})
    one = deployed(tmp_path / "p", family)
    store = open_store((tmp_path / "s").as_uri())
    store.location.write("monitor/shop-emea/last.json", json.dumps(found()).encode())
    store.location.write("monitor/shop-apac/last.json", b"{}")
    status = monitor_status(one, store)
    assert {name: bool(raw) for name, raw in status.found.items()} == {"shop-emea": True, "shop-amer": False}  # fmt: skip
    assert status.errors["shop-apac"].endswith("remove it; the next check writes it again")
    lines = render_monitors(status)
    assert lines[0].startswith("monitor: shop-apac: file:///")
    assert lines[-1].startswith("monitor: shop-amer: never looked at; `atlas monitor")
    assert json.loads(json.dumps(status.to_json()))["found"]["shop-amer"] is None


def test_without_retraining_nothing_is_read(tmp_path: Path) -> None:
    (one,) = deployments(write(tmp_path, shop((C, "retraining", {}))), "local")
    assert monitor_status(one, open_store(tmp_path.as_uri())) == MonitorStatus()


def test_odd_values_are_no_failure() -> None:
    odd = found(triggers=[{}, {"name": "drift", "value": "x", "budget": 0}], states=[{}])
    lines = render_monitors(MonitorStatus({"shop": odd}))
    assert lines[0] == "monitor: shop: - quiet; looked at 2026-03-31 06:12 UTC"
    assert len(lines) == 3
