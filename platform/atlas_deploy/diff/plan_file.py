"""Plan files: what a preview saw, so that `deploy --plan` does exactly that or nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.advice import command
from atlas.errors import DeployError
from atlas.values import digest
from atlas_deploy.diff.members import shortened
from atlas_deploy.history.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas_deploy.diff.deployment import DeploymentDiff

_VERSION = 1
_RENAMED = {"basis": "fingerprint", "wanted": "desired"}
_NONE = "nothing"
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class PlannedStack:
    """What a preview saw of one stack.

    Attributes:
        fingerprint: of a stack that wasn't compared as a whole; empty for one that was.
        number: the last entry of its history, 0 for none.
        platform: digest of the platform's outputs.
        desired: digest of what is to be deployed.
        plans: digest of each member's Plan.
        live: digest of each member that is there.
        state: digest of each member in the stack's state.
    """

    fingerprint: str = ""
    number: int = 0
    platform: str = ""
    desired: str = ""
    plans: Mapping[str, str] | None = None
    live: Mapping[str, str] | None = None
    state: Mapping[str, str] | None = None

    @classmethod
    def of(cls, diff: DeploymentDiff) -> PlannedStack:
        """Return what a diff shows of a stack."""
        return cls(
            number=diff.entry.number if diff.entry else 0,
            platform=digest(
                {name: dict(service) for name, service in diff.services.by_name.items()}
            ),
            desired=Record.of(diff.parts).digest,
            plans=_flat(diff.after, "plans"),
            live=_flat(diff.before, "members") | _flat(diff.before, "plans", " plan"),
            state=_flat(diff.stated, "members") | _flat(diff.stated, "plans", " plan"),
        )


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan file.

    Attributes:
        path: the PATH that was previewed, absolute.
        environment: the Environment.
        stacks: what was seen of each stack.
        release: the release that was previewed; empty for the documents on disk.
    """

    path: str
    environment: str
    stacks: Mapping[str, PlannedStack]
    release: str = ""


def save(file: Path, plan: PlanFile) -> None:
    """Write a plan file, which only its owner may read.

    Raises:
        DeployError: it can't be written.
    """
    text = json.dumps({"version": _VERSION, **asdict(plan)}, indent=1, sort_keys=True)
    try:
        files.write(file.absolute(), text + "\n")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise DeployError(f"{file}: the plan can't be written: {why}") from None


def load(file: Path) -> PlanFile:
    """Read a plan file.

    Raises:
        DeployError: D011, it is none.
    """
    try:
        raw = json.loads(file.read_text("utf-8"))
        if raw["version"] != _VERSION:
            raise ValueError(f"its version is {raw['version']}, expected {_VERSION}")
        stacks = {name: _planned(fields) for name, fields in raw["stacks"].items()}
        release = str(raw.get("release", ""))
        return PlanFile(str(raw["path"]), str(raw["environment"]), stacks, release)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DeployError(
            f"{file}: no plan can be read ({_reason(error)}); "
            f"{command('preview', '--save', str(file))} writes one",
            code="D011",
        ) from None


def _planned(fields: Mapping[str, Any]) -> PlannedStack:
    """Return a stack of a plan file; an older Atlas wrote two fields under other names."""
    return PlannedStack(**{_RENAMED.get(name, name): value for name, value in fields.items()})


def require_same(planned: Mapping[str, PlannedStack], now: Mapping[str, PlannedStack]) -> None:
    """Refuse to deploy anything but what a preview showed.

    Raises:
        DeployError: D010, something has changed since.
    """
    lines = [
        line for stack in dict.fromkeys((*planned, *now)) for line in _moved(stack, planned, now)
    ]
    if lines:
        more = [f"and {len(lines) - _SHOWN} more differences"] if len(lines) > _SHOWN else []
        raise DeployError(
            "something has changed since this plan was saved; preview again:\n  "
            + "\n  ".join([*lines[:_SHOWN], *more]),
            code="D010",
        )


def _moved(
    stack: str, planned: Mapping[str, PlannedStack], now: Mapping[str, PlannedStack]
) -> Iterator[str]:
    """Return how a stack differs from what was seen, a line each."""
    if stack not in planned or stack not in now:
        yield f"{stack}: {'is new' if stack in now else 'is gone'}"
        return
    old, new = planned[stack], now[stack]
    if old.fingerprint != new.fingerprint:
        how = (
            "now changes, and didn't when the plan was saved"
            if old.fingerprint
            else "doesn't change any more"
        )
        yield f"{stack}: {how}"
        return
    differences = [*_differences(old, new)]
    if not differences and old != new:
        differences = ["what is to be deployed: its compiled files differ"]
    yield from (f"{stack}: {line}" for line in differences)


def _differences(old: PlannedStack, new: PlannedStack) -> Iterator[str]:
    """Return how a stack that was compared as a whole differs from what the plan has of it."""
    if old.number != new.number:
        yield f"history: deployment {new.number} is the last, was {old.number}"
    if old.platform != new.platform:
        yield "platform: its outputs have changed"
    for what in ("plans", "live", "state"):
        before, after = getattr(old, what) or {}, getattr(new, what) or {}
        for name in dict.fromkeys((*before, *after)):
            was, now = before.get(name, _NONE), after.get(name, _NONE)
            if was != now:
                yield f"{_WORDS[what]} {name}: {_short(was)}→{_short(now)}"


_WORDS = {"plans": "Plan of", "live": "live member", "state": "state of"}


def _flat(inputs: Mapping[str, Mapping[str, Any]], what: str, suffix: str = "") -> dict[str, str]:
    """Return what each member of all resources has."""
    return {
        f"{resource}/{member}{suffix}": str(value)
        for resource, resource_inputs in inputs.items()
        for member, value in resource_inputs.get(what, {}).items()
    }


def _short(text: str) -> str:
    return shortened(text) or text or _NONE


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error)


def planned_stacks(
    diffs: Sequence[DeploymentDiff], unchanged: Mapping[str, str]
) -> dict[str, PlannedStack]:
    """Return what a preview saw of all stacks.

    Args:
        diffs: of the deployments that were compared as a whole.
        unchanged: fingerprint of each other stack.
    """
    compared = {diff.deployment.stack: PlannedStack.of(diff) for diff in diffs}
    others = {stack: PlannedStack(fingerprint=text) for stack, text in unchanged.items()}
    return {**others, **compared}
