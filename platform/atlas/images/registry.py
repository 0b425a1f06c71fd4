"""A registry of images, over the distribution API: digests, tags, small uploads, deletion."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from atlas.advice import bring_up
from atlas.dataclass import dataclass
from atlas.errors import PlatformError, RefusedError, UnreachableError
from atlas.http.answers import optional
from atlas.http.redirects import followed
from atlas.http.service import Patience, Service
from atlas.images.amazon import HINT, is_amazon
from atlas.images.builders import is_loopback
from atlas.images.credentials import credentials_of

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.http.answers import Answer
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
_PATIENCE = Patience()
_MISSING, _REFUSED, _NOT_ALLOWED, _BROKEN = 404, (401, 403), 405, 500
_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """An image as a registry has it: its digest, and the bytes of its layers and configuration."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class _Call:
    """One request: what it sends, and for which repository."""

    method: str
    path: str
    repository: str
    content: bytes | None = None
    kind: str = ""


def host_at(url: str) -> str:
    """Return host and port of an address: ``http://host:port``, or the two alone."""
    return re.sub(r"^\w+://", "", url).rstrip("/")


class ImageRegistry:
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
    def at(cls, url: str, secret: Path | None = None) -> ImageRegistry:
        """Return the registry at an address, with the credentials that are found for it.

        Args:
            url: ``http://host:port``, or host and port alone.
            secret: file of the platform's secret for it.
        """
        host = host_at(url)
        return cls(host, credentials_of(host, secret))

    def manifest(self, repository: str, reference: str) -> ImageManifest | None:
        """Return an image's manifest by tag or digest; None when there is none.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            answer = self._ask("GET", repository, f"manifests/{reference}")
        except FileNotFoundError:
            return None
        raw, where = answer.json(), f"I206: registry {self.host}: {repository}:{reference}"
        parts = [raw.get("config"), *optional(raw, "layers", [], where)]
        size = sum(optional(part, "size", 0, where) for part in parts)
        return ImageManifest(answer.headers.get("docker-content-digest", ""), size)

    def described(self, repository: str, digest: str) -> dict[str, Any]:
        """Return the descriptor of a manifest: its media type, digest and size.

        Raises:
            PlatformError: I206, it isn't there, or the registry refuses, or doesn't answer.
        """
        try:
            answer = self._ask("GET", repository, f"manifests/{digest}")
        except FileNotFoundError:
            what = f"registry {self.host}: doesn't have {repository}@{digest}"
            raise PlatformError(f"{what}; build again", code="I206") from None
        kind = answer.headers.get("content-type", "").partition(";")[0]
        return {"mediaType": kind, "digest": digest, "size": len(answer.content)}

    def document(self, repository: str, path: str) -> dict[str, Any]:
        """Return JSON that a repository has at a path; empty when there is none.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            document = json.loads(self._ask("GET", repository, path).content)
        except (FileNotFoundError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def add_blob(self, repository: str, content: bytes) -> str:
        """Upload content unless it is there, and return its digest.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        try:
            self._ask("HEAD", repository, f"blobs/{digest}")
        except FileNotFoundError:
            answer = self._ask("POST", repository, "blobs/uploads/")
            # Whatever host it names, credentials go to none but this registry's.
            where = urlsplit(answer.headers.get("location", ""))
            query = "&".join(filter(None, (where.query, urlencode({"digest": digest}))))
            path = f"{where.path.lstrip('/')}?{query}"
            self._send(_Call("PUT", path, repository, content, "application/octet-stream"))
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
        path = _path(repository, f"manifests/{tag or digest}")
        answer = self._send(_Call("PUT", path, repository, content, kind))
        return digest, "oci-subject" in answer.headers

    def digest(self, repository: str, reference: str) -> str:
        """Return an image's digest by tag or digest; empty when there is no such image.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            answer = self._ask("HEAD", repository, f"manifests/{reference}")
        except FileNotFoundError:
            return ""
        return answer.headers.get("docker-content-digest", "")

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, sorted; of one that isn't there, none.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        try:
            answer = self._ask("GET", repository, "tags/list")
        except FileNotFoundError:
            return []
        where = f"I206: registry {self.host}: tags of {repository}"
        return sorted(optional(answer.json(), "tags", [], where))

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

    def require_push(self, repository: str) -> None:
        """Ask whether who asks may push to a repository: an upload is begun, and given up.

        Raises:
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        begun = self._ask("POST", repository, "blobs/uploads/")
        place = begun.headers.get("location", "")
        path = urlsplit(place).path.lstrip("/")
        query = urlsplit(place).query
        if path:
            with suppress(FileNotFoundError, PlatformError):
                self._send(_Call("DELETE", f"{path}?{query}" if query else path, repository))

    def _ask(self, method: str, repository: str, path: str) -> Answer:
        """Send one request without content; FileNotFoundError for what isn't there."""
        return self._send(_Call(method, _path(repository, path), repository))

    def _send(self, call: _Call) -> Answer:
        """Send one request, with a token where one is asked for."""
        answer = self._sent(call, self._tokens.get(call.repository, ""))
        token = self._token(call.repository, answer)
        if token:
            self._tokens[call.repository] = token
            answer = self._sent(call, token)
        if answer.status not in _OK:
            raise self._failure(answer.status)
        return answer

    def _sent(self, call: _Call, token: str) -> Answer:
        headers = {"Accept": _MANIFESTS, **({"Content-Type": call.kind} if call.kind else {})}
        who = f"Bearer {token}" if token else self._basic
        service = Service("registry", self._root, lambda: who, _PATIENCE)
        try:
            answer = service.send(call.method, call.path, call.content, headers)
            url = f"{self._root}/{call.path}"
            return followed(answer, call.method, url, {**headers, "Authorization": who})
        except UnreachableError as error:
            raise self._silence(error) from None

    @property
    def _basic(self) -> str:
        return f"Basic {self.credentials.basic}" if self.credentials else ""

    def _token(self, repository: str, answer: Answer) -> str:
        """Get the token that a registry with a token service asks for; empty for another answer."""
        challenge = answer.headers.get("www-authenticate", "")
        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = asked.get("realm", "")
        if answer.status not in _REFUSED or not challenge.lower().startswith("bearer"):
            return ""
        if not self.plain and not realm.startswith("https://"):
            return ""
        scope = asked.get("scope") or f"repository:{repository}:pull,push,delete"
        where = urlsplit(realm)
        asking = urlencode({"service": asked.get("service", ""), "scope": scope})
        path = f"{where.path.lstrip('/')}?{'&'.join(filter(None, (where.query, asking)))}"
        root = f"{where.scheme}://{where.netloc}"
        service = Service("token service", root, lambda: self._basic, _PATIENCE)
        try:
            raw = service.send("GET", path).json()
        except PlatformError:
            return ""
        return str(raw.get("token") or raw.get("access_token") or "")

    def _failure(self, status: int) -> Exception:
        """Return what to raise for an answer that is none."""
        if status == _MISSING:
            return FileNotFoundError(self.host)
        if status in _REFUSED:
            who = f"the credentials of '{self.credentials.username}'" if self.credentials else ""
            what = f"refuses {who or 'a request without credentials'}"
            hint = f"log in with `podman login {self.host}`, or mend the platform's secret"
            hint = HINT if is_amazon(self.host) else hint
            return PlatformError(f"registry {self.host}: {what}; {hint}", code="I206")
        if status == _NOT_ALLOWED:
            message = "doesn't allow that; deletion has to be enabled in its configuration"
            return PlatformError(f"registry {self.host}: {message}", code="I206")
        text = f"registry {self.host}: answers with status {status}"
        if status < _BROKEN:
            return RefusedError(text, status, code="I206")
        return PlatformError(text, code="I206")

    def _silence(self, error: UnreachableError) -> PlatformError:
        hint = f"is it up? {bring_up('brings the platform up')}"
        reason = error.__cause__ or error
        return PlatformError(f"registry {self.host}: doesn't answer: {reason}; {hint}", code="I206")


def _path(repository: str, path: str) -> str:
    """Return the path of something that a repository has."""
    where = "/".join(filter(None, (quote(repository), quote(path, safe="/:@"))))
    return f"v2/{where}"
