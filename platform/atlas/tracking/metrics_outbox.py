"""Metrics on their way to the Pushgateway: kept in the store until it has them, the newest last.

    <store>/metrics/waiting/<group>.<run>.json   what a run measured, or that a group is to go
    <store>/metrics/pushed/<group>.json          which run the Pushgateway has the metrics of

They are in the store, for that is what all that push have in common: Airflow's tasks, Kubeflow's
containers, this machine. Whoever pushes sends what waits, too. A run's metrics are written down
before they are sent, so a process that is killed loses none; and a group's files are read and sent
under a lock, so an older run's metrics never take the place of a newer one's.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import RefusedError
from atlas.metrics.exposition import Sample, page
from atlas.metrics.metric import PUSH
from atlas.store.exclusive import exclusive
from atlas.tracking.pushgateway import MetricGroup
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.store import Location
    from atlas.tracking.pushgateway import Pushgateway

WAITING, PUSHED = "metrics/waiting", "metrics/pushed"
_LOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Recency:
    """How new a run's metrics are, among those of its group.

    Attributes:
        created: when the run was created, ISO 8601 in UTC.
        interval_end: end of its interval, or empty. Of two runs that have one, the later one is
            the newer run, whenever they were created.
    """

    created: str
    interval_end: str = ""

    def is_older(self, other: Recency | None) -> bool:
        """Tell whether a run is older than another; nothing is older than no run."""
        if other is None:
            return False
        if self.interval_end and other.interval_end and self.interval_end != other.interval_end:
            ends = _time(self.interval_end), _time(other.interval_end)
            if ends[0] != ends[1]:
                return ends[0] < ends[1]
        return _time(self.created) < _time(other.created)


@dataclass(frozen=True, slots=True)
class WaitingMetrics:
    """What waits to be pushed.

    Attributes:
        group: where to.
        recency: of the run; of a deletion, when it was asked for.
        run: text of the part that each run replaces; empty for a deletion.
        batch: text of the part that a successful run replaces, or empty.
        steps: the steps whose groups an earlier version of Atlas may have pushed.
        deletes: whether the group is to be deleted.
    """

    group: MetricGroup
    recency: Recency
    run: str = ""
    batch: str = ""
    steps: tuple[str, ...] = ()
    deletes: bool = False

    @property
    def key(self) -> str:
        """Its file: a run's metrics take the place of those that it had before."""
        own = digest([asdict(self.recency), self.deletes])[:16]
        return f"{WAITING}/{self.group.digest}.{own}.json"

    @classmethod
    def parse(cls, text: bytes) -> WaitingMetrics:
        """Read back what is in its file.

        Raises:
            ValueError: it isn't such a file.
        """
        try:
            raw = json.loads(text)
            recency = _recency(raw["recency"])
            group = MetricGroup.from_json(raw["group"])
            texts = raw["run"], raw["batch"]
            steps = tuple(map(str, raw["steps"]))
            deletes = raw["deletes"] is True
        except (KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError("no metrics that wait") from None
        if recency is None or not all(isinstance(text, str) for text in texts):
            raise ValueError("no metrics that wait")
        return cls(group, recency, *texts, steps, deletes)


@dataclass(slots=True)
class _Pushed:
    """Which run the Pushgateway has each part of a group of."""

    run: Recency | None = None
    batch: Recency | None = None


@dataclass(frozen=True, slots=True)
class MetricsOutbox:
    """What waits in a store to be pushed.

    Attributes:
        location: where the store's files are.
    """

    location: Location

    def add(self, waiting: WaitingMetrics) -> None:
        """Keep metrics, or that a group is to go.

        Raises:
            StoreError: the store can't be written.
        """
        self.location.write(waiting.key, canonical(asdict(waiting)).encode())

    def groups(self) -> list[str]:
        """Return the digests of the groups of which something waits."""
        names = self.location.names(WAITING)
        return sorted({name.partition(".")[0] for name in names})

    def send(self, group: str, gateway: Pushgateway | None) -> bool:
        """Send what waits of a group; without a Pushgateway, forget what newer runs replace.

        Args:
            group: the group's digest.
            gateway: where to, or None.

        Returns:
            Whether nothing waits any more; it may be that another process is sending it.

        Raises:
            PlatformError: the Pushgateway doesn't answer, or refuses; what waits stays.
            StoreError: the store can't be written.
        """
        with exclusive(self.location, f"metrics {group}", wait=_LOCK_SECONDS) as is_held:
            if not is_held:
                return False
            files = dict(self._waiting(group))
            pushed = self._pushed(group)
            kept = _newest([*files.values()], pushed)
            if gateway is not None and kept:
                _push(gateway, kept, pushed)
                self.location.write(f"{PUSHED}/{group}.json", canonical(asdict(pushed)).encode())
                kept = []
            for key, waiting in files.items():
                if waiting not in kept:
                    self.location.remove(key)
            return not kept

    def _waiting(self, group: str) -> Iterator[tuple[str, WaitingMetrics]]:
        """Return what waits of a group, by its file; a file that can't be read is removed."""
        for name in self.location.names(WAITING):
            if name.partition(".")[0] != group:
                continue
            key = f"{WAITING}/{name}"
            try:
                yield key, WaitingMetrics.parse(self.location.read(key))
            except FileNotFoundError:
                continue
            except ValueError:
                self.location.remove(key)

    def _pushed(self, group: str) -> _Pushed:
        try:
            raw = json.loads(self.location.read(f"{PUSHED}/{group}.json"))
            return _Pushed(_recency(raw["run"]), _recency(raw["batch"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
            return _Pushed()


def send_all(outbox: MetricsOutbox, gateway: Pushgateway, seconds: float = math.inf) -> int:
    """Send what waits of any group; return of how many groups.

    A group that the Pushgateway refuses doesn't keep it from getting the others.

    Args:
        outbox: where it waits.
        gateway: where to.
        seconds: after which no other group is begun; one is sent in any case.

    Raises:
        PlatformError: the Pushgateway doesn't answer, or has refused a group.
        StoreError: the store can't be written.
    """
    end, sent = time.monotonic() + seconds, 0
    refusal: RefusedError | None = None
    for group in outbox.groups():
        try:
            sent += outbox.send(group, gateway)
        except RefusedError as error:
            refusal = error
        if time.monotonic() >= end:
            break
    if refusal is not None:
        raise refusal
    return sent


def deletion(group: MetricGroup, steps: Sequence[str] = ()) -> WaitingMetrics:
    """Return the deletion of a group: metrics of runs that were created before it go as well.

    Args:
        group: the group.
        steps: the steps whose groups an earlier version of Atlas may have pushed.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return WaitingMetrics(group, Recency(now), steps=tuple(steps), deletes=True)


def _newest(waiting: Sequence[WaitingMetrics], pushed: _Pushed) -> list[WaitingMetrics]:
    """Return what is to be sent: a deletion, the last run and the last successful one."""
    deletes = _last([item for item in waiting if item.deletes])
    since = deletes.recency if deletes else None
    runs = [item for item in waiting if not item.deletes and not item.recency.is_older(since)]
    run = _last([item for item in runs if not item.recency.is_older(pushed.run)])
    whole = [item for item in runs if item.batch and not item.recency.is_older(pushed.batch)]
    chosen = (deletes, _last(whole), run)
    return list(dict.fromkeys(item for item in chosen if item is not None))


def _last(waiting: Sequence[WaitingMetrics]) -> WaitingMetrics | None:
    newest: WaitingMetrics | None = None
    for item in waiting:
        if newest is None or not item.recency.is_older(newest.recency):
            newest = item
    return newest


def _push(gateway: Pushgateway, waiting: Sequence[WaitingMetrics], pushed: _Pushed) -> None:
    """Bring a group up to date with one request, after a deletion that may be due."""
    group = waiting[0].group
    if waiting[0].deletes:
        gateway.delete(group)
        gateway.delete_former(group, waiting[0].steps)
        pushed.run = pushed.batch = waiting[0].recency
    runs = [item for item in waiting if not item.deletes]
    if not runs:
        return
    is_first = pushed.run is None
    now = page([Sample("atlas_push_timestamp_seconds", time.time())], PUSH)
    run, batch = runs[-1], next((item for item in runs if item.batch), None)
    has_run = not run.recency.is_older(pushed.run)
    text = "".join((run.run if has_run else "", batch.batch if batch else "", now))
    send = gateway.replace if has_run and batch else gateway.update
    send(group, text)
    if is_first:
        gateway.delete_former(group, run.steps)
    pushed.run = run.recency if has_run else pushed.run
    pushed.batch = batch.recency if batch else pushed.batch


def _recency(raw: Mapping[str, Any] | None) -> Recency | None:
    """Read back a recency.

    Raises:
        ValueError: it is none.
    """
    if raw is None:
        return None
    recency = Recency(str(raw["created"]), str(raw["interval_end"]))
    _time(recency.created)
    _time(recency.interval_end or recency.created)
    return recency


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
