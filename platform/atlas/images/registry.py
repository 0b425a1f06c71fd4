"""A registry of images, over the distribution API: digests, tags, small uploads, deletion."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from atlas.advice import bring_up
from atlas.errors import PlatformError, RefusedError
from atlas.http.redirects import SameOrigin
from atlas.images.amazon import HINT, is_amazon
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
_MISSING, _REFUSED, _NOT_ALLOWED, _BROKEN = 404, (401, 403), 405, 500


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image as a registry has it: its digest, and the bytes of its layers and configuration."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class _Call:
    """One request: what it sends, and for which repository."""

    method: str
    url: str
    repository: str
    content: bytes | None = None
    kind: str = ""


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

    def described(self, repository: str, digest: str) -> dict[str, Any]:
        """Return the descriptor of a manifest: its media type, digest and size.

        Raises:
            PlatformError: I206, it isn't there, or the registry refuses, or doesn't answer.
        """
        try:
            content, headers = self._ask("GET", repository, f"manifests/{digest}")
        except FileNotFoundError:
            what = f"registry {self.host}: doesn't have {repository}@{digest}"
            raise PlatformError(f"I206: {what}; build again") from None
        kind = headers.get("content-type", "").partition(";")[0]
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def document(self, repository: str, path: str) -> dict[str, Any]:
        """Return JSON that a repository has at a path; empty when there is none.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            content, _ = self._ask("GET", repository, path)
            found = json.loads(content)
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def add_blob(self, repository: str, content: bytes) -> str:
        """Upload content unless it is there, and return its digest.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        try:
            self._ask("HEAD", repository, f"blobs/{digest}")
        except FileNotFoundError:
            _, headers = self._ask("POST", repository, "blobs/uploads/")
            # Whatever host it names, credentials go to none but this registry's.
            where = urlsplit(headers.get("location", ""))
            query = "&".join(filter(None, (where.query, urlencode({"digest": digest}))))
            url = f"{self._root}{where.path}?{query}"
            self._send(_Call("PUT", url, repository, content, "application/octet-stream"))
        return digest

    def add_manifest(
        self, repository: str, content: bytes, kind: str, tag: str = ""
    ) -> tuple[str, bool]:
        """Upload a manifest, by its tag or its digest.

        Args:
            repository: where.
            content: JSON of the manifest.
            kind: its media type.
            tag: its tag; empty for none.

        Returns:
            Its digest, and whether the registry itself keeps the list of what refers to others.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        url = self._url(repository, f"manifests/{tag or digest}")
        _, headers = self._send(_Call("PUT", url, repository, content, kind))
        return digest, "oci-subject" in headers

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

    def _url(self, repository: str, path: str) -> str:
        where = "/".join(filter(None, (quote(repository), quote(path, safe="/:@"))))
        return f"{self._root}/v2/{where}"

    def _ask(self, method: str, repository: str, path: str) -> tuple[bytes, dict[str, str]]:
        """Send one request without content; FileNotFoundError for what isn't there."""
        return self._send(_Call(method, self._url(repository, path), repository))

    def _send(self, call: _Call) -> tuple[bytes, dict[str, str]]:
        """Send one request, with a token where one is asked for."""
        try:
            return self._sent(call, self._tokens.get(call.repository, ""))
        except urllib.error.HTTPError as error:
            with error:
                token = self._token(call.repository, error)
            if not token:
                raise self._failure(error) from None
        except (OSError, ValueError) as error:
            raise self._silence(error) from None
        self._tokens[call.repository] = token
        try:
            return self._sent(call, token)
        except urllib.error.HTTPError as error:
            with error:
                raise self._failure(error) from None

    def _sent(self, call: _Call, token: str) -> tuple[bytes, dict[str, str]]:
        headers = {"Accept": _MANIFESTS}
        if call.kind:
            headers["Content-Type"] = call.kind
        if token:
            headers["Authorization"] = f"Bearer {token}"
        elif self.credentials:
            headers["Authorization"] = f"Basic {self.credentials.basic}"
        request = urllib.request.Request(  # noqa: S310
            call.url, call.content, headers, method=call.method
        )
        # No proxy is asked for what is on this machine.
        direct = [urllib.request.ProxyHandler({})] if self.plain else []
        opener = urllib.request.build_opener(SameOrigin, *direct)
        with opener.open(request, timeout=_PATIENCE) as answer:
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
            content, _ = self._sent(_Call("GET", f"{asked['realm']}?{query}", repository), "")
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
            hint = HINT if is_amazon(self.host) else hint
            return PlatformError(f"I206: registry {self.host}: {what}; {hint}")
        if error.code == _NOT_ALLOWED:
            message = "doesn't allow that; deletion has to be enabled in its configuration"
            return PlatformError(f"I206: registry {self.host}: {message}")
        said = f"I206: registry {self.host}: answers {error.code} {error.reason}"
        return RefusedError(said) if error.code < _BROKEN else PlatformError(said)

    def _silence(self, error: Exception) -> PlatformError:
        reason = getattr(error, "reason", None) or error
        hint = f"is it up? {bring_up('brings a local one up')}"
        return PlatformError(f"I206: registry {self.host}: doesn't answer: {reason}; {hint}")
