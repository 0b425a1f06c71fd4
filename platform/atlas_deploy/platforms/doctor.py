"""Examining a live platform: each thing that work on it needs is tried, from here.

A trial is a name and a function: it returns what was found, or raises an `AtlasError` that says
what is wrong and what to do. One that fails keeps no other from being tried.
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas.advice import bring_up
from atlas.errors import AtlasError, PlatformError, StoreError
from atlas.http.credentials import basic, read_private
from atlas.http.service import Service
from atlas.pods import cluster
from atlas.registered import TARGETS
from atlas.store import open_location
from atlas.targets import target_named
from atlas.uris import secret_file
from atlas_deploy.platforms.certificates import certificate
from atlas_deploy.platforms.clocks import clock
from atlas_deploy.platforms.services import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from atlas.pods import PodsApi
    from atlas.targets.operations import Trial
    from atlas_deploy.platforms.services import Services

_GUARDED = {
    "mlflow": "api/2.0/mlflow/experiments/search?max_results=1",
    "prometheus": "api/v1/status/buildinfo",
    "alertmanager": "api/v2/status",
    "pushgateway": "api/v1/status",
}
"""What only who signs in may read, where a service asks for a password, by service."""
_REFUSED = (401, 403)
_OLDEST_CLUSTER = (1, 30)
_RIGHTS = (("list", "pods"), ("get", "pods/log"))
_IN_PODS = "kubernetes"
_PROBE = "atlas-probe"
_REPOSITORY = "atlas/probe"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What came of one trial.

    Attributes:
        trial: what was tried.
        ok: whether it is as it should be.
        found: what was found.
        problem: what is wrong, and what to do; empty where nothing is.
    """

    trial: str
    ok: bool
    found: str
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"trial": self.trial, "ok": self.ok, "found": self.found, "problem": self.problem}


def examine(services: Services, now: Callable[[], float] = time.time) -> list[TrialResult]:
    """Try all that work on a platform needs; return what came of it.

    Args:
        services: the platform's.
        now: this machine's clock, in seconds since 1970.
    """
    return [_tried(name, trial) for name, trial in _trials(services, now)]


def _tried(name: str, trial: Callable[[], str]) -> TrialResult:
    try:
        return TrialResult(name, ok=True, found=trial())
    except AtlasError as error:
        return TrialResult(name, ok=False, found="", problem=str(error))


def _trials(services: Services, now: Callable[[], float]) -> Iterator[Trial]:
    """Return everything that is tried, in the order in which a person repairs it."""
    yield from _reached(services, now)
    for target in TARGETS:
        kind = target_named(target).deployed
        if kind is not None:
            yield from kind.operations().trials(services)
    for name in _GUARDED:
        if services.has(name):
            yield f"{name} takes the password", partial(_signed_in, services, name)
    if services.has(REGISTRY):
        yield "images can be pushed", partial(_pushed, services)
    yield "the store can be written and read", partial(_stored, services.store)
    if _has_pods(services):
        yield from _in_cluster(cluster())


def _reached(services: Services, now: Callable[[], float]) -> Iterator[Trial]:
    """Try each server once: its certificate and its clock."""
    seen: set[str] = set()
    for name in sorted(services.by_name):
        parts = urlsplit(services.url(name))
        if parts.scheme not in ("http", "https") or parts.netloc in seen:
            continue
        seen.add(parts.netloc)
        if parts.scheme == "https":
            yield f"{name}'s certificate", partial(certificate, parts.hostname, parts.port, now)
        yield f"{name}'s clock", partial(clock, name, services.url(name), now)


def _signed_in(services: Services, name: str) -> str:
    """Return how a service is opened.

    Raises:
        PlatformError: it doesn't answer, or the secret doesn't open it, or it asks for one.
    """
    url, secret = services.url(name), services.credentials(name)
    who = ""
    if secret:
        who = basic(*read_private(secret_file(services.url("secrets"), secret), name))
    status = Service(name, url, lambda: who).send("GET", _GUARDED[name]).status
    if status in _REFUSED:
        hint = f"correct the secret '{secret}'" if secret else "name its secret in the outputs"
        raise PlatformError(f"{name} at {url}: status {status}: not signed in; {hint}")
    if status >= 400:  # noqa: PLR2004 - HTTP
        raise PlatformError(f"{name} at {url}: status {status}; {bring_up('repairs it')}")
    return f"secret '{secret}'" if secret else "asks for none"


def _pushed(services: Services) -> str:
    registry = services.registry()
    registry.check()
    registry.require_push(_REPOSITORY)
    return registry.host


def _stored(url: str) -> str:
    """Return the store's URL, after a file was written, read and removed.

    Raises:
        StoreError: one of these can't be done.
    """
    place, key, content = open_location(url), f"{_PROBE}/{uuid.uuid4().hex}", b"atlas\n"
    try:
        place.write(key, content)
        if place.read(key) != content:
            raise StoreError(f"{url}: found other content than was written; see what is behind it")
    finally:
        with suppress(AtlasError):
            place.remove(_PROBE)
    return url


def _has_pods(services: Services) -> bool:
    """Tell whether steps are pods."""
    return any(service.get("tasks") == _IN_PODS for service in services.by_name.values())


def _in_cluster(found: PodsApi | None) -> Iterator[Trial]:
    """Try what may be done in the cluster, where there is a kubeconfig."""
    if found is None:
        yield "the cluster", lambda: "no kubeconfig: why a pod waits isn't told"
        return
    yield "the cluster's version", partial(_cluster_version, found)
    for verb, resource in _RIGHTS:
        yield f"the right to {verb} {resource}", partial(_right, found, verb, resource)


def _cluster_version(found: PodsApi) -> str:
    """Return the cluster's version.

    Raises:
        PlatformError: it is too old, or the API server doesn't answer.
    """
    version = found.version()
    numbers = [int(part) for part in version.lstrip("v").split(".")[:2] if part.isdigit()]
    if tuple(numbers) < _OLDEST_CLUSTER:
        raise PlatformError(
            f"kubernetes ({found.context}): found {version}; expected v1.30 or newer: upgrade it"
        )
    return f"{version} ({found.context})"


def _right(found: PodsApi, verb: str, resource: str) -> str:
    """Return where who asks has a right: in all namespaces, or in the context's.

    Raises:
        PlatformError: nowhere, or the API server doesn't answer.
    """
    for namespace in dict.fromkeys(("", found.namespace)):
        if found.may(verb, resource, namespace):
            return namespace or "in all namespaces"
    raise PlatformError(
        f"kubernetes ({found.context}): who asks may not {verb} {resource}; expected a role that "
        "lets them, or another context (ATLAS_KUBERNETES_CONTEXT)"
    )
