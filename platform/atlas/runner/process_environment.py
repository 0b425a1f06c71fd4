"""The environment of a process that runs steps: the store, and the platform's services if it is up.

Steps get it as variables, on this machine as on every target. A variable that is already set wins.
For a service that needs user and password, a variable holds the path of the private file that has
them: no variable holds either.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas import files
from atlas.advice import bring_up
from atlas.dataclass import dataclass
from atlas.http import variables
from atlas.load import platform_services
from atlas.store import open_store
from atlas.uris import secret_file, uri_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.environment import Environment, Project
    from atlas.store import Store

_VARIABLES = ("ATLAS_STATE", "ATLAS_PROJECT", "ATLAS_FORMATS", *variables.VARIABLES)
_PATIENCE = 0.5
"""Seconds to wait for a service that ought to be there."""


@dataclass(frozen=True, slots=True)
class ProcessEnvironment:
    """What the variables lead to.

    Attributes:
        store: the artifact store.
        missing: services of the platform that don't answer, one message each.
    """

    store: Store
    missing: tuple[str, ...] = ()


@contextmanager
def process_environment(project: Project, environment: Environment) -> Iterator[ProcessEnvironment]:
    """Set the variables of steps for a project and an Environment, for as long as it lasts.

    Raises:
        PlatformError: the outputs of the Environment's platform can't be read.
        DocumentError: the outputs file that the Environment names isn't there.
    """
    services = platform_services(project, environment)
    before = {name: os.environ.get(name) for name in _VARIABLES}
    try:
        yield _set_variables(project, services)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _set_variables(project: Project, services: Mapping[str, Any]) -> ProcessEnvironment:
    os.environ.setdefault("ATLAS_STATE", str(files.own(project.state)))
    os.environ.setdefault("ATLAS_PROJECT", str(project.root))
    if project.formats:
        os.environ.setdefault("ATLAS_FORMATS", ",".join(project.formats))
    missing = [_connect(name, services) for name in variables.SERVICES]
    store = os.environ.get(variables.STORE) or _url(services, "store") or _default_store(project)
    os.environ[variables.STORE] = store
    return ProcessEnvironment(open_store(store), tuple(filter(None, missing)))


def _connect(name: str, services: Mapping[str, Any]) -> str:
    """Set a service's variables if it answers; say so if it doesn't.

    The platform's user and password go to no server that another variable names.
    """
    variable, url = variables.ADDRESSES[name], _url(services, name)
    if not url or variable in os.environ:
        return ""
    if name not in variables.ELSEWHERE and not _answers(url):
        return f"{name} at {url} doesn't answer; {bring_up('brings the platform up')}"
    os.environ[variable] = url
    secret = secret_file(_url(services, "secrets"), services[name].get("credentials") or "")
    if secret:
        os.environ.setdefault(variables.CREDENTIALS[name], secret)
    return ""


def _answers(url: str) -> bool:
    """Tell whether something listens; only a machine of one's own is asked, others are believed."""
    import socket

    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return True
    try:
        socket.create_connection((parts.hostname, parts.port or 80), _PATIENCE).close()
    except OSError:
        return False
    return True


def _url(services: Mapping[str, Any], name: str) -> str:
    return str(services.get(name, {}).get("url", ""))


def _default_store(project: Project) -> str:
    return uri_of(project.state / "store")
