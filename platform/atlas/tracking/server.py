"""A platform's MLflow server: its own basic-auth app, with artifacts kept in the server's folder.

``mlflow server --app-name atlas`` runs it. Beside the users that the basic-auth app knows:

- An artifact's location is one that the server gives (``mlflow-artifacts:/…``), or lies in the
  server's own folder of artifacts. MLflow alone lets a user point an experiment at any folder that
  the server's account may read and write. No link that leads out of that folder is followed.
- What runs programs or asks other servers is off for everybody, also for the administrator: the
  assistant (which starts agents of a command line), jobs, the gateway to language models.
- Tags of registered models and versions that begin with ``atlas.`` are the administrator's: they
  say what is Atlas's own.
- A browser's request from a page of another origin is refused, also of another port of this host.
- The administrator's password is the configured one at every start; MLflow alone takes it once.
- The database of users is made and migrated in a copy, so that a kill leaves the old one or none.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from atlas.tracking.one_process import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from flask import Response

    Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_PROXIED = "mlflow-artifacts"
_INDIRECT = (_PROXIED, "runs", "models")
"""Schemes of locations that stand for others, which are held to the rule in their turn."""
_LOCATION = ("artifact_location", "artifactLocation")
"""How a request spells it: protobuf's JSON takes both, but not at once."""
_KEPT = tuple(
    f"mlflow.server.{module}" for module in ("artifact_router", "otel_api", "server_info_api")
)
"""Modules whose routes are served beside Flask's."""
_REGISTRY = ("registered-models", "model-versions")
_OWN_TAGS = "atlas."
_SQLITE = "sqlite:///"
_FORBIDDEN = 403
_ELSEWHERE = b"Refused: the request is made by a page of another origin.\n"


def create_app() -> Asgi:
    """Return the app of the server that MLflow's own variables describe."""
    from mlflow.server import app, auth

    confine_artifacts()
    migrate_in_copy(auth.auth_config.database_uri, lambda uri: _migrate(auth, uri))
    served = auth.create_app(app)
    app.before_request(_refuse_locations)
    app.before_request(_refuse_tags)
    _keep_password(auth)
    keep_routes(served.router.routes)
    settle()
    return SameOrigin(served)


def keep_routes(routes: list[Any]) -> None:
    """Take away the routes that neither tracking, the registry nor artifacts need.

    What MLflow adds in another version is off too, until it is listed. The basic-auth app lets each
    of its users call those routes, whatever the administrator has granted.

    Args:
        routes: of the server; those that run in Flask are one of them.
    """
    routes[:] = [route for route in routes if _is_kept(route)]


def _is_kept(route: Any) -> bool:
    module = getattr(getattr(route, "endpoint", None), "__module__", "")
    return not module or module in _KEPT


class SameOrigin:
    """Refuses what a page of another origin makes a browser ask for; it may link here."""

    def __init__(self, app: Asgi) -> None:
        """Guard an app."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not is_foreign(_headers(scope)):
            await self._app(without_odd_credentials(scope), receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            head = [(b"content-type", b"text/plain"), (b"x-content-type-options", b"nosniff")]
            start = {"type": "http.response.start", "status": _FORBIDDEN, "headers": head}
            await send(start)
            await send({"type": "http.response.body", "body": _ELSEWHERE})


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser says that a page of another origin makes this request.

    Args:
        headers: the request's, by lower-case name.
    """
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc != headers.get("host", "")
    by_page = headers.get("sec-fetch-mode", "navigate") != "navigate"
    return by_page and headers.get("sec-fetch-site") in ("cross-site", "same-site")


def without_odd_credentials(scope: Any) -> Any:
    """Return a request without an authorization that isn't basic: MLflow would answer 500 to it."""
    kept = [
        (name, text)
        for name, text in scope["headers"]
        if name != b"authorization" or text[:6].lower() == b"basic "
    ]
    return {**scope, "headers": kept}


def _headers(scope: Any) -> dict[str, str]:
    """Return a request's headers by lower-case name."""
    return {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}


def confine_artifacts() -> None:
    """Let this process open the artifacts of its own folder alone, whatever names a location."""
    from mlflow.store.artifact import artifact_repository_registry as registries

    registry = registries._artifact_repository_registry
    for scheme, repository in registry.get_registered_artifact_repositories().copy().items():
        if scheme not in _INDIRECT:
            local = scheme in ("", "file")
            registry.register(scheme, _confined(_unlinked() if local else repository))


def _confined(repository: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes a repository of a location, unless that is outside the server's own."""

    def make(artifact_uri: str, *args: Any, **kwargs: Any) -> Any:
        if not is_within(artifact_uri, _own_place()):
            raise _refused(f"artifact location '{artifact_uri}' is outside this server's own")
        return repository(artifact_uri, *args, **kwargs)

    return make


def _own_place() -> str:
    """Return the location that the server keeps artifacts in; empty for none."""
    from mlflow.server import ARTIFACTS_DESTINATION_ENV_VAR

    return os.environ.get(ARTIFACTS_DESTINATION_ENV_VAR, "")


def is_within(location: str, place: str) -> bool:
    """Tell whether a location is a place or lies in it, when links in its path are followed."""
    url, own = urlsplit(location), urlsplit(place)
    if not place or url.query or url.fragment:
        return False
    if own.scheme not in ("", "file"):
        inside = f"{location.rstrip('/')}/".startswith(f"{place.rstrip('/')}/")
        return inside and ".." not in unquote(url.path).split("/")
    if url.scheme not in ("", "file") or url.netloc not in ("", "localhost"):
        return False
    return Path(unquote(url.path)).resolve().is_relative_to(Path(unquote(own.path)).resolve())


def _unlinked() -> Callable[..., Any]:
    """Return MLflow's repository of a folder, which deletes nothing through a link either."""
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.utils.uri import validate_path_within_directory

    class Unlinked(LocalArtifactRepository):  # type: ignore[misc]
        def delete_artifacts(self, artifact_path: str | None = None) -> None:
            path = os.path.join(self.artifact_dir, artifact_path or "")
            validate_path_within_directory(self.artifact_dir, path)
            super().delete_artifacts(artifact_path)

    return Unlinked


def _refused(message: str) -> Exception:
    """Return MLflow's error for what isn't allowed."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    error: Exception = MlflowException(message, error_code=PERMISSION_DENIED)
    return error


def _refuse_locations() -> Response | None:
    """Refuse an experiment at a location that nothing of it could be read from afterwards."""
    from flask import jsonify, make_response, request

    if not request.path.endswith("/mlflow/experiments/create"):
        return None
    location = _location(request.get_json(force=True, silent=True))
    if not location or is_proxied(location) or is_within(location, _own_place()):
        return None
    message = (
        f"artifact_location: found '{location}', which is outside this server's own artifacts; "
        "leave it out, or give one that begins with mlflow-artifacts:/"
    )
    answer = {"error_code": "PERMISSION_DENIED", "message": message}
    return make_response(jsonify(answer), _FORBIDDEN)


def _refuse_tags() -> Response | None:
    """Refuse tags of registered models and versions that only Atlas writes."""
    from flask import jsonify, make_response, request
    from mlflow.server import auth

    is_registry = any(f"/mlflow/{part}/" in request.path for part in _REGISTRY)
    if not is_registry or request.method == "GET":
        return None
    given = _object(request.get_json(force=True, silent=True))
    keys = [*tag_keys(given), *request.args.getlist("key")]
    own = next((key for key in keys if key.startswith(_OWN_TAGS)), "")
    if not own or auth.sender_is_admin():
        return None
    message = f"tags: found '{own}'; tags that begin with {_OWN_TAGS} are the administrator's"
    answer = {"error_code": "PERMISSION_DENIED", "message": message}
    return make_response(jsonify(answer), _FORBIDDEN)


def tag_keys(given: Any) -> list[str]:
    """Return the keys of the tags that a request sets or deletes."""
    tags = given.get("tags") if isinstance(given, dict) else None
    entries = [given, *(tags if isinstance(tags, list) else ())]
    return [str(entry["key"]) for entry in entries if isinstance(entry, dict) and "key" in entry]


def _object(given: Any) -> Any:
    """Return what a request gives, which may be JSON in JSON."""
    if isinstance(given, str):
        with suppress(ValueError):
            return json.loads(given)
    return given


def _location(given: Any) -> str:
    """Return the location that a request asks for; empty for none."""
    given = _object(given)
    names = [name for name in _LOCATION if isinstance(given, dict) and given.get(name)]
    return str(given[names[0]]) if names else ""


def is_proxied(location: str) -> bool:
    """Tell whether a location is one that the server looks after, and leads nowhere else."""
    parts = urlsplit(location)
    return parts.scheme == _PROXIED and ".." not in unquote(parts.path).split("/")


def migrate_in_copy(uri: str, migrate: Callable[[str], None]) -> None:
    """Make or migrate a SQLite database in a copy, which then takes its place.

    Args:
        uri: the database's; one that isn't SQLite's migrates where it is.
        migrate: makes or migrates the database of a URI.
    """
    if not uri.startswith(_SQLITE):
        return
    file = Path(uri.removeprefix(_SQLITE))
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    if file.exists():
        shutil.copyfile(file, draft)
    migrate(f"{_SQLITE}{draft}")
    draft.replace(file)


def _migrate(auth: Any, uri: str) -> None:
    """Make or migrate a database of users."""
    store = auth.SqlAlchemyStore()
    store.init_db(uri)
    store.engine.dispose()


def _keep_password(auth: Any) -> None:
    """Give the administrator the configured password, where it has another one."""
    user, password = auth.auth_config.admin_username, auth.auth_config.admin_password
    if password and not auth.store.authenticate_user(user, password):
        auth.store.update_user(user, password=password)
