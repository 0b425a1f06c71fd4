"""Metrics on their way: what is newer stays, what waits is sent once, nothing is lost."""

from __future__ import annotations

import itertools
import random
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from atlas.errors import PlatformError, RefusedError
from atlas.store import FolderLocation
from atlas.tracking.metrics_outbox import (
    WAITING,
    MetricsOutbox,
    Recency,
    WaitingMetrics,
    deletion,
    send_all,
)
from atlas.tracking.pushgateway import MetricGroup, Pushgateway

GROUP = MetricGroup("prod", "prod-tumour", "inference")


@dataclass
class Gateway(Pushgateway):
    """A Pushgateway in memory: metric → value; what it is asked is kept."""

    groups: dict[MetricGroup, dict[str, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    down: Exception | None = None

    def __post_init__(self) -> None:
        self.refused: set[MetricGroup] = set()

    def replace(self, group: MetricGroup, text: str) -> None:
        self._call("replace", group)
        self.groups[group] = _samples(text)

    def update(self, group: MetricGroup, text: str) -> None:
        self._call("update", group)
        self.groups.setdefault(group, {}).update(_samples(text))

    def delete(self, group: MetricGroup) -> None:
        self._call("delete", group)
        self.groups.pop(group, None)

    def delete_former(self, group: MetricGroup, steps: object) -> None:
        self.calls.append(f"former {', '.join(map(str, steps))}")

    def _call(self, what: str, group: MetricGroup) -> None:
        if self.down is not None:
            raise self.down
        if group in self.refused:
            raise RefusedError("no", 400)
        self.calls.append(what)


def _samples(text: str) -> dict[str, str]:
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, value in pairs if name != "atlas_push_timestamp_seconds"}


def metrics(
    day: int, *, ok: bool = True, created: int = 0, interval: bool = True
) -> WaitingMetrics:
    """Return the metrics of a day's run."""
    end = f"2026-01-{day + 1:02}T00:00:00+00:00" if interval else ""
    recency = Recency(f"2026-02-01T00:{created or day:02}:00.000+00:00", end)
    return WaitingMetrics(
        GROUP, recency, f"r {day}\nok {int(ok)}\n", f"b {day}\n" if ok else "", ("score",)
    )


@pytest.fixture
def outbox(tmp_path: Path) -> MetricsOutbox:
    return MetricsOutbox(FolderLocation(tmp_path))


def waiting(outbox: MetricsOutbox) -> int:
    return len(outbox.location.names(WAITING))


def test_a_run_s_metrics_are_sent_once_and_the_former_groups_go_with_the_first(outbox) -> None:
    gateway = Gateway()
    for day in (1, 2):
        outbox.add(metrics(day))
        assert outbox.send(GROUP.digest, gateway)
    assert gateway.calls == ["replace", "former score", "replace"]
    assert gateway.groups[GROUP] == {"r": "2", "ok": "1", "b": "2"}
    assert outbox.send(GROUP.digest, gateway)
    assert waiting(outbox) == 0
    assert len(gateway.calls) == 3


def test_after_a_failure_the_batch_is_the_last_success(outbox) -> None:
    gateway = Gateway()
    for day, ok in ((1, True), (2, False)):
        outbox.add(metrics(day, ok=ok))
        outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "2", "ok": "0", "b": "1"}
    assert gateway.calls[-1] == "update"


def test_what_a_pushgateway_that_is_down_hasn_t_got_comes_later_in_one_request(outbox) -> None:
    gateway = Gateway(down=PlatformError("down"))
    for day, ok in ((1, True), (2, True), (3, False)):
        outbox.add(metrics(day, ok=ok))
        with pytest.raises(PlatformError, match="down"):
            outbox.send(GROUP.digest, gateway)
    assert waiting(outbox) == 3
    gateway.down = None
    assert outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "3", "ok": "0", "b": "2"}
    assert gateway.calls == ["replace", "former score"]
    assert waiting(outbox) == 0


def test_an_older_run_never_takes_a_newer_one_s_place(outbox) -> None:
    gateway = Gateway()
    outbox.add(metrics(5))
    outbox.send(GROUP.digest, gateway)
    outbox.add(metrics(4, created=50))  # Its interval is older, though it ran later.
    assert outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "5", "ok": "1", "b": "5"}
    outbox.add(metrics(5, ok=False))  # The run itself, tried again, replaces its own.
    outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "5", "ok": "0", "b": "5"}


def test_a_late_success_is_the_last_batch_though_a_newer_run_has_failed(outbox) -> None:
    gateway = Gateway()
    for day, ok in ((1, True), (3, False), (2, True)):
        outbox.add(metrics(day, ok=ok))
        outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "3", "ok": "0", "b": "2"}


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
def test_in_whatever_order_runs_are_delivered_the_end_is_the_same(tmp_path, order) -> None:
    """Some are sent at once and some wait; the newest run and the newest success are what stays."""
    generator = random.Random(str(order))
    outbox, gateway = MetricsOutbox(FolderLocation(tmp_path)), Gateway()
    for number in order:
        outbox.add(metrics(number + 1, ok=number in (0, 2)))
        if generator.random() < 0.5:
            outbox.send(GROUP.digest, gateway)
    outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "4", "ok": "0", "b": "3"}


def test_without_a_pushgateway_what_waits_is_bounded(outbox) -> None:
    for day in range(1, 20):
        outbox.add(metrics(day, ok=day % 5 == 0, interval=False))
        assert not outbox.send(GROUP.digest, None)
    assert waiting(outbox) == 2
    gateway = Gateway()
    outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "19", "ok": "0", "b": "15"}


def test_a_deletion_holds_against_runs_that_were_created_before_it(outbox) -> None:
    gateway = Gateway()
    outbox.add(metrics(1))
    outbox.send(GROUP.digest, gateway)
    gateway.down = PlatformError("down")
    outbox.add(deletion(GROUP))
    with pytest.raises(PlatformError):
        outbox.send(GROUP.digest, gateway)
    gateway.down = None
    outbox.add(metrics(2))  # Was under way when its pipeline was destroyed.
    assert outbox.send(GROUP.digest, gateway)
    assert gateway.groups == {}
    outbox.add(metrics(3))
    outbox.send(GROUP.digest, gateway)
    assert gateway.groups == {}
    later = Recency("2099-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00")
    outbox.add(WaitingMetrics(GROUP, later, "r 9\n", "b 9\n"))
    outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "9", "b": "9"}


@pytest.mark.parametrize(
    "broken", [b"", b"{}", b"[]", b"null", b'{"group": {}}', b"\xff", b"[" * 9999]
)
def test_a_damaged_file_costs_nothing_but_itself(outbox, broken) -> None:
    gateway = Gateway()
    outbox.location.write(f"{WAITING}/{GROUP.digest}.damaged.json", broken)
    outbox.location.write(f"metrics/pushed/{GROUP.digest}.json", broken)
    outbox.add(metrics(1))
    assert outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP]["r"] == "1"
    assert waiting(outbox) == 0


def test_a_refused_group_doesn_t_keep_the_others_waiting(outbox) -> None:
    gateway = Gateway()
    others = [MetricGroup("dev", f"p{number}", "training") for number in range(3)]
    gateway.refused = {others[1]}
    for group in others:
        outbox.add(WaitingMetrics(group, Recency("2026-01-01T00:00:00+00:00"), "r 1\n", "b 1\n"))
    with pytest.raises(RefusedError):
        send_all(outbox, gateway)
    assert set(gateway.groups) == {others[0], others[2]}
    gateway.refused = set()
    assert send_all(outbox, gateway) == 1
    assert waiting(outbox) == 0


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(1, 12))
def test_a_kill_between_any_two_writes_converges_on_the_second_try(outbox, monkeypatch, at) -> None:
    """Each write, removal and request may be the last thing that a process does."""
    gateway, left = Gateway(), itertools.count(1)

    def dying(call):
        def called(*arguments, **options):
            if next(left) == at:
                raise Killed
            return call(*arguments, **options)

        return called

    outbox.add(metrics(1))
    outbox.send(GROUP.digest, gateway)
    outbox.add(metrics(2))
    outbox.add(metrics(3, ok=False))
    with monkeypatch.context() as patch, suppress(Killed):
        for name in ("write", "remove", "read"):
            patch.setattr(FolderLocation, name, dying(getattr(FolderLocation, name)))
        for name in ("replace", "update", "delete_former"):
            patch.setattr(Gateway, name, dying(getattr(Gateway, name)))
        outbox.send(GROUP.digest, gateway)
    assert outbox.send(GROUP.digest, gateway)
    assert gateway.groups[GROUP] == {"r": "3", "ok": "0", "b": "2"}
    assert waiting(outbox) == 0
