"""Prometheus and its rules: which are loaded, which alerts are active, and loading them again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.advice import bring_up
from atlas.alerts.group import DIGEST_RECORD
from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.http.answers import excerpt, objects, optional
from atlas.http.credentials import basic, read_private
from atlas.http.service import Service
from atlas.uris import secret_file

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRING, PENDING = "firing", "pending"
_OK = 200


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a rule.

    Attributes:
        name: the rule's name.
        state: `FIRING` or `PENDING`.
        labels: the alert's labels, with those of its rule.
        annotations: the alert's annotations, their templates filled in.
        since: when it became active, ISO 8601.
    """

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    since: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        plain = {name: getattr(self, name) for name in ("name", "state", "since")}
        return {**plain, "labels": dict(self.labels), "annotations": dict(self.annotations)}


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """A group of rules as Prometheus has loaded it.

    Attributes:
        file: path of its file, as Prometheus sees it.
        name: its name.
        digest: what `DIGEST_RECORD` says of it; empty for none.
        alerts: the active alerts of its rules.
        errors: why rules can't be evaluated, by the rule's name.
    """

    file: str
    name: str
    digest: str = ""
    alerts: tuple[Alert, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


class Prometheus:
    """A Prometheus server."""

    def __init__(self, url: str, secrets: str = "", credentials: str = "") -> None:
        """Use a server; nothing is asked yet.

        Args:
            url: where it is.
            secrets: URL of the folder of secrets.
            credentials: name of the secret to sign in with; empty for a server that is open.
        """
        path = secret_file(secrets, credentials)

        def authorization() -> str:
            return basic(*read_private(path, credentials)) if path else ""

        self.service = Service("prometheus", url, authorization)

    def require_ready(self) -> None:
        """Ask whether it serves.

        Raises:
            PlatformError: it doesn't.
        """
        try:
            status = self.service.send("GET", "-/ready").status
        except PlatformError as error:
            raise PlatformError(f"{error}; {bring_up('brings it back')}") from error
        if status != _OK:
            url = self.service.url
            raise PlatformError(f"prometheus at {url} answers {status}; {bring_up('repairs it')}")

    def groups(self) -> list[RuleGroup]:
        """Return the rule groups that it has loaded.

        Raises:
            PlatformError: it doesn't answer, or refuses.
        """
        answer = self.service.send("GET", "api/v1/rules")
        if answer.status != _OK:
            text = f"status {answer.status}: {excerpt(answer.content)}"
            raise PlatformError(f"prometheus at {self.service.url}: {text}")
        where = f"prometheus at {self.service.url}: api/v1/rules"
        data: dict[str, Any] = optional(answer.json(), "data", {}, where)
        return [_group(raw, where) for raw in objects(data, "groups", where, "name", "file")]

    def reload(self) -> None:
        """Ask it to load its configuration and rules again.

        Raises:
            PlatformError: it doesn't answer, or refuses.
        """
        answer = self.service.send("POST", "-/reload", b"", repeatable=True)
        if answer.status != _OK:
            raise PlatformError(
                f"prometheus at {self.service.url}: refuses to load its rules again (status "
                f"{answer.status}: {excerpt(answer.content)}); expected a Prometheus that was "
                "started with --web.enable-lifecycle"
            )


def _group(raw: Mapping[str, Any], where: str) -> RuleGroup:
    """Return a group from the API's JSON."""
    rules = objects(raw, "rules", where, "name") if raw.get("rules") else []
    digests = [_texts(rule, "labels").get("digest", "") for rule in rules if _is_digest(rule)]
    return RuleGroup(
        raw["file"],
        raw["name"],
        digests[0] if digests else "",
        tuple(_alert(rule["name"], alert) for rule in rules for alert in rule.get("alerts") or ()),
        {rule["name"]: str(rule["lastError"]) for rule in rules if rule.get("lastError")},
    )


def _is_digest(rule: Mapping[str, Any]) -> bool:
    return bool(rule["name"] == DIGEST_RECORD)


def _alert(name: str, raw: Mapping[str, Any]) -> Alert:
    """Return an alert from the API's JSON."""
    labels, annotations = _texts(raw, "labels"), _texts(raw, "annotations")
    return Alert(
        name, str(raw.get("state", "")), labels, annotations, str(raw.get("activeAt") or "")
    )


def _texts(raw: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return a mapping of texts; an empty one where there is none."""
    with suppress(AttributeError, TypeError):
        return {str(name): str(text) for name, text in raw[key].items()} if raw.get(key) else {}
    return {}
