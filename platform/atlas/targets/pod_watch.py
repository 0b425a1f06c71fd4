"""The pods of a run that is followed: looked at now and then, whatever the cluster answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from atlas.errors import PlatformError
from atlas.pods import cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.pods import Pod, PodsApi

_PAUSE = 5.0
"""Seconds between two looks at the pods of a run."""
_SILENCE = 60.0
"""Seconds without a further look, after a server that didn't answer or refused."""


class PodWatch:
    """Looks at pods every few seconds at the most, and never fails for what it can't see."""

    def __init__(self, cluster: PodsApi | None) -> None:
        """Look at the pods of a cluster; of none, nothing is seen."""
        self._cluster = cluster
        self._next: dict[str, float] = {}
        self._silent_until = 0.0
        self._seen: dict[str, list[Pod]] = {}

    @property
    def cluster(self) -> PodsApi | None:
        """Return the cluster; None where there is none, and while it doesn't answer."""
        return self._cluster if time.monotonic() >= self._silent_until else None

    def waiting(self, selector: str) -> list[Pod]:
        """Return the pods that labels select and that something keeps from starting."""
        cluster, now = self.cluster, time.monotonic()
        if cluster is not None and now >= self._next.get(selector, 0.0):
            try:
                self._seen[selector] = cluster.waiting(selector)
            except PlatformError:
                self._seen.pop(selector, None)
                self._silent_until = time.monotonic() + _SILENCE
            self._next[selector] = time.monotonic() + _PAUSE
        return self._seen.get(selector, [])

    def log(self, selector: str, is_of: Callable[[Pod], bool], *, is_over: bool) -> str:
        """Return the end of what the newest of some pods has printed; empty for what isn't seen.

        Args:
            selector: labels of the pods.
            is_of: tells which of these are meant.
            is_over: whether to add how the pod ended, or why it never started.
        """
        cluster = self.cluster
        if cluster is None:
            return ""
        try:
            pods = [pod for pod in cluster.pods(selector) if is_of(pod)]
            if not pods:
                return ""
            newest = max(pods, key=lambda pod: pod.created)
            text = cluster.log(newest)
        except PlatformError:
            self._silent_until = time.monotonic() + _SILENCE
            return ""
        return text + _last_line(text, newest) if is_over else text


def pods_unstarted(selectors: Mapping[str, str]) -> dict[str, list[str]]:
    """Return why pods of runs don't start, by name, of those of which some don't.

    Args:
        selectors: name → labels of the pods of its run.
    """
    watch = PodWatch(cluster() if selectors else None)
    found = {name: watch.waiting(selector) for name, selector in selectors.items()}
    return {name: unstarted(pods) for name, pods in found.items() if pods}


def unstarted(pods: Sequence[Pod]) -> list[str]:
    """Return that pods don't start, and why: a line for each reason, however many have it."""
    by_reason: dict[str, list[str]] = {}
    for pod in pods:
        by_reason.setdefault(pod.reason, []).append(pod.name)
    return [f"{_named(names)}: {reason}" for reason, names in by_reason.items()]


def _named(names: Sequence[str]) -> str:
    """Return which pods don't start: the one, or how many and the first."""
    if len(names) == 1:
        return f"pod {names[0]} doesn't start"
    return f"{len(names)} pods don't start, such as {names[0]}"


def _last_line(text: str, pod: Pod) -> str:
    """Return the line that says how a pod ended, or why it never started; empty for neither."""
    why = pod.end or (f"doesn't start: {pod.reason}" if pod.reason else "")
    start = "\n" if text and not text.endswith("\n") else ""
    return f"{start}pod {pod.name}: {why}\n" if why else ""
