"""The kind `AlertRules`: over a fake Prometheus what goes wrong, then over the real one of a platform."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atlas.alerts import RuleFlow, rule_file
from atlas.config_alerts import Alerts
from atlas.errors import DeployError, PartialFailureError, PlatformError
from atlas.kinds import content
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas_provider.kinds.alert_rules import NOT_LOADED, AlertRulesKind
from atlas_provider.kinds.process import ProcessKind
from atlas_provider.prometheus import Prometheus
from atlas_provider.rule_folder import RuleFolder
from atlas_provider.supervision import Supervisor
from infra.local import prometheus as infra_prometheus
from infra.local.prometheus_server import web_config
from tests.integration.atlas_provider.rigs import Rules
from tests.integration.atlas_provider.rigs import rule_file as group
from tests.servers import free_port

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here; it comes with Prometheus"
)
KIND = Handler(AlertRulesKind())
CONTEXT = OperationContext("alerts", 0.4)


@pytest.fixture
def rules(tmp_path: Path) -> Iterator[Rules]:
    made = Rules(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


def create(inputs: dict[str, Any]) -> dict[str, Any]:
    _, outputs = KIND.create(inputs, CONTEXT)
    return {**inputs, **outputs}


def read(state: dict[str, Any]) -> dict[str, str]:
    live = KIND.read("it", state, CONTEXT)
    return dict(live.inputs["members"]) if live else {}


def with_text(rules: Rules, name: str, text: bytes, **members: str) -> dict[str, Any]:
    """Return inputs of which one member has a text of its own."""
    inputs = rules.inputs(**members)
    return {**inputs, "members": {**inputs["members"], name: content.put(inputs["store"], text)}}


BROKEN = group("bad", "1").replace(b"vector(1) > 2", b"vector(1) >")


def test_what_promtool_refuses_is_never_written_and_the_others_are_loaded(rules: Rules):
    with pytest.raises(PartialFailureError) as failure:
        KIND.create(with_text(rules, "bad", BROKEN, good="1"), CONTEXT)
    assert "bad: promtool refuses it: " in str(failure.value)
    assert "parse error" in str(failure.value)
    assert failure.value.state.inputs.members.keys() == {"good"}
    assert rules.there() == {"good": "1"}


def test_alone_it_leaves_nothing(rules: Rules):
    with pytest.raises(DeployError, match="bad: promtool refuses it"):
        KIND.create(with_text(rules, "bad", BROKEN), CONTEXT)
    assert rules.there() == {}


def test_of_an_update_it_leaves_the_old_rules(rules: Rules):
    state = create(rules.inputs(bad="1", good="1", gone="1"))
    with pytest.raises(PartialFailureError) as failure:
        KIND.update("it", state, with_text(rules, "bad", BROKEN, good="2"), CONTEXT)
    assert rules.there() == {"bad": "1", "good": "2"}
    kept = failure.value.state.inputs.members
    assert kept == read(state)


def test_rules_without_their_digest_are_refused(rules: Rules):
    text = b"groups:\n- name: x\n  rules:\n  - alert: A\n    expr: up == 0\n"
    with pytest.raises(DeployError, match="x: found no rule `record: atlas:alert_rules:info`"):
        KIND.create(with_text(rules, "x", text), CONTEXT)


def test_a_prometheus_that_loads_nothing_gets_the_old_files_back(rules: Rules):
    state = create(rules.inputs(a="1", gone="9"))
    rules.fake.is_deaf = True
    with pytest.raises(PartialFailureError, match=r"a: Prometheus at .* didn't load it in 0 s"):
        KIND.update("it", state, rules.inputs(a="2", b="1"), CONTEXT)
    assert rules.there() == {"a": "1", "gone": "9"}


def test_another_broken_file_is_named(rules: Rules):
    other = rules.folder / "rules" / "mine.yml"
    other.write_text("groups: [{name: x, rules: [{alert: A, expr: 'up =='}]}]")
    rules.fake.is_deaf = True
    with pytest.raises(DeployError, match=rf"for another file is broken.*{other}.*parse error"):
        KIND.create(rules.inputs(a="1"), CONTEXT)
    assert [*rules.folder.glob("rules/*.yml")] == [other]


def test_a_prometheus_that_is_down_changes_nothing(rules: Rules):
    state = create(rules.inputs(a="1"))
    rules.fake.is_ready = False
    with pytest.raises(PlatformError, match="answers 503"):
        KIND.update("it", state, rules.inputs(a="2"), CONTEXT)
    rules.fake.is_ready = True
    assert rules.there() == {"a": "1"}
    gone = {"prometheus": f"http://127.0.0.1:{free_port()}"}
    there = read({**state, **gone})
    assert there == state["members"], "what can't be asked changes nothing of what is known"
    with pytest.raises(PlatformError, match="refused"):
        KIND.update("it", state, {**rules.inputs(a="2"), **gone}, CONTEXT)
    assert rules.there() == {"a": "1"}
    KIND.delete("it", {**state, **gone}, CONTEXT)
    assert [*rules.folder.glob("rules/*")] == [], "it finds no such files when it starts"


def test_drift(rules: Rules):
    """Edited, deleted, added by hand, and there but not loaded: each is seen, and mended."""
    desired = rules.inputs(a="1", b="2")
    state = create(desired)
    folder, own = rules.folder / "rules", "it.local+alerts@"
    (folder / f"{own}a.yml").write_bytes(group("a", "7"))
    (folder / f"{own}b.yml").unlink()
    (folder / f"{own}c.yml").write_bytes(group("c", "8"))
    rules.fake.reload()
    found = read(state)
    assert found["a"] == content.digest_of(group("a", "7"))
    assert {*found} == {"a", "c"}
    KIND.update("it", {**state, "members": found}, desired, CONTEXT)
    assert rules.there() == {"a": "1", "b": "2"}

    rules.fake.groups.clear()
    assert read(state) == {"a": NOT_LOADED, "b": NOT_LOADED}
    KIND.update("it", {**state, "members": read(state)}, desired, CONTEXT)
    assert read(state) == desired["members"]
    for file in folder.iterdir():
        file.unlink()
    assert KIND.read("it", state, CONTEXT) is None


def test_nothing_is_asked_for_what_is_loaded_already(rules: Rules):
    state = create(rules.inputs(a="1"))
    before = rules.fake.reloads
    KIND.update("it", state, rules.inputs(a="1"), CONTEXT)
    assert rules.fake.reloads == before


def test_an_interrupted_update_puts_back_what_was_there(rules: Rules):
    state = create(rules.inputs(a="1"))
    rules.fake.is_deaf = True
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(PartialFailureError, match="interrupted"):
        KIND.update("it", state, rules.inputs(a="2"), OperationContext("alerts", 30, cancelled))
    assert rules.there() == {"a": "1"}


def test_names_that_leave_the_folder_are_refused(rules: Rules):
    inputs = rules.inputs(a="1")
    for name in ("../a", ".hidden", "", "a/b", "a\nb"):
        failures = KIND.check({**inputs, "members": {name: "0" * 64}})
        assert [failure.property for failure in failures] == ["members"], name
    assert [f.property for f in KIND.check({**inputs, "owner": "../x"})] == ["owner"]


def test_a_folder_that_is_none_of_this_machines(rules: Rules):
    inputs = {**rules.inputs(a="1"), "rules": "s3://bucket/rules"}
    with pytest.raises(PlatformError, match="isn't a folder of this machine"):
        KIND.create(inputs, CONTEXT)
    inputs["rules"] = (rules.folder / "nowhere").as_uri()
    with pytest.raises(PlatformError, match="the folder of rules isn't there"):
        KIND.create(inputs, CONTEXT)
    KIND.delete("it", inputs, CONTEXT)


def test_without_promtool_nothing_is_loaded(rules: Rules, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(rules.folder))
    with pytest.raises(PlatformError, match="promtool: not found on PATH"):
        KIND.create(rules.inputs(a="1"), CONTEXT)
    assert rules.there() == {}


def test_it_is_imported_by_its_owner(rules: Rules):
    inputs = rules.inputs(a="1")
    create(inputs)
    query = "&".join(f"{n}={v}" for n, v in inputs.items() if n not in ("owner", "members"))
    live = KIND.read(f"it.local/alerts?{query}", {}, CONTEXT)
    assert (live.identity, live.inputs["members"]) == ("it.local/alerts", inputs["members"])
    with pytest.raises(DeployError, match="has no rules in"):
        KIND.read(f"other/alerts?{query}", {}, CONTEXT)


class Real:
    """The real Prometheus, as the local platform has it: supervised, behind its password."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("prometheus")
        if program is None:
            pytest.skip("no Prometheus here; `make setup` gets it where Debian's packages may be")
        self.folder, self.port = folder / "state" / "platform" / "local", free_port()
        ports = {"prometheus": self.port, "pushgateway": free_port()}
        files = infra_prometheus.files(ports, alertmanager=False)
        self.kind = Handler(ProcessKind())
        self.given = {
            "name": "prometheus", "folder": str(self.folder), "ports": {"http": self.port},
            "command": infra_prometheus.command(program), "healthCredentials": "prometheus",
            "files": {**files, "web.yml": web_config("prometheus")},
            "health": "http://127.0.0.1:{port:http}/-/ready", "healthTimeout": 60, "stopGrace": 5,
        }  # fmt: skip
        self.identity, outputs = self.kind.create(self.given, OperationContext("prometheus"))
        self.state = {**self.given, **outputs}
        self.root = self.folder / "prometheus" / "rules"
        self.url, self.secrets = f"http://127.0.0.1:{self.port}", folder / "state" / "secrets"
        self.prometheus = Prometheus(self.url, self.secrets.as_uri(), "prometheus")
        self.store = (folder / "store").as_uri()

    def inputs(self, *pipelines: str, **alerts: Any) -> dict[str, Any]:
        names = pipelines or ("shop",)
        flow = RuleFlow("shop-inference", "shop", "local", "inference", names, is_watched=True)
        return self.of(rule_file(flow, Alerts.parse(alerts)))

    def of(self, text: bytes) -> dict[str, Any]:
        return {
            "owner": "shop.local/alerts", "store": self.store, "prometheus": self.url,
            "members": {"shop-inference": content.put(self.store, text)},
            "rules": self.root.as_uri(), "credentials": "prometheus",
            "secrets": self.secrets.as_uri(),
        }  # fmt: skip

    def restart(self) -> None:
        self.kind.update(self.identity, self.state, self.given, OperationContext("prometheus"))

    def names(self) -> list[str]:
        return [group.name for group in self.prometheus.groups()]

    def query(self, text: str) -> Any:
        from urllib.parse import quote

        answer = self.prometheus.service.send("GET", f"api/v1/query?query={quote(text)}").json()
        return answer["data"]["result"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    made = Real(tmp_path_factory.mktemp("prometheus"))
    yield made
    Supervisor(made.folder).shut_down()


LIVE = OperationContext("alerts")


def test_the_real_one_loads_changes_and_unloads_them(real: Real):
    pid = Supervisor(real.folder).pid("prometheus")
    first, second = real.inputs(failed=True), real.inputs(failed=True, severity="critical")
    _, outputs = KIND.create(first, LIVE)
    state = {**first, **outputs}
    assert real.names() == ["shop-inference"]
    assert read(state) == first["members"]
    KIND.update("it", state, second, LIVE)
    assert read(state) == second["members"]
    KIND.delete("it", {**second, **outputs}, LIVE)
    assert real.names() == []
    assert [path.name for path in real.root.iterdir()] == ["README"]
    assert Supervisor(real.folder).pid("prometheus") == pid, "it was signalled, and not restarted"


def test_the_real_one_starts_with_whatever_was_loaded(real: Real):
    inputs = real.inputs(failed=True, stale="1h")
    _, outputs = KIND.create(inputs, LIVE)
    members = {**inputs["members"], "bad": content.put(real.store, BROKEN)}
    with pytest.raises(PartialFailureError, match="promtool refuses it"):
        KIND.update("it", {**inputs, **outputs}, {**inputs, "members": members}, LIVE)
    real.restart()
    assert real.names() == ["shop-inference"]
    KIND.delete("it", {**inputs, **outputs}, LIVE)


def test_the_real_one_refuses_all_for_one_broken_file(real: Real, monkeypatch: pytest.MonkeyPatch):
    """A file that somebody has put there by hand: it is named, and ours is put back."""
    inputs = real.inputs(failed=True)
    _, outputs = KIND.create(inputs, LIVE)
    other_rules = real.inputs(failed=True, severity="critical")
    other = real.root / "mine.yml"
    other.write_bytes(BROKEN)
    try:
        with pytest.raises(PartialFailureError, match=f"another file is broken.*{other}"):
            KIND.update("it", {**inputs, **outputs}, other_rules, OperationContext("a", 1))
        assert read({**inputs, **outputs}) == inputs["members"]
    finally:
        other.unlink()
    KIND.update("it", {**inputs, **outputs}, other_rules, LIVE)
    KIND.delete("it", {**inputs, **outputs}, LIVE)


def test_one_that_does_not_run_is_not_signalled_by_an_old_pid(real: Real):
    folder = real.folder / "nothing"
    (folder / "rules").mkdir(parents=True)
    (folder / "program.json").write_text("{}")
    with pytest.raises(PlatformError, match="nothing: not running"):
        RuleFolder.at((folder / "rules").as_uri(), "a").reload(real.prometheus)
    shutil.rmtree(folder)


def test_what_fires_is_read_with_its_labels_and_text(real: Real):
    """Nothing was ever pushed: `stale` fires at once where no time may pass."""
    inputs = real.inputs(
        "shop-a", "shop-b", stale="0s", labels={"team": "{{ x }}"}, runbook="https://x/y"
    )
    _, outputs = KIND.create(inputs, LIVE)
    end = time.monotonic() + 200
    while not (alerts := [alert for g in real.prometheus.groups() for alert in g.alerts]):
        assert time.monotonic() < end
        time.sleep(0.5)
    assert {(alert.name, alert.state) for alert in alerts} == {("AtlasMetricsStale", "firing")}
    assert {alert.labels["pipeline"] for alert in alerts} == {"shop-a", "shop-b"}
    assert alerts[0].labels["team"] == "{{ x }}"
    assert alerts[0].annotations["runbook_url"] == "https://x/y"
    assert "has pushed no metrics for more than 0" in alerts[0].annotations["summary"]
    assert json.dumps(alerts[0].to_json())
    KIND.delete("it", {**inputs, **outputs}, LIVE)


TOOK = "prometheus_rule_group_last_duration_seconds"


def test_rules_of_500_pipelines_take_no_time(real: Real):
    """By the time that Prometheus itself measures for a group: less than the interval."""
    names = tuple(f"shop-r{number}" for number in range(500))
    flow = RuleFlow(
        "shop-inference", "shop", "local", "inference", names, is_watched=True,
        schedule={"cron": "*/5 9-17 * * 1-5", "timezone": "Europe/Berlin"}, steps=frozenset({"evaluate"}),
    )  # fmt: skip
    asked = {
        "late": "2h",
        "failed": True,
        "stale": "1h",
        "metrics": [{"metric": "evaluate.x", "below": 1}],
    }
    inputs = real.of(rule_file(flow, Alerts.parse(asked)))
    _, outputs = KIND.create(inputs, LIVE)
    end = time.monotonic() + 200
    while len(real.query('atlas:alert_members{pipeline=~"shop-r.+"}')) < 500:
        assert time.monotonic() < end
        time.sleep(0.5)
    # It scrapes itself every five seconds.
    while not any(took := [float(one["value"][1]) for one in real.query(TOOK)]):
        assert time.monotonic() < end
        time.sleep(0.5)
    # It takes less than half a second of a processor; beside other tests it may take longer.
    assert max(took) < 60
    assert [group.errors for group in real.prometheus.groups()] == [{}]
    KIND.delete("it", {**inputs, **outputs}, LIVE)
