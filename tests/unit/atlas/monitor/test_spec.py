"""A spec comes back as it was, and one that was altered isn't taken."""

from __future__ import annotations

import json

import pytest

from atlas.config_retraining import RetrainingRule
from atlas.errors import StoreError
from atlas.load.schema import fits_schema
from atlas.monitor.spec import MonitoredPipeline

RULES = {
    "nothing": {},
    "counts": {"new_rows": 100, "new_labels": 10},
    "degradation": {"degradation": {"metric": "mae", "margin": 0.5, "batches": 3}},
    "drift of all": {"drift": {}},
    "drift of some": {"drift": {"features": ["a"], "predictions": True, "tolerance": {"a": 0.1}}},
    "terms": {
        "new_rows": 1,
        "window": "90d",
        "parameters": {"all": {"trials": 3}, "drift": {"trials": 9}},
        "approval": "promotion",
        "cooldown": "7d",
        "in_flight": 2,
        "per_month": 1,
        "schedule": {"cron": "@daily"},
        "estimate": {"metric": "accuracy", "below": 0.7},
    },
}
CONFIG = {"version": 1, "name": "x", "recipes": {"training": "x"}}


def spec(raw):
    rule = RetrainingRule.parse(raw) or RetrainingRule()
    return MonitoredPipeline(
        pipeline="dev-shop",
        model="dev-shop",
        config="dev-shop",
        environment="dev",
        prefix="dev-",
        rule=rule,
        promotion={"metric": "evaluate.mae", "direction": "lower", "beats_champion": True},
        statistics={"features": {"step": "load", "output": "rows", "columns": ["a"]}},
        plans={"training": "0" * 64, "inference": "1" * 64},
        targets={"training": "kubeflow", "inference": "airflow"},
    )


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_the_documents(name):
    raw = RULES[name]
    assert fits_schema("config", {**CONFIG, "retraining": raw})
    rule = RetrainingRule.parse(raw)
    assert (rule is None) == (not raw)
    if rule is not None:
        assert RetrainingRule.parse(rule.to_json()) == rule
        assert fits_schema("config", {**CONFIG, "retraining": rule.to_json()})


def test_the_defaults_are_those_of_the_schema():
    from atlas.load.schema import schema_text

    schema = json.loads(schema_text("config"))
    fields = schema["properties"]["retraining"]["properties"]
    rule = RetrainingRule.parse({"drift": {}, "degradation": {"metric": "mae"}})
    assert rule is not None
    assert rule.drift is not None
    assert rule.degradation is not None
    for name in ("approval", "in_flight", "per_month"):
        assert getattr(rule, name) == fields[name]["default"]
    for name in ("predictions", "looks", "tolerance"):
        assert getattr(rule.drift, name) == fields["drift"]["properties"][name]["default"]
    risk = schema["$defs"]["risk"]["default"]
    assert rule.drift.false_alarms == rule.degradation.false_alarms == risk
    assert rule.degradation.batches == fields["degradation"]["properties"]["batches"]["default"]


def test_a_triggers_parameters_are_before_those_of_all():
    rule = RetrainingRule.parse(RULES["terms"])
    assert rule is not None
    assert rule.parameters_of("drift") == {"trials": 9}
    assert rule.parameters_of("new_rows") == {"trials": 3}
    assert (rule.window_seconds, rule.cooldown_seconds) == (90 * 86400.0, 7 * 86400.0)
    assert rule.triggers == ("new_rows",)


@pytest.mark.parametrize("name", RULES)
def test_it_comes_back_as_it_was(name):
    one = spec(RULES[name])
    assert MonitoredPipeline.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_one_of_an_earlier_version_has_the_rule_of_its_plans():
    raw = spec({"new_rows": 1}).to_json()
    del raw["promotion"]
    assert MonitoredPipeline.from_json(raw).promotion is None


WRONG = {
    "no object": lambda _: [],
    "a field more": lambda raw: {**raw, "class": "os.system"},
    "a field less": lambda raw: {name: raw[name] for name in raw if name != "rule"},
    "a later format": lambda raw: {**raw, "format": 2},
    "a folder elsewhere": lambda raw: {**raw, "pipeline": "../../etc"},
    "no text": lambda raw: {**raw, "environment": 3},
    "another rule": lambda raw: {**raw, "rule": {"new_rows": "all"}},
    "statistics of nothing": lambda raw: {**raw, "statistics": {"features": "x"}},
    "a Plan by another name": lambda raw: {**raw, "plans": {"training": "latest"}},
    "another flow": lambda raw: {**raw, "targets": {"serving": "local"}},
    "another promotion": lambda raw: {**raw, "promotion": {"metric": "x", "python": "os"}},
    "a promotion that is none": lambda raw: {**raw, "promotion": ["evaluate.mae"]},
    "a flag that is none": lambda raw: {**raw, "protected": "no"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_one_that_was_altered_isnt_taken(wrong):
    with pytest.raises(StoreError, match="expected what Atlas writes"):
        MonitoredPipeline.from_json(WRONG[wrong](spec({"new_rows": 1}).to_json()))
