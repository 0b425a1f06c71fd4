"""Having a running Prometheus load rule files: written, loaded, looked for, and else put back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING

from atlas.advice import bring_up
from atlas.alerts.group import DIGEST_RECORD
from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.waiting import Clock, wait_until

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from atlas_provider.prometheus import Prometheus, RuleGroup
    from atlas_provider.rule_place import RulePlace

_POLL_SECONDS = 0.05


def stated_digest(content: bytes) -> str:
    """Return what a rule file says of what it holds, by `DIGEST_RECORD`; empty for nothing."""
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C takes a tenth of it
        groups = yaml.load(content, loader)["groups"]  # noqa: S506 - either is safe
        rules = [rule for group in groups for rule in group["rules"]]
        records = [rule for rule in rules if rule.get("record") == DIGEST_RECORD]
        return str(records[0]["labels"]["digest"])
    except (yaml.YAMLError, LookupError, TypeError, AttributeError):
        return ""


@dataclass(frozen=True, slots=True)
class RuleLoading:
    """Loads the rules of one owner.

    Attributes:
        place: where the files are.
        prometheus: what loads them.
        seconds: how long it may take.
        cancelled: set when to give up early.
    """

    place: RulePlace
    prometheus: Prometheus
    seconds: float
    cancelled: threading.Event
    _written: dict[str, bytes | None] = field(default_factory=dict)

    def run(self, contents: Mapping[str, bytes | None]) -> dict[str, str]:
        """Write files that differ, remove others, and wait until Prometheus has loaded just these.

        Args:
            contents: what each group's file should have; None for none.

        Returns:
            Why, of each that isn't as it should be; its old file is back.

        Raises:
            PlatformError: Prometheus doesn't answer, or can't be told; all old files are back then.
        """
        try:
            self._write(contents)
            missing = self._missing(contents)
            if self._written or missing:
                self.place.reload(self.prometheus)
                missing = self._wait(contents)
            reason = self._reason() if missing else ""
        except BaseException:
            self._put_back([*self._written])
            raise
        self._put_back([name for name in missing if name in self._written])
        return dict.fromkeys(missing, reason)

    def _write(self, contents: Mapping[str, bytes | None]) -> None:
        """Write the files that differ."""
        for name, content in contents.items():
            old = self.place.read(name)
            if old != content:
                self._written[name] = old
                self.place.write(name, content)

    def _put_back(self, names: list[str]) -> None:
        """Give files their earlier content back, and have that loaded."""
        for name in names:
            self.place.write(name, self._written[name])
        if names:
            with suppress(PlatformError):
                self.place.reload(self.prometheus)

    def _wait(self, contents: Mapping[str, bytes | None]) -> list[str]:
        """Return the groups that aren't loaded as they should be when the time is over."""
        missing: list[str] = []

        def is_done() -> bool:
            missing[:] = self._missing(contents)
            return not missing or self.cancelled.is_set()

        wait_until(is_done, self.seconds, _POLL_SECONDS, Clock(sleep=self.cancelled.wait))
        return missing

    def _missing(self, contents: Mapping[str, bytes | None]) -> list[str]:
        """Return the groups that Prometheus hasn't loaded as their files should be."""
        groups = self.prometheus.groups()
        return [
            name
            for name, content in contents.items()
            if not is_loaded(self.place, groups, name, content)
        ]

    def _reason(self) -> str:
        """Return why Prometheus hasn't loaded the rules."""
        if self.cancelled.is_set():
            return "interrupted before Prometheus loaded it"
        text = f"Prometheus at {self.prometheus.service.url} didn't load it in {self.seconds:.0f} s"
        obstacle = self.place.obstacle()
        if obstacle:
            return f"{text}, {obstacle}"
        return f"{text}; its log says why; {bring_up('repairs it')}"


def is_loaded(place: RulePlace, groups: list[RuleGroup], name: str, content: bytes | None) -> bool:
    """Tell whether Prometheus has a group's file loaded with this content; None for no such file.

    Args:
        place: where the file is.
        groups: what Prometheus has.
        name: the group's name.
        content: what its file should have.
    """
    digests = [group.digest for group in groups if place.is_of(group.file, name)]
    return not digests if content is None else stated_digest(content) in filter(None, digests)
