"""A real MLflow as the platform runs it: whom it answers, and where artifacts can be."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from atlas.errors import PlatformError, RefusedError
from atlas.step.delivery import is_refusal
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.owned import OWNER
from atlas.tracking.registry import ModelRegistration
from tests.servers import MlflowServer, platform_mlflow

__all__ = ["platform_mlflow"]

USER, PASSWORD = "guest", "a-guests-long-password"
ATLAS_RUN = {"key": "atlas.run", "value": "training-1"}
REGISTERED = "/api/2.0/mlflow/registered-models"
SECRET_TEXT = "what only the platform's user may read"


@dataclass(frozen=True)
class Client:
    """Somebody who asks the server."""

    url: str
    header: str = ""

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **headers}
        if self.header:
            given["Authorization"] = self.header
        data = content if body is not None else None
        request = urllib.request.Request(self.url + path, data, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def call(self, path: str, **payload: object) -> tuple[int, dict]:
        status, content = self.ask("POST", f"/api/2.0/mlflow/{path}", payload)
        return status, json.loads(content) if content.startswith(b"{") else {}


def signed(url: str, user: str, password: str) -> Client:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Client(url, f"Basic {pair}")


@pytest.fixture(scope="module")
def admin(platform_mlflow: MlflowServer) -> Client:
    secret = json.loads(platform_mlflow.secret.read_text())
    return signed(platform_mlflow.url, secret["username"], secret["password"])


@pytest.fixture(scope="module")
def guest(admin: Client) -> Client:
    """A user that the administrator has added, and granted nothing."""
    status, _ = admin.call("users/create", username=USER, password=PASSWORD)
    assert status == 200
    return signed(admin.url, USER, PASSWORD)


def test_our_client_opens_it_with_the_file_that_it_is_told_of(platform_mlflow, monkeypatch):
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ATLAS_MLFLOW_CREDENTIALS", raising=False)
    assert MlflowTracker(platform_mlflow.url, str(platform_mlflow.secret)).models() == []
    with pytest.raises(PlatformError, match="status 401"):
        MlflowTracker(platform_mlflow.url).models()
    monkeypatch.setenv("ATLAS_MLFLOW_CREDENTIALS", str(platform_mlflow.secret))
    assert MlflowTracker(platform_mlflow.url).models() == []
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "somebody")
    with pytest.raises(PlatformError, match="status 401"):
        MlflowTracker(platform_mlflow.url).models()


def test_a_file_without_a_password_is_named(platform_mlflow, tmp_path):
    file = tmp_path / "mlflow.json"
    file.touch(mode=0o600)
    file.write_text("[]")
    with pytest.raises(PlatformError, match=r"mlflow\.json: found no credentials"):
        MlflowTracker(platform_mlflow.url, str(tmp_path / "mlflow.json")).models()


def test_a_model_of_a_guest_is_not_taken_for_atlas_own(platform_mlflow, admin, guest):
    """Its creator may move its aliases and delete its versions."""
    assert guest.call("registered-models/create", name="squatted")[0] == 200
    tag = {"key": OWNER, "value": "p"}
    for path, payload in (
        ("registered-models/create", {"name": "forged", "tags": [tag]}),
        ("registered-models/set-tag", {"name": "squatted", **tag}),
        ("model-versions/create", {"name": "squatted", "source": "atlas:/it", "tags": [ATLAS_RUN]}),
    ):
        status, answer = guest.call(path, **payload)
        assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED"), path
        where = f"/ajax-api/2.0/mlflow/{path}"
        assert guest.ask("POST", where, payload)[0] == 403
        assert guest.ask("POST", where, json.dumps(payload))[0] in (400, 403), "JSON in JSON"
    assert guest.call("model-versions/create", name="squatted", source="atlas:/it")[0] == 200
    tracker = MlflowTracker(platform_mlflow.url, str(platform_mlflow.secret))
    registration = ModelRegistration("squatted", "training-1", {}, {"atlas.pipeline": "p"})
    with pytest.raises(RefusedError, match="D019: registered model squatted") as caught:
        tracker.register(registration)
    assert is_refusal(caught.value), "the run is kept, with the reason"
    assert tracker.versions("squatted")[0].tags == {}
    assert admin.call("registered-models/set-tag", name="squatted", **tag)[0] == 200
    assert tracker.register(registration) == "2"
    assert tracker.register(replace(registration, model="new")) == "1"
    assert tracker.register(replace(registration, model="new", run="training-2")) == "2"
    for name in ("squatted", "new"):
        assert admin.ask("DELETE", f"{REGISTERED}/delete", {"name": name})[0] == 200


def test_nobody_without_a_password_is_answered_on_any_route(platform_mlflow):
    """All of MLflow's routes, as its own app has them."""
    stranger = Client(platform_mlflow.url)
    answered = {}
    for method, path in _routes():
        status, _ = stranger.ask(method, path, b"{}" if method != "GET" else None)
        if status not in (401, 403, 404, 405, 308):
            answered[f"{method} {path}"] = status
    assert {path.split(" ")[1] for path in answered} <= PUBLIC


PUBLIC = {
    *("/health", "/favicon.ico", "/static-files/x"),
    *("/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info"),
}
ROUTES = """
import json, re
from mlflow.server import app
from mlflow.server.fastapi_app import create_fastapi_app

flask = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods}
asgi = {
    (method, route.path)
    for route in create_fastapi_app(app).routes
    for method in getattr(route, "methods", None) or ()
}
plain = {(m, re.sub(r"<[^>]*>|[{][^}]*[}]", "x", p)) for m, p in flask | asgi}
print(json.dumps(sorted(plain)))
"""


def _routes() -> list[tuple[str, str]]:
    """Return the methods and paths that MLflow serves, parameters filled in."""
    done = subprocess.run([sys.executable, "-c", ROUTES], capture_output=True, check=True)
    found = [(method, path) for method, path in json.loads(done.stdout)]
    assert len(found) > 100
    return [(method, path) for method, path in found if method not in ("HEAD", "OPTIONS")]


@pytest.mark.parametrize("who", ["admin", "guest"])
def test_what_runs_programs_or_asks_other_servers_is_off_for_everybody(request, who):
    """MLflow's own app starts agents, and keeps their settings, for each user that signs in."""
    client = request.getfixturevalue(who)
    for start in ("/ajax-api/3.0/mlflow/assistant", "/%61jax-api/3.0/mlflow/assistant"):
        for method, path, body in (
            ("POST", "/message", {"message": "list my files"}),
            ("GET", "/config", None),
            ("PUT", "/config", {"projects": {"0": {"type": "local", "location": "/"}}}),
            ("GET", "/providers", None),
            ("POST", "/skills/install", {"type": "global"}),
            ("GET", "/sessions/x/stream", None),
        ):
            assert client.ask(method, start + path, body)[0] in (403, 404, 405)
    for path in ("/ajax-api/3.0/jobs/", "/ajax-api/3.0/jobs/search"):
        assert client.ask("POST", path, {"job_name": "x", "params": {}})[0] in (403, 404, 405)
    for path in ("/gateway/mlflow/v1/chat/completions", "/gateway/x/mlflow/invocations"):
        assert client.ask("POST", path, {"model": "x", "messages": []})[0] in (403, 404, 405)


def test_the_routes_beside_flask_s_are_those_that_are_listed():
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, check=True)
    assert {path.split("/")[-1] for path in json.loads(done.stdout)} <= NEEDED


NEEDED = {"traces", "server-info", "health", "", "{artifact_path:path}", "artifacts"}
KEPT = """
import json
from atlas.tracking.server import keep_routes
from mlflow.server.fastapi_app import create_fastapi_app

routes = create_fastapi_app().router.routes
before = len(routes)
keep_routes(routes)
assert 5 < len(routes) < before / 3, "MLflow's modules are called otherwise"
print(json.dumps([route.path for route in routes]))
"""


def test_a_stranger_can_t_make_an_account(platform_mlflow, guest):
    stranger = Client(platform_mlflow.url)
    for client, refused in ((stranger, 401), (guest, 403)):
        payload = {"username": "mallory", "password": "a-long-password-of-hers"}
        status, _ = client.ask("POST", "/api/2.0/mlflow/users/create", payload)
        assert status == refused
    assert stranger.ask("GET", "/signup")[0] == 401


def test_a_user_without_a_grant_sees_and_changes_nothing_of_others(admin, guest):
    made = admin.call("experiments/create", name="ours")[1]["experiment_id"]
    run = admin.call("runs/create", experiment_id=made)[1]["run"]["info"]["run_id"]
    admin.call("registered-models/create", name="ours")
    champion = {"name": "ours", "alias": "champion", "version": "1"}
    admin.call("model-versions/create", name="ours", source=f"runs:/{run}/model", run_id=run)
    assert guest.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run}")[0] == 403
    assert guest.call("registered-models/alias", **champion)[0] == 403
    assert guest.call("runs/set-tag", run_id=run, key="k", value="v")[0] == 403
    version = {"name": "ours", "version": "1", "key": "atlas.parts", "value": "{}"}
    assert guest.call("model-versions/set-tag", **version)[0] == 403
    assert guest.call("model-versions/create", name="ours", source="x", run_id=run)[0] == 403


LOCATIONS = ("file://{folder}", "{folder}", "s3://bucket/x", "mlflow-artifacts:/../../x", "file:")


@pytest.mark.parametrize("who", ["admin", "guest"])
@pytest.mark.parametrize("location", LOCATIONS)
def test_an_experiment_can_t_be_put_where_the_server_may_read_and_write(
    request, tmp_path, who, location
):
    client = request.getfixturevalue(who)
    asked = {"name": f"{who}-{location}", "artifact_location": location.format(folder=tmp_path)}
    status, answer = client.call("experiments/create", **asked)
    assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
    path = "/ajax-api/2.0/mlflow/experiments/create"
    assert client.ask("POST", path, json.dumps(json.dumps(asked)).encode())[0] == 403
    camel = {"name": asked["name"], "artifactLocation": asked["artifact_location"]}
    assert client.ask("POST", path, camel)[0] == 403
    assert client.ask("POST", path, {**asked, **camel, "artifact_location": "x"})[0] >= 400
    assert client.ask("POST", path, {**asked, "artifactLocation": None, **camel})[0] >= 400


def test_an_experiment_of_an_older_server_that_lies_elsewhere_is_not_served(
    platform_mlflow, admin, tmp_path
):
    """Its location was written before the server had this rule: straight into the database."""
    import sqlite3

    made = admin.call("experiments/create", name="older")[1]["experiment_id"]
    database = platform_mlflow.artifacts.with_name("mlflow.db")
    with sqlite3.connect(database, timeout=30) as connection:
        sql = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?"
        connection.execute(sql, (tmp_path.as_uri(), int(made)))
    connection.close()
    info = admin.call("runs/create", experiment_id=made)[1]["run"]["info"]
    run, folder = info["run_id"], tmp_path / info["run_id"]
    folder.mkdir()
    private = tmp_path / "private"
    private.mkdir()
    (private / "key").write_text(SECRET_TEXT)
    (folder / "artifacts").symlink_to(private)
    for path in (
        f"/get-artifact?run_id={run}&path=key",
        f"/api/2.0/mlflow/artifacts/list?run_id={run}",
        f"/ajax-api/2.0/mlflow/get-artifact?run_id={run}&path=key",
    ):
        status, content = admin.ask("GET", path)
        assert status >= 400
        assert SECRET_TEXT.encode() not in content
    upload = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=dag.py"
    assert admin.ask("POST", upload, b"import os")[0] >= 400
    assert [path.name for path in private.iterdir()] == ["key"]


def test_no_link_out_of_the_folder_of_artifacts_is_followed(platform_mlflow, admin, tmp_path):
    (tmp_path / "key").write_text(SECRET_TEXT)
    folder = platform_mlflow.artifacts / "7"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file").symlink_to(tmp_path / "key")
    (folder / "folder").symlink_to(tmp_path)
    base = "/api/2.0/mlflow-artifacts/artifacts"
    for path in ("7/file", "7/folder/key", "7/folder/new", "7/../../mlflow.db", "..%2fmlflow.db"):
        for method in ("GET", "PUT", "DELETE"):
            status, content = admin.ask(method, f"{base}/{path}", b"x" if method == "PUT" else None)
            assert status >= 400, (method, path)
            assert SECRET_TEXT.encode() not in content
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").read_text() == SECRET_TEXT


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_a_page_of_another_origin_is_refused_with_the_users_own_password(admin, origin):
    for path in ("/", "/api/2.0/mlflow/experiments/search?max_results=1"):
        assert admin.ask("GET", path, Origin=origin)[0] == 403
    simple = {"Content-Type": "text/plain", "Origin": origin}
    path = "/api/2.0/mlflow/registered-models/create"
    assert admin.ask("POST", path, b'{"name": "forged"}', **simple)[0] == 403
    assert admin.ask("GET", f"{path.replace('create', 'get')}?name=forged")[0] == 404


def test_a_name_that_was_bound_to_this_address_is_refused(admin):
    for host in ("evil.example", f"evil.example:{admin.url.rsplit(':', 1)[1]}", "127.0.0.1:1"):
        assert admin.ask("GET", "/", Host=host)[0] == 403
    own = f"localhost:{admin.url.rsplit(':', 1)[1]}"
    assert admin.ask("GET", "/", Host=own)[0] == 200


def test_what_it_keeps_of_users_is_private(platform_mlflow):
    users = platform_mlflow.artifacts.with_name("users.db")
    assert Path(users).stat().st_mode & 0o077 == 0
