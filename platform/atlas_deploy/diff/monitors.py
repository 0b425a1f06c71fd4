"""How what monitors look at differs, word by word of the Config's ``retraining``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.monitor.bundle import MonitoredConfig
from atlas_deploy.desired.monitors import summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.monitor.spec import MonitoredPipeline


def monitor_details(old: bytes, new: bytes) -> tuple[str, ...]:
    """Return how what is monitored differs; of a new monitor, what it looks for.

    Args:
        old: what is monitored now, as the store has it; empty for nothing, or where it isn't known.
        new: what will be; empty for nothing.
    """
    before, after = _read(old), _read(new)
    if not after:
        return ()
    if not before:
        return (_count(after), *summary(next(iter(after.values()))))
    return tuple(_changes(before, after))


def _changes(
    before: Mapping[str, MonitoredPipeline], after: Mapping[str, MonitoredPipeline]
) -> Iterator[str]:
    added, removed = after.keys() - before.keys(), before.keys() - after.keys()
    yield from (f"{name} is monitored" for name in sorted(added))
    yield from (f"{name} is no longer monitored" for name in sorted(removed))
    old = {line.partition(": ")[0]: line for line in summary(next(iter(before.values())))}
    new = {line.partition(": ")[0]: line for line in summary(next(iter(after.values())))}
    for name in dict.fromkeys((*new, *old)):
        if name not in new:
            yield f"{name} removed"
        elif old.get(name) != new[name]:
            yield f"{old[name]} → {new[name].partition(': ')[2]}" if name in old else new[name]


def _count(specs: Mapping[str, MonitoredPipeline]) -> str:
    names = sorted(specs)
    return f"of {names[0]}" if len(names) == 1 else f"of {len(names):,} pipelines"


def _read(text: bytes) -> Mapping[str, MonitoredPipeline]:
    """Return what is monitored; nothing where that can't be read."""
    try:
        return MonitoredConfig.from_bytes(text).pipelines if text else {}
    except StoreError:
        return {}
