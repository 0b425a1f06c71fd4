"""The file of one group of rules: YAML, the same bytes for the same rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.alerts.making import GroupRules, RuleFlow
from atlas.alerts.monitor_rules import MonitorRules
from atlas.alerts.rules import FlowRules
from atlas.metrics.metric import MONITOR
from atlas.values import digest

if TYPE_CHECKING:
    from atlas.config_alerts import Alerts

DIGEST_RECORD = "atlas:alert_rules:info"
"""The recording rule that says, as its label ``digest``, what its group holds.

Prometheus shows the rules that it has loaded as it writes them itself; by this label Atlas sees
that they are the ones that it wrote.
"""
_WIDTH = 1 << 30

__all__ = ["DIGEST_RECORD", "RuleFlow", "rule_file"]


def rule_file(flow: RuleFlow, alerts: Alerts) -> bytes:
    """Return the file with the rules of a flow; empty where it has none.

    Args:
        flow: the flow.
        alerts: what its Config asks for.
    """
    kind: type[GroupRules] = MonitorRules if flow.flow == MONITOR else FlowRules
    rules = kind(flow, alerts).rules()
    if not rules:
        return b""
    import yaml

    labels = {"rules": flow.name, "digest": digest(rules)}
    info = {"record": DIGEST_RECORD, "expr": "vector(1)", "labels": labels}
    content = {"groups": [{"name": flow.name, "rules": [info, *rules]}]}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return f"# Rules of {flow.name}, written by Atlas.\n{text}".encode()
