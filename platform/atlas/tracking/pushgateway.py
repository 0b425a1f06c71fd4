"""The Pushgateway: groups of metrics that Prometheus scrapes, replaced as a whole or in part."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import RefusedError
from atlas.http.answers import excerpt
from atlas.http.credentials import pushgateway_authorization
from atlas.http.service import Patience, Service
from atlas.metrics.catalogue import GROUPING, JOB
from atlas.metrics.exposition import bounded
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_ACCEPTED = (200, 202)
_SECONDS = 10.0
"""For how long to wait for a Pushgateway, which compares each push with all that it has."""
_ONCE = Patience(refused=0.0, unanswered=0.0, busy=0.0, failed=0.0)


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """What one group of metrics is of: a pipeline's flow in an Environment.

    Attributes:
        environment: the Environment's name.
        pipeline: the Plan's name.
        flow: ``training`` or ``inference``.
    """

    environment: str
    pipeline: str
    flow: str

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, which every series in it has."""
        return dict(zip(GROUPING, (JOB, self.environment, self.pipeline, self.flow), strict=True))

    @property
    def digest(self) -> str:
        """What tells it from other groups, as part of a file's name."""
        return digest(asdict(self))[:32]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> MetricGroup:
        """Read back what `asdict` gave.

        Raises:
            ValueError: it isn't a group.
        """
        values = [raw.get(name) for name in cls.__slots__]
        if not all(isinstance(value, str) and value for value in values):
            raise ValueError("no group of metrics")
        return cls(*map(str, values))


class Pushgateway:
    """A Pushgateway. Nothing is sent twice: who calls keeps what it doesn't take."""

    def __init__(self, url: str, authorize: Callable[[], str] = pushgateway_authorization) -> None:
        """Use a Pushgateway; nothing is asked yet.

        Args:
            url: where it is.
            authorize: gives the value of the header ``Authorization``.
        """
        self._service = Service("pushgateway", url, authorize, _ONCE, seconds=_SECONDS)

    def replace(self, group: MetricGroup, text: str) -> None:
        """Replace all that is in a group.

        Raises:
            PlatformError: it doesn't answer, or refuses.
        """
        self._send("PUT", group.labels, text)

    def update(self, group: MetricGroup, text: str) -> None:
        """Replace those metrics of a group that the text has.

        Raises:
            PlatformError: it doesn't answer, or refuses.
        """
        self._send("POST", group.labels, text)

    def delete(self, group: MetricGroup) -> None:
        """Delete a group; one that isn't there is fine.

        Raises:
            PlatformError: it doesn't answer, or refuses.
        """
        self._send("DELETE", group.labels)

    def delete_former(self, group: MetricGroup, steps: Iterable[str]) -> None:
        """Delete the groups that earlier versions of Atlas pushed, one for each step.

        Raises:
            PlatformError: it doesn't answer, or refuses.
        """
        for step in steps:
            labels = {"job": JOB, "pipeline": group.pipeline, "flow": group.flow, "step": step}
            self._send("DELETE", labels)

    def _send(self, method: str, labels: Mapping[str, str], text: str = "") -> None:
        path = "/".join(_grouped(name, bounded(value)) for name, value in labels.items())
        answer = self._service.send(method, f"metrics/{path}", text.encode())
        if answer.status not in _ACCEPTED:
            problem = f"status {answer.status}: {excerpt(answer.content)}"
            where = f"pushgateway at {self._service.url}"
            raise RefusedError(f"{where}: {problem}", answer.status)


def _grouped(name: str, value: str) -> str:
    """Return one label of a group as the Pushgateway's path takes it: any text in base64."""
    encoded = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=") or "="
    return f"job/{value}" if name == "job" else f"{name}@base64/{encoded}"
