"""Releases as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from atlas_deploy.operations.release_rollback import ReleaseRollback
    from atlas_deploy.operations.releasing import ReleaseOutcome
    from atlas_deploy.releases.lock import ReleaseLock
    from atlas_deploy.releases.tags import Release

_DIGITS = 12
_MOST = 10
_ACTIONS = {
    "made": "made",
    "completed": "was begun before, and is complete now",
    "there": "is there already, and pins the same: nothing to do",
    "planned": "would be made",
}


def render_outcome(outcome: ReleaseOutcome) -> str:
    """Return what came of releasing a Config, for a person."""
    lock = outcome.lock
    where = f"; {outcome.pushed} has it" if outcome.pushed else ""
    head = f"{lock.release}: {_ACTIONS[outcome.action]}{where}"
    lines = [head, *_pins(lock)]
    lines += [f"takes up: {text}" for text in outcome.requested]
    lines += [f"not for environment {name}: {why}" for name, why in outcome.skipped.items()]
    lines += [f"warning: {text}" for text in outcome.warnings]
    return "\n  ".join(lines)


def render_release(release: Release) -> str:
    """Return a release for a person."""
    signed = "signed" if release.signed else "not signed"
    head = f"{release.name}: {_moment(release)} by {release.by}, {signed}"
    message = [line for line in release.message.splitlines() if line]
    return "\n  ".join([head, *message, *_pins(release.lock)])


def render_releases(
    releases: Sequence[Release], table: Callable[[Sequence[str], Sequence[Sequence[str]]], str]
) -> str:
    """Return the releases of a repository for a person, the newest of each Config first."""
    if not releases:
        return "no releases"
    rows = [
        (
            release.name,
            _moment(release),
            release.by.partition(" <")[0],
            release.lock.commit[:_DIGITS],
            " ".join(sorted(release.lock.plans)),
            " ".join(_models(release.lock)) or "-",
        )
        for release in reversed(releases)
    ]
    return table(("RELEASE", "AT", "BY", "COMMIT", "ENVIRONMENTS", "MODELS"), rows)


def render_rollback(done: ReleaseRollback) -> str:
    """Return what a rollback to a release did, for a person."""
    from atlas_deploy.apply.render import render_result

    lines = [render_result(done.result), f"  as {done.release} was released"]
    lines += [
        f"  model {name}: version {new} is the champion again; it was version {old or 'none'}"
        for name, (old, new) in done.champions.items()
    ]
    return "\n".join(lines)


def _moment(release: Release) -> str:
    return datetime.fromtimestamp(release.time, UTC).isoformat(timespec="seconds")


def _pins(lock: ReleaseLock) -> Iterator[str]:
    yield f"commit {lock.commit[:_DIGITS]}, Atlas {lock.atlas}"
    yield f"for environments: {', '.join(sorted(lock.plans))}"
    models = list(_models(lock))
    if models:
        yield f"models: {', '.join(models)}"
    for name, image in sorted(lock.images.items()):
        yield f"image {name}: {image.reference[: image.reference.index('@') + 8 + _DIGITS]}"


def _models(lock: ReleaseLock) -> Iterator[str]:
    """Return the first model versions of a lock, and how many more there are."""
    models = sorted({(model.name, model.version) for model in lock.models.values()})
    yield from (f"{name}/{version}" for name, version in models[:_MOST])
    if len(models) > _MOST:
        yield f"and {len(models) - _MOST} more"
