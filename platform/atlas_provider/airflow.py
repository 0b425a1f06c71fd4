"""A running Airflow, over its REST API: which DAGs it has, and what keeps it from having one."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from atlas.errors import PlatformError
from atlas.store import file_path
from atlas.tracking.http import request
from atlas_provider import vault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_PAGE = 1000
_RUNS, _RUNS_PAGE = 1000, 100
_UNAUTHORIZED, _NOT_FOUND, _CONFLICT = 401, 404, 409
_FAILED_INSIDE = 500
_OK = range(200, 300)
_PATIENCE_SECONDS, _PAUSE_SECONDS = 20.0, 0.5
_ACTIVE: tuple[str, ...] = ("running", "queued")


@dataclass(frozen=True, slots=True)
class Dag:
    """What Airflow says of one DAG.

    Attributes:
        tags: its tags; one is ``plan:<digest>``.
        paused: whether an operator holds it.
        broken: whether its file can't be imported any more.
        parsed: when Airflow last read its file, in Airflow's own words.
    """

    tags: frozenset[str]
    paused: bool
    broken: bool
    parsed: str

    @property
    def plan(self) -> str:
        """The digest of the Plan that it was compiled from; empty when no tag says."""
        plans = (tag.removeprefix("plan:") for tag in self.tags if tag.startswith("plan:"))
        return next(plans, "")


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why Airflow can't import a file.

    Attributes:
        seen: when it last tried, in Airflow's own words.
        trace: Airflow's own message.
    """

    seen: str
    trace: str


@dataclass(slots=True)
class Airflow:
    """An Airflow API server.

    Attributes:
        url: such as ``http://127.0.0.1:8080``.
        secrets: folder of secrets, as ``file://``.
        credentials: name of the secret with username and password.
    """

    url: str
    secrets: str
    credentials: str
    _token: str = field(default="", repr=False)

    def dags(self, names: Iterable[str]) -> dict[str, Dag]:
        """Return those of some DAGs that Airflow has: one list, whatever their number."""
        wanted = set(names)
        query = {"dag_id_prefix_pattern": _prefix(wanted), "exclude_stale": "true"}
        raws = self._pages("dags", "dags", {**query, "order_by": "dag_id"})
        return {raw["dag_id"]: _dag(raw) for raw in raws if raw["dag_id"] in wanted}

    def import_failures(self) -> dict[str, ImportFailure]:
        """Return the files that can't be imported, by path in the DAG folder."""
        raws = self._pages("importErrors", "import_errors", {})
        return {r["filename"]: ImportFailure(r["timestamp"], r["stack_trace"]) for r in raws}

    def has(self, dag: str) -> bool:
        """Tell whether Airflow keeps anything of a DAG."""
        return bool(self.kept([dag]))

    def kept(self, names: Iterable[str]) -> set[str]:
        """Return those of some DAGs of which Airflow keeps anything, be their files gone or not."""
        wanted = set(names)
        query = {"dag_id_prefix_pattern": _prefix(wanted), "exclude_stale": "false"}
        raws = self._pages("dags", "dags", {**query, "order_by": "dag_id"})
        return {raw["dag_id"] for raw in raws} & wanted

    def active_runs(self, names: Iterable[str], paused: Collection[str]) -> dict[str, list[str]]:
        """Return the ids of the runs that aren't over and go on by themselves, of DAGs with any.

        Args:
            names: the DAGs, all of which are asked for by list.
            paused: those that an operator has paused: nothing follows a task that is under way.
        """
        held = sorted({*names} & {*paused})
        going = sorted({*names} - {*held})
        runs = "dags/~/dagRuns/list", "dag_runs", {"dag_ids": going, "states": _ACTIVE}
        tasks = (
            "dags/~/dagRuns/~/taskInstances/list",
            "task_instances",
            {"dag_ids": held, "state": _ACTIVE[:1]},
        )
        found: dict[str, set[str]] = {}
        for path, key, body in (runs, tasks):
            for item in self._listed(path, key, body) if body["dag_ids"] else ():
                found.setdefault(item["dag_id"], set()).add(item["dag_run_id"])
        return {name: sorted(ids) for name, ids in found.items()}

    def in_flight(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the ids of the runs that aren't over, by DAG, of those that have any: by list."""
        return self.active_runs(names, ())

    def unpause(self, names: Iterable[str]) -> None:
        """Let DAGs run again that were paused."""
        for name in names:
            self._call("PATCH", f"dags/{quote(name)}", body={"is_paused": False})

    def last_run(self, dag: str) -> tuple[str, str]:
        """Return id and state of a DAG's latest run; empty when it has none."""
        query = urlencode({"order_by": "-run_after", "limit": 1})
        status, answer = self._call("GET", f"dags/{quote(dag)}/dagRuns?{query}", (_NOT_FOUND,))
        runs = [] if status == _NOT_FOUND else answer["dag_runs"]
        return (runs[0]["dag_run_id"], runs[0]["state"]) if runs else ("", "")

    def last_runs(self, names: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return id and state of the latest run of each DAG that has one, by list."""
        wanted = set(names)
        found: dict[str, tuple[str, str]] = {}
        for seen in range(0, _RUNS, _RUNS_PAGE):
            body = {"dag_ids": sorted(wanted), "order_by": "-run_after", "page_offset": seen}
            _, answer = self._call("POST", "dags/~/dagRuns/list", body=body)
            for run in answer["dag_runs"]:
                found.setdefault(run["dag_id"], (run["dag_run_id"], run["state"]))
            is_all = seen + len(answer["dag_runs"]) >= answer["total_entries"]
            if is_all or not answer["dag_runs"] or len(found) == len(wanted):
                return found
        others = {name: self.last_run(name) for name in wanted - set(found)}
        return {**found, **{name: run for name, run in others.items() if run[0]}}

    def forget(self, dag: str) -> bool:
        """Delete what Airflow keeps of a DAG; False while tasks of it are running."""
        status, _ = self._call("DELETE", f"dags/{quote(dag)}", (_NOT_FOUND, _CONFLICT))
        return status != _CONFLICT

    def _listed(self, path: str, key: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Return the items of a list that is asked for by a body, page by page."""
        seen, total = 0, 1
        while seen < total:
            page = {**body, "order_by": "id", "page_limit": _PAGE, "page_offset": seen}
            _, answer = self._call("POST", path, body=page)
            items = answer[key]
            yield from items
            seen += len(items)
            total = answer["total_entries"] if items else seen

    def _pages(self, path: str, key: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Return the items of a list, page by page."""
        seen, total = 0, 1
        while seen < total:
            page = {**query, "limit": _PAGE, "offset": seen}
            _, answer = self._call("GET", f"{path}?{urlencode(page)}")
            items = answer[key]
            yield from items
            seen += len(items)
            total = answer["total_entries"] if items else seen

    def _call(
        self,
        method: str,
        path: str,
        accepted: tuple[int, ...] = (),
        body: Mapping[str, Any] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Call one method of the API; a token that has run out is asked for anew.

        Raises:
            PlatformError: no answer, or an error that isn't accepted.
        """
        status, answer = self._patiently(method, path, body)
        if status not in _OK and status not in accepted:
            raise PlatformError(f"airflow at {self.url}: {path}: {_refusal(status, answer)}")
        return status, answer

    def _patiently(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, and again while Airflow fails inside (its database may be locked)."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            known = bool(self._token)
            status, answer = self._send(method, path, body)
            if status == _UNAUTHORIZED and known:
                self._token = ""
                status, answer = self._send(method, path, body)
            if status < _FAILED_INSIDE or time.monotonic() > end:
                return status, answer
            time.sleep(_PAUSE_SECONDS)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        """Send one request with a token."""
        self._token = self._token or self._sign_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        return self._request(method, f"api/v2/{path}", content, headers)

    def _sign_in(self) -> str:
        """Return a new token."""
        secret = vault.read(Path(file_path(self.secrets)), self.credentials)
        body = json.dumps(dict(secret)).encode()
        headers = {"Content-Type": "application/json"}
        status, answer = self._request("POST", "auth/token", body, headers)
        if status not in _OK or "access_token" not in answer:
            raise PlatformError(
                f"airflow at {self.url}: doesn't take the user and password of secret "
                f"'{self.credentials}': {_refusal(status, answer)}; mend that secret, or run "
                "`atlas up` again"
            )
        return str(answer["access_token"])

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """Send one request, and return its status and JSON."""
        try:
            status, content = request(method, f"{self.url.rstrip('/')}/{path}", body, headers)
        except PlatformError as error:
            raise PlatformError(f"airflow: {error}; `atlas up` brings it back") from error
        try:
            answer = json.loads(content or b"{}")
        except ValueError:
            answer = {"detail": content[:200].decode("utf-8", "replace")}
        return status, answer if isinstance(answer, dict) else {"detail": answer}


def _prefix(names: Collection[str]) -> str:
    """Return what all names begin with."""
    return os.path.commonprefix([*names])  # noqa: RUF071 - no paths


def _dag(raw: Mapping[str, Any]) -> Dag:
    """Return a DAG from the API's JSON."""
    tags = frozenset(tag["name"] for tag in raw["tags"])
    return Dag(tags, raw["is_paused"], raw["has_import_errors"], raw["last_parsed_time"] or "")


def _refusal(status: int, answer: Mapping[str, Any]) -> str:
    """Return an error of the API in a few words."""
    return f"status {status}: {str(answer.get('detail', answer))[:300]}"
