"""A running Airflow, over its REST API: which DAGs it has, and what keeps it from having one."""

from __future__ import annotations

import json
import os
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from atlas.advice import bring_up, command
from atlas.dataclass import dataclass
from atlas.errors import MalformedError, PlatformError, RefusedError, UnreachableError, clean
from atlas.http.answers import excerpt, objects, offset_pages, optional, pick
from atlas.http.credentials import read_secret
from atlas.http.service import Patience, Service
from atlas.uris import path_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from atlas.http.answers import Answer

_PAGE = 1000
_RUNS, _RUNS_PAGE = 1000, 100
_NOT_FOUND, _CONFLICT = 404, 409
_OK = range(200, 300)
_PATIENCE = Patience(unanswered=5.0, busy=20.0, failed=20.0)
"""Long for failures inside: its database may be locked."""
_JSON = {"Content-Type": "application/json"}
_TAGS = ("plan", "monitor")
"""What is before the digest in the tag that says what a DAG was compiled from."""
_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
_RUN = ("dag_run_id", "state")
_ACTIVE: tuple[str, ...] = ("running", "queued")


@dataclass(frozen=True, slots=True)
class Dag:
    """What Airflow reports of one DAG.

    Attributes:
        tags: its tags; one is ``plan:<digest>``, or ``monitor:<digest>`` of a monitor.
        paused: whether an operator has paused it.
        broken: whether its file can't be imported any more.
        parsed: when Airflow last read its file, in Airflow's own words.
    """

    tags: frozenset[str]
    paused: bool
    broken: bool
    parsed: str

    @property
    def plan(self) -> str:
        """The first digits of its Plan's digest, as its tag says; empty when none does."""
        named = (tag.partition(":") for tag in self.tags)
        return next((digits for kind, _, digits in named if kind in _TAGS and digits), "")

    def is_of(self, plan: str) -> bool:
        """Tell whether it was compiled from the Plan of a digest."""
        return bool(self.plan) and plan.startswith(self.plan)


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
class AirflowApi:
    """An Airflow API server.

    Attributes:
        url: such as ``http://127.0.0.1:8080``.
        secrets: folder of secrets, as ``file://``.
        credentials: name of the secret with username and password.
    """

    url: str
    secrets: str
    credentials: str
    _service: Service = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Use the server; nothing is asked yet."""
        self._service = Service("airflow", self.url, self._sign_in, _PATIENCE)

    def dags(self, names: Iterable[str]) -> dict[str, Dag]:
        """Return those of some DAGs that Airflow has: one list, whatever their number."""
        asked = set(names)
        query = {"dag_id_prefix_pattern": _prefix(asked), "exclude_stale": "true"}
        raws = self._pages("dags", "dags", {**query, "order_by": "dag_id"}, "dag_id")
        return {raw["dag_id"]: _dag(raw) for raw in raws if raw["dag_id"] in asked}

    def import_failures(self) -> dict[str, ImportFailure]:
        """Return the files that can't be imported, by path in the DAG folder."""
        texts = ("filename", "timestamp", "stack_trace")
        raws = self._pages("importErrors", "import_errors", {}, *texts)
        return {r["filename"]: ImportFailure(r["timestamp"], r["stack_trace"]) for r in raws}

    def has(self, dag: str) -> bool:
        """Tell whether Airflow keeps anything of a DAG."""
        return bool(self.kept([dag]))

    def kept(self, names: Iterable[str]) -> set[str]:
        """Return those of some DAGs of which Airflow keeps anything, with or without a file."""
        asked = set(names)
        query = {"dag_id_prefix_pattern": _prefix(asked), "exclude_stale": "false"}
        raws = self._pages("dags", "dags", {**query, "order_by": "dag_id"}, "dag_id")
        return {raw["dag_id"] for raw in raws} & asked

    def active_runs(self, names: Iterable[str], paused: Collection[str]) -> dict[str, list[str]]:
        """Return the ids of the runs that aren't over and go on by themselves, of DAGs with any.

        Args:
            names: the DAGs, all of which are asked for by list.
            paused: those that an operator has paused: nothing follows a task that is under way.
        """
        inactive = sorted({*names} & {*paused})
        active = sorted({*names} - {*inactive})
        runs = "dags/~/dagRuns/list", "dag_runs", {"dag_ids": active, "states": _ACTIVE}
        tasks = (
            "dags/~/dagRuns/~/taskInstances/list",
            "task_instances",
            {"dag_ids": inactive, "state": _ACTIVE[:1]},
        )
        run_ids: dict[str, set[str]] = {}
        for path, key, body in (runs, tasks):
            for item in self._listed(path, key, body) if body["dag_ids"] else ():
                run_ids.setdefault(item["dag_id"], set()).add(item["dag_run_id"])
        return {name: sorted(ids) for name, ids in run_ids.items()}

    def runs_under_way(self, names: Iterable[str]) -> dict[str, list[str]]:
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
        where = f"airflow at {self.url}: dagRuns"
        runs = () if status == _NOT_FOUND else objects(answer, "dag_runs", where, *_RUN)
        return (runs[0]["dag_run_id"], runs[0]["state"]) if runs else ("", "")

    def last_runs(self, names: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return id and state of the latest run of each DAG that has one, by list."""
        asked = set(names)
        latest: dict[str, tuple[str, str]] = {}
        for seen in range(0, _RUNS, _RUNS_PAGE):
            body = {"dag_ids": sorted(asked), "order_by": "-run_after", "page_offset": seen}
            _, answer = self._call("POST", "dags/~/dagRuns/list", body=body)
            where = f"airflow at {self.url}: dagRuns/list"
            runs = objects(answer, "dag_runs", where, "dag_id", *_RUN)
            for run in runs:
                latest.setdefault(run["dag_id"], (run["dag_run_id"], run["state"]))
            is_all = seen + len(runs) >= pick(answer, "total_entries", int, where)
            if is_all or not runs or len(latest) == len(asked):
                return latest
        others = {name: self.last_run(name) for name in asked - set(latest)}
        return {**latest, **{name: run for name, run in others.items() if run[0]}}

    def forget(self, dag: str) -> bool:
        """Delete what Airflow keeps of a DAG; False while tasks of it are running."""
        status, _ = self._call("DELETE", f"dags/{quote(dag)}", (_NOT_FOUND, _CONFLICT))
        return status != _CONFLICT

    def version(self) -> str:
        """Return Airflow's version."""
        answer = self._call("GET", "version")[1]
        return str(pick(answer, "version", str, f"airflow at {self.url}: version"))

    def parts(self) -> dict[str, str]:
        """Return how each part of Airflow is, ``healthy`` or not; empty of one that isn't used."""
        answer = self._call("GET", "monitor/health")[1]
        where = f"airflow at {self.url}: monitor/health"
        return {name: optional(answer, f"{name}.status", "", where) for name in _PARTS}

    def _listed(self, path: str, key: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Return the items of a list that is asked for by a body, page by page."""

        def fetch(seen: int) -> dict[str, Any]:
            page = {**body, "order_by": "id", "page_limit": _PAGE, "page_offset": seen}
            return self._call("POST", path, body=page)[1]

        where = f"airflow at {self.url}: {path}"
        yield from offset_pages(fetch, key, where, "dag_id", "dag_run_id")

    def _pages(
        self, path: str, key: str, query: Mapping[str, str], *texts: str
    ) -> Iterator[dict[str, Any]]:
        """Return the items of a list, page by page, each with some texts."""

        def fetch(seen: int) -> dict[str, Any]:
            page = urlencode({**query, "limit": _PAGE, "offset": seen})
            return self._call("GET", f"{path}?{page}")[1]

        yield from offset_pages(fetch, key, f"airflow at {self.url}: {path}", *texts)

    def _call(
        self,
        method: str,
        path: str,
        accepted: tuple[int, ...] = (),
        body: Mapping[str, Any] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Call one method of the API; a token that has expired is replaced.

        Raises:
            PlatformError: no answer, or an error that isn't accepted.
        """
        status, answer = self._send(self._service, method, f"api/v2/{path}", body)
        if status not in _OK and status not in accepted:
            text = f"airflow at {self.url}: {path}: {_refusal(status, answer)}"
            raise RefusedError(text, status)
        return status, answer

    def _sign_in(self) -> str:
        """Return the authorization of a new token."""
        secret = read_secret(path_of(self.secrets), self.credentials)
        door = Service("airflow", self.url, patience=_PATIENCE)
        status, answer = self._sent(door, "POST", "auth/token", dict(secret))
        if status not in _OK or not isinstance(answer.get("access_token"), str):
            raise PlatformError(
                f"airflow at {self.url}: doesn't take the user and password of secret "
                f"'{self.credentials}': {_refusal(status, answer)}; correct that secret, or run "
                f"{command('up')} again"
            )
        return f"Bearer {answer['access_token']}"

    def _send(
        self, service: Service, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, after signing in where that is needed; return its status and JSON.

        Raises:
            UnreachableError: no answer; it says how the platform is brought back.
        """
        try:
            return self._sent(service, method, path, body)
        except UnreachableError as error:
            text = f"{error}; {bring_up('brings it back')}"
            raise UnreachableError(text, sent=error.sent, timed_out=error.timed_out) from error

    @staticmethod
    def _sent(
        service: Service, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, and return its status and JSON.

        Nothing that is sent does more when it is sent twice: lists are only asked for, a run has an
        id of its own.

        Raises:
            UnreachableError: no answer.
        """
        content = None if body is None else json.dumps(body).encode()
        sent = service.send(method, path, content, _JSON if content else {}, repeatable=True)
        if sent.status in _OK:
            return sent.status, sent.json()
        return sent.status, _refused(sent)


def _prefix(names: Collection[str]) -> str:
    """Return what all names begin with."""
    return os.path.commonprefix([*names])  # noqa: RUF071 - no paths


def _refused(sent: Answer) -> dict[str, Any]:
    """Return Airflow's objection to a request; a proxy before it may not answer with JSON."""
    try:
        return sent.json()
    except MalformedError:
        return {"detail": excerpt(sent.content)}


def _dag(raw: Mapping[str, Any]) -> Dag:
    """Return a DAG from the API's JSON."""
    where = f"airflow: dag {raw['dag_id']}"
    tags = frozenset(tag["name"] for tag in objects(raw, "tags", where, "name"))
    paused, broken = (pick(raw, k, bool, where) for k in ("is_paused", "has_import_errors"))
    return Dag(tags, paused, broken, str(raw.get("last_parsed_time") or ""))


def _refusal(status: int, answer: Mapping[str, Any]) -> str:
    """Return an error of the API in a few words."""
    return f"status {status}: {clean(str(answer.get('detail', answer)), 300)}"
