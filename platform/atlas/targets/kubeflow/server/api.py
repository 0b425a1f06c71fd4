"""The API server of Kubeflow Pipelines (v2beta1) over HTTP: requests, refusals, patience.

Kubeflow's own client imports Kubernetes' and takes seconds; what Atlas needs is a few calls.
"""

from __future__ import annotations

import json
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from atlas.dataclass import dataclass
from atlas.errors import MalformedError, PlatformError, RefusedError, UnreachableError, clean
from atlas.http.answers import excerpt, pages
from atlas.http.service import Patience, Service
from atlas.targets.kubeflow.server.upload import form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atlas.http.answers import Answer

_BASE = "apis/v2beta1"
_PAGE = 200
_OK = range(200, 300)
_REDIRECTED = range(300, 400)
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 401, 403, 404, 409
_UPLOAD_REASON = "the reason is only in the log of Kubeflow's API server"
_OLDEST = (2, 14)
"""The first release that tells a pipeline's last task how the others ended."""
_TAKEN = "Already exist error"
"""What older servers say of a version's name that is taken, with status 500."""
_PATIENCE = Patience(unanswered=3.0, busy=20.0, failed=3.0)
"""Brief for failures inside: Kubeflow also answers so to what it will never take."""
_JSON = {"Content-Type": "application/json"}


def _no_token() -> str:
    return ""


@dataclass(slots=True)
class Api:
    """An API server.

    Attributes:
        url: such as ``http://127.0.0.1:8888``; with the path of a proxy, if there is one.
        token: gives the bearer token, and is asked again when one is refused; empty for none.
        secret: what the token is kept in, for messages.
        namespace: whose pipelines and runs, on a Kubeflow of several users; else empty.
    """

    url: str
    token: Callable[[], str] = _no_token
    secret: str = ""
    namespace: str = ""
    _service: Service = field(init=False, repr=False)
    _known: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        """Use the server; nothing is asked yet."""
        self._service = Service("kubeflow", self.url, self._bearer, _PATIENCE)

    def check(self) -> None:
        """Find out whether the server is there, takes the token, and knows whose part is meant.

        Raises:
            PlatformError: it isn't, doesn't, is too old, or has several users and no namespace is
                named.
        """
        health = self.get("healthz") or {}
        release = str(health.get("tag_name", ""))
        if _is_older(release):
            raise PlatformError(
                f"{self._name}: found Kubeflow Pipelines {clean(release, 40)}, expected 2.14 or "
                'newer: an older one refuses to start what Atlas compiles ("task final status not '
                'supported yet"); update it'
            )
        if health.get("multi_user") and not self.namespace:
            raise PlatformError(
                f"{self._name}: serves several users, and no namespace is named; write it as "
                "`namespace` of the service kubeflow in the platform's outputs, or as `namespace` "
                "of the Environment"
            )

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return what is at a path; None when nothing is."""
        status, answer = self._call("GET", _with(path, query), accepted=(_NOT_FOUND,))
        return None if status == _NOT_FOUND else answer

    def items(
        self, path: str, key: str, query: Mapping[str, Any], *texts: str
    ) -> Iterator[dict[str, Any]]:
        """Return the items of a list, page by page.

        Args:
            path: of the list.
            key: of the items in a page.
            query: which ones.
            texts: keys of each item, under which there has to be a text.
        """

        def fetch(more: Mapping[str, Any]) -> dict[str, Any] | None:
            return self.get(path, {"page_size": _PAGE, **query, **more})

        yield from pages(fetch, key, f"{self._name}: {path}", *texts)

    def create(
        self, path: str, body: Mapping[str, Any], *, bears_repeat: bool
    ) -> dict[str, Any] | None:
        """Create something and return it; None when its name is taken.

        Args:
            path: of the list that it joins.
            body: what it is.
            bears_repeat: whether a second request would be refused for the name's sake.
        """
        status, answer = self._call(
            "POST", path, json.dumps(body).encode(), _JSON, (_CONFLICT,), bears_repeat=bears_repeat
        )
        return None if status == _CONFLICT else answer

    def upload(self, query: Mapping[str, str], content: bytes) -> dict[str, Any] | None:
        """Add a version of a pipeline from its package; None when its name is taken."""
        body, headers = form("uploadfile", "pipeline.yaml", content)
        path = _with("pipelines/upload_version", query)
        try:
            status, answer = self._call("POST", path, body, headers, (_CONFLICT,))
        except RefusedError as error:
            if _TAKEN in str(error):
                return None
            raise PlatformError(f"{error}; {_UPLOAD_REASON}") from error
        return None if status == _CONFLICT else answer

    def order(self, path: str) -> bool:
        """Have something done (``runs/ID:terminate``); False when there is no such thing."""
        status, _ = self._call("POST", path, b"{}", _JSON, (_NOT_FOUND,), bears_repeat=True)
        return status != _NOT_FOUND

    def delete(self, path: str) -> None:
        """Delete something; it isn't an error when it is gone."""
        self._call("DELETE", path, accepted=(_NOT_FOUND,))

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: tuple[int, ...] = (),
        *,
        bears_repeat: bool = True,
    ) -> tuple[int, dict[str, Any]]:
        """Send a request with patience; return its status and JSON.

        Raises:
            PlatformError: no answer, or a refusal that isn't accepted.
        """
        sent = self._send(method, f"{_BASE}/{path}", body, headers or {}, repeatable=bears_repeat)
        status, answer = sent.status, self._json(path, sent)
        if status not in _OK and status not in accepted:
            raise RefusedError(f"{self._name}: {_bare(path)}: {_refusal(status, answer)}", status)
        return status, answer

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        repeatable: bool,
    ) -> Answer:
        """Send a request with the token.

        Raises:
            UnreachableError: no answer.
            PlatformError: the token doesn't open the server.
        """
        try:
            answer = self._service.send(method, path, body, headers, repeatable=repeatable)
        except UnreachableError as error:
            text = (
                f"{error}; see that its API server runs and can be reached from here (the "
                "platform's outputs say where it is)"
            )
            raise UnreachableError(text, sent=error.sent, timed_out=error.timed_out) from error
        if answer.status in (_UNAUTHORIZED, _FORBIDDEN) or answer.status in _REDIRECTED:
            raise PlatformError(self._locked(answer.status, answer.content))
        return answer

    def _bearer(self) -> str:
        self._known = self.token().strip()
        return f"Bearer {self._known}" if self._known else ""

    def _locked(self, status: int, content: bytes) -> str:
        """Return why the server stays shut, and how to open it."""
        reason = "a page to sign in" if status in _REDIRECTED else _refusal(status, _plain(content))
        if not self._known:
            return (
                f"{self._name}: asks for a token ({reason}); name its secret as `credentials` of "
                "the service kubeflow in the platform's outputs"
            )
        if status == _FORBIDDEN:
            return (
                f"{self._name}: the token of secret '{self.secret}' isn't allowed to do this "
                f"({reason}); give its account the rights, or name another secret"
            )
        return (
            f"{self._name}: doesn't take the token of secret '{self.secret}' ({reason}); it may "
            "have expired: put a new one there, and repeat"
        )

    def _json(self, path: str, sent: Answer) -> dict[str, Any]:
        """Return an answer's JSON.

        Raises:
            MalformedError: it is none, so that no Kubeflow has answered.
        """
        answer, status = _plain(sent.content), sent.status
        is_unknown = status == _NOT_FOUND and answer.get("message") in (None, "Not Found")
        if ("" in answer and (status in _OK or status == _NOT_FOUND)) or is_unknown:
            found = f", found {excerpt(sent.content)}" if "" in answer else ""
            raise MalformedError(
                f"{self._name}: has no {_BASE}/{_bare(path)} (status {status}{found}); see whether "
                "that address is the API server's of Kubeflow Pipelines, 2.14 or newer"
            )
        return answer

    @property
    def _name(self) -> str:
        return f"kubeflow at {self.url}"


def _is_older(release: str) -> bool:
    """Tell whether a release is one that can't run what Atlas compiles; an unknown one may."""
    numbers = re.match(r"v?(\d{1,4})\.(\d{1,4})", release)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < _OLDEST


def equals(key: str, value: str) -> dict[str, str]:
    """Return the query that lists only what has a value."""
    return _filter({"operation": "EQUALS", "key": key, "string_value": value})


def contains(key: str, value: str) -> dict[str, str]:
    """Return the query that lists only what has a text in a value; everything for no text."""
    return _filter({"operation": "IS_SUBSTRING", "key": key, "string_value": value})


def _filter(predicate: Mapping[str, str]) -> dict[str, str]:
    has_value = bool(predicate["string_value"])
    return {"filter": json.dumps({"predicates": [predicate]})} if has_value else {}


def _with(path: str, query: Mapping[str, Any] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _bare(path: str) -> str:
    return path.partition("?")[0]


def _plain(content: bytes) -> dict[str, Any]:
    """Return JSON; what is none, under an empty key."""
    try:
        answer = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        answer = content[:200].decode("utf-8", "replace").strip()
    return answer if isinstance(answer, dict) else {"": answer}


def _refusal(status: int, answer: Mapping[str, Any]) -> str:
    """Return an error of the API in a few words; behind its first line is a trace of calls."""
    reason = next(
        (answer[key] for key in ("message", "error_message", "error", "") if key in answer), ""
    )
    line = clean(str(reason).strip().partition("\n")[0], 300)
    return f"status {status}: {line}" if line else f"status {status}"
