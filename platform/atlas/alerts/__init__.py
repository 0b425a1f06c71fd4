"""Rules of Prometheus for pipelines, made as data from what their Configs ask for."""

from atlas.alerts.group import RuleFlow, rule_file

__all__ = ["RuleFlow", "rule_file"]
