"""How the software differs by which two runs were made: Python, packages and images."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.step.outcome import Outcome

_MOST = 10
_UNRECORDED = (
    "the run has recorded neither Python nor packages, as an earlier version of Atlas did: whether "
    "they are the same isn't known"
)


def differences_of(then: Mapping[str, Outcome], now: Mapping[str, Outcome]) -> Iterator[str]:
    """Give in words how the software differs, each difference once."""
    if then and not any(outcome.provenance for outcome in then.values()):
        yield _UNRECORDED
        return
    before, after = _versions(then), _versions(now)
    names = [name for name in before if name in after and before[name] != after[name]]
    texts = [f"{name} was {before[name]}, and is {after[name]}" for name in names]
    yield from texts[:_MOST]
    if len(texts) > _MOST:
        yield f"{len(texts) - _MOST} more packages are of another version"


def _versions(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """Return the version of Python and of each package that steps had; several as one text."""
    versions: dict[str, set[str]] = {}
    for outcome in outcomes.values():
        made_with = outcome.provenance
        if made_with.get("python"):
            versions.setdefault("Python", set()).add(str(made_with["python"]))
        packages = made_with.get("packages", {})
        for name, version in packages.items() if isinstance(packages, dict) else ():
            versions.setdefault(name, set()).add(str(version))
    return {name: " and ".join(sorted(known)) for name, known in sorted(versions.items())}
