"""A registry of images, over the distribution API: digests, tags, deletion."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from atlas.errors import PlatformError
from atlas.images.builders import is_loopback
from atlas.images.credentials import credentials_of

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.images.credentials import Credentials

_MANIFESTS = ", ".join(
    f"application/vnd.{kind}"
    for kind in (
        "oci.image.manifest.v1+json",
        "docker.distribution.manifest.v2+json",
        "oci.image.index.v1+json",
        "docker.distribution.manifest.list.v2+json",
    )
)
_PATIENCE = 30.0
_MISSING, _REFUSED, _NOT_ALLOWED = 404, (401, 403), 405


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image as a registry has it: its digest, and the bytes of its layers and configuration."""

    digest: str
    size: int


def host_at(url: str) -> str:
    """Return host and port of an address: ``http://host:port``, or the two alone."""
    return re.sub(r"^\w+://", "", url).rstrip("/")


class Registry:
    """One registry.

    Attributes:
        host: its host and port, as references have it.
        credentials: who asks; None for anybody.
        plain: whether it speaks http, as only one on this machine may.
    """

    def __init__(self, host: str, credentials: Credentials | None = None) -> None:
        """Use a registry; nothing is asked yet."""
        self.host = host
        self.credentials = credentials
        self.plain = is_loopback(host)
        self._root = f"{'http' if self.plain else 'https'}://{host}"
        self._tokens: dict[str, str] = {}

    @classmethod
    def at(cls, url: str, secret: Path | None = None) -> Registry:
        """Return the registry at an address, with the credentials that are found for it.

        Args:
            url: ``http://host:port``, or host and port alone.
            secret: file of the platform's secret for it.
        """
        host = host_at(url)
        return cls(host, credentials_of(host, secret))

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return an image's manifest by tag or digest; None when there is none.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            content, headers = self._ask("GET", repository, f"manifests/{reference}")
        except FileNotFoundError:
            return None
        raw: dict[str, Any] = json.loads(content)
        parts = [raw.get("config", {}), *raw.get("layers", ())]
        size = sum(int(part.get("size", 0)) for part in parts)
        return Manifest(headers.get("docker-content-digest", ""), size)

    def digest(self, repository: str, reference: str) -> str:
        """Return an image's digest by tag or digest; empty when there is no such image.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            _, headers = self._ask("HEAD", repository, f"manifests/{reference}")
        except FileNotFoundError:
            return ""
        return headers.get("docker-content-digest", "")

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, sorted; of one that isn't there, none.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            content, _ = self._ask("GET", repository, "tags/list")
        except FileNotFoundError:
            return []
        return sorted(json.loads(content).get("tags") or ())

    def delete(self, repository: str, digest: str) -> bool:
        """Delete an image by its digest; tell whether it was there.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            self._ask("DELETE", repository, f"manifests/{digest}")
        except FileNotFoundError:
            return False
        return True

    def check(self) -> None:
        """Ask whether the registry answers and takes the credentials.

        Raises:
            PlatformError: I206, it doesn't.
        """
        self._ask("GET", "", "")

    def _ask(self, method: str, repository: str, path: str) -> tuple[bytes, dict[str, str]]:
        """Send one request; FileNotFoundError for what isn't there."""
        where = "/".join(filter(None, (quote(repository), quote(path, safe="/:@"))))
        url = f"{self._root}/v2/{where}"
        try:
            return self._sent(method, url, repository, self._tokens.get(repository, ""))
        except urllib.error.HTTPError as error:
            with error:
                token = self._token(repository, error)
            if not token:
                raise self._failure(error) from None
        except (OSError, ValueError) as error:
            raise self._silence(error) from None
        self._tokens[repository] = token
        try:
            return self._sent(method, url, repository, token)
        except urllib.error.HTTPError as error:
            with error:
                raise self._failure(error) from None

    def _sent(
        self, method: str, url: str, repository: str, token: str
    ) -> tuple[bytes, dict[str, str]]:
        headers = {"Accept": _MANIFESTS}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        elif self.credentials:
            headers["Authorization"] = f"Basic {self.credentials.basic}"
        request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            return answer.read(), {key.lower(): value for key, value in answer.headers.items()}

    def _token(self, repository: str, error: urllib.error.HTTPError) -> str:
        """Get the token that a registry with a token service asks for; empty for another error."""
        challenge = error.headers.get("www-authenticate", "")
        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        if error.code not in _REFUSED or not challenge.lower().startswith("bearer"):
            return ""
        if not self.plain and not asked.get("realm", "").startswith("https://"):
            return ""
        scope = asked.get("scope") or f"repository:{repository}:pull,push,delete"
        query = urlencode({"service": asked.get("service", ""), "scope": scope})
        try:
            content, _ = self._sent("GET", f"{asked['realm']}?{query}", repository, "")
            raw = json.loads(content)
        except (OSError, ValueError, KeyError):
            return ""
        return str(raw.get("token") or raw.get("access_token") or "")

    def _failure(self, error: urllib.error.HTTPError) -> Exception:
        """Return what to raise for an answer that is none."""
        if error.code == _MISSING:
            return FileNotFoundError(self.host)
        if error.code in _REFUSED:
            who = f"the credentials of '{self.credentials.username}'" if self.credentials else ""
            what = f"refuses {who or 'a request without credentials'}"
            hint = f"log in with `podman login {self.host}`, or mend the platform's secret"
            return PlatformError(f"I206: registry {self.host}: {what}; {hint}")
        if error.code == _NOT_ALLOWED:
            message = "doesn't allow that; deletion has to be enabled in its configuration"
            return PlatformError(f"I206: registry {self.host}: {message}")
        return PlatformError(f"I206: registry {self.host}: answers {error.code} {error.reason}")

    def _silence(self, error: Exception) -> PlatformError:
        reason = getattr(error, "reason", None) or error
        hint = "is it up? `atlas up` brings a local one up"
        return PlatformError(f"I206: registry {self.host}: doesn't answer: {reason}; {hint}")
