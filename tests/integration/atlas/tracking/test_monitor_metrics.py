"""What a check gives Prometheus comes back from the real one, and a later check replaces it all."""

from __future__ import annotations

from pathlib import Path

from atlas.monitor.publishing import publish
from atlas.store import open_store
from atlas.tracking.pushgateway import Pushgateway
from tests import monitored
from tests.servers import prometheus, pushgateway
from tests.unit.atlas.monitor.lives import Shop

__all__ = ["prometheus", "pushgateway"]


def test_a_check_is_in_prometheus(pushgateway: str, prometheus: str, tmp_path: Path) -> None:
    shop = Shop(open_store(tmp_path.as_uri()), {"drift": {"tolerance": 0.0}, "new_rows": 9000})
    shop.train()
    for number in range(4):
        shop.score(number, shift=0.0 if number < 3 else 2.0)
    checked = shop.check()
    gateway = Pushgateway(pushgateway)
    done = publish(shop.store, shop.registry, shop.monitored, checked, gateway=gateway)
    assert done.warnings == ()
    where = '{pipeline="shop",flow="monitor"'
    fired = monitored.wait_for(
        prometheus, f'atlas_monitor_trigger_fired{where},trigger="drift"}} == 1', 60
    )
    assert fired
    assert len(monitored.query(prometheus, f"atlas_monitor_distance{where}}} > 1")) == 2
    (rows,) = monitored.query(
        prometheus, f'atlas_monitor_trigger_value{where},trigger="new_rows"}}'
    )
    assert float(rows["value"][1]) == 4000
    shop.train(until=9.0)
    publish(shop.store, shop.registry, shop.monitored, shop.check(), gateway=gateway)
    assert monitored.wait_for(prometheus, f"atlas_monitor_looks{where}}} == 0", 60)
    assert monitored.query(prometheus, f"atlas_monitor_distance{where}}}") == []
