"""The HTTP client, against a server that drops, stalls, repeats and lies."""

from __future__ import annotations

import os
import threading

import pytest

from atlas.errors import MalformedError, PlatformError, RefusedError, UnreachableError
from atlas.http import answers, connection, service
from atlas.http.once import create_once
from atlas.http.service import TIMEOUT, Patience, Service
from tests.integration.atlas.http.bad_server import (
    BadServer,
    answer,
    drip,
    drop,
    raw,
    reset,
    serving,
    stall,
)
from tests.servers import free_port

LONG = Patience(60.0, 60.0, 60.0, 60.0)
NONE = Patience(0.0, 0.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch):
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(service, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(service, "_LONGEST_PAUSE", 0.002)
    yield
    connection.close_idle()


def of(server: BadServer, **options) -> Service:
    return Service("it", server.url, **{"patience": LONG, **options})


def test_a_connection_is_used_again(monkeypatch):
    monkeypatch.setattr(connection, "_FRESH_SECONDS", 60.0)
    with serving() as server:
        it = of(server)
        assert [it.send("POST", f"a/{n}").status for n in range(3)] == [200] * 3
        assert server.lines == ["POST /a/0", "POST /a/1", "POST /a/2"]
        assert server.connections == 1


def test_a_kept_connection_that_the_server_has_closed_is_noticed_before_a_request():
    with serving(answer(close=True), answer()) as server:
        it = of(server, patience=NONE)
        it.send("GET", "a")
        server.await_done(1)
        assert it.send("POST", "b").status == 200
        assert server.lines == ["GET /a", "POST /b"]


def test_what_must_not_be_sent_twice_takes_no_old_connection(monkeypatch):
    monkeypatch.setattr(connection, "_FRESH_SECONDS", 0.0)
    with serving() as server:
        it = of(server)
        it.send("GET", "a")
        it.send("GET", "b")
        it.send("POST", "c")
        assert [one.connection for one in server.seen] == [1, 1, 2]


@pytest.mark.parametrize("deed", [drop, reset, raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
                                  raw(b"\0\1\2 nonsense"), raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")])  # fmt: skip
def test_a_lost_answer(deed):
    with serving(deed, deed) as server:
        assert of(server).send("GET", "a").status == 200
        assert len(server.seen) == 3
        server.deeds = [deed]
        with pytest.raises(UnreachableError, match=r"it at http://127\.\S+: no answer") as found:
            of(server).send("POST", "create")
        assert found.value.sent
        assert server.lines.count("POST /create") == 1
        server.deeds = [deed, deed]
        assert of(server).send("POST", "search", repeatable=True).status == 200


@pytest.mark.parametrize(("status", "creates", "others"), [(429, 3, 3), (503, 1, 3), (500, 1, 3),
                                                           (502, 1, 3), (404, 1, 1), (302, 1, 1)])  # fmt: skip
def test_which_answers_are_asked_for_again(status, creates, others):
    for method, count in (("POST", creates), ("PUT", others)):
        with serving(answer(status), answer(status)) as server:
            found = of(server).send(method, "a").status
            assert (found, len(server.seen)) == (200 if count == 3 else status, count)


def test_patience_ends():
    with serving(*[answer(500)] * 5000) as server:
        it = of(server, patience=Patience(failed=0.5))
        assert it.send("GET", "a").status == 500
        assert 1 < len(server.seen) < 5000


def test_nothing_listens():
    it = Service("it", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnreachableError, match="no answer: Connection refused") as found:
        it.send("POST", "a")
    assert not found.value.sent


def test_a_server_that_says_nothing(monkeypatch):
    monkeypatch.setenv(TIMEOUT, "0.6")
    with serving(stall(20), stall(20)) as server:
        with pytest.raises(UnreachableError, match=r"no answer within 0\.6 s") as found:
            of(server, patience=NONE).send("POST", "a")
        assert found.value.sent
        assert found.value.timed_out


@pytest.mark.parametrize("content", [b"HTTP/1.1 200 OK\r\nX-Slow: 1\r\n" * 1,
                                     b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"x" * 99])  # fmt: skip
def test_a_server_that_drips_ends_in_time(monkeypatch, content):
    monkeypatch.setenv(TIMEOUT, "0.3")
    late = pytest.raises(UnreachableError, match=r"no answer within 0\.3 s")
    with serving(drip(content, 0.02)) as server, late:
        of(server, patience=NONE).send("GET", "a")


def test_an_answer_without_an_end(monkeypatch):
    monkeypatch.setattr(connection, "LARGEST", 1000)
    large = pytest.raises(PlatformError, match="answers with more than")
    with serving(answer(content=b"x" * 1001)) as server, large:
        of(server).send("GET", "a")


@pytest.mark.parametrize("value", ["x", "0", "-1", "nan", "inf", "1e9"])
def test_a_timeout_that_is_none(monkeypatch, value):
    monkeypatch.setenv(TIMEOUT, value)
    with serving() as server, pytest.raises(PlatformError, match=r"ATLAS_HTTP_TIMEOUT: found"):
        of(server).send("GET", "a")


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://x", "http://", "http://[::1", "http://h:x",
                                 "http://a b", "http://h\r\nX: y", "http://u:hunter2@h:x"])  # fmt: skip
def test_a_url_that_is_none(url):
    with pytest.raises(PlatformError, match="expected a URL such as") as found:
        Service("it", url).send("GET", "a")
    assert "hunter2" not in str(found.value)


def test_a_token_with_a_line_end_isn_t_shown():
    with serving() as server, pytest.raises(PlatformError, match="such as a token") as found:
        of(server, authorize=lambda: "Bearer hunter2\nx: y").send("GET", "a")
    assert "hunter2" not in str(found.value)
    assert server.seen == []


def test_a_token_is_renewed_once():
    tokens = iter(["old", "new", "newer"])
    with serving(answer(), answer(401), answer(), answer(401), answer(401)) as server:
        it = of(server, authorize=lambda: next(tokens))
        assert [it.send("POST", "a").status for _ in range(3)] == [200, 200, 401]
        sent = [one.headers["authorization"] for one in server.seen]
        assert sent == ["old", "old", "new", "new", "newer"]


def test_a_first_token_that_is_refused_is_not_asked_for_again():
    with serving(answer(401)) as server:
        assert of(server, authorize=lambda: "x").send("POST", "a").status == 401
        assert len(server.seen) == 1


def test_a_user_in_the_url_is_sent_and_not_shown():
    with serving(answer(401), drop) as server:
        it = Service("it", server.url.replace("//", "//me:hunter%402@"), patience=NONE)
        it.send("GET", "a")
        assert server.seen[0].headers["authorization"] == "Basic bWU6aHVudGVyQDI="
        with pytest.raises(UnreachableError) as found:
            it.send("GET", "a")
        assert "hunter" not in str(found.value)


def test_a_redirect_is_not_followed():
    with serving() as other, serving(answer(302, Location=other.url)) as server:
        assert of(server, authorize=lambda: "x").send("GET", "a").status == 302
        assert other.seen == []


def test_requests_at_once_have_connections_of_their_own():
    with serving(*[stall(0.1)] * 0) as server:
        it = of(server)
        threads = [threading.Thread(target=it.send, args=("GET", str(n))) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(server.lines) == [f"GET /{n}" for n in range(8)]


def test_a_child_takes_no_connection_of_its_parent():
    with serving() as server:
        of(server).send("GET", "a")
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(write, str(of(server).send("GET", "b").status).encode())
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert os.read(read, 9) == b"200"
        os.close(read), os.close(write)
        of(server).send("GET", "c")
        assert [one.connection for one in server.seen] == [1, 2, 1]


# Shapes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "found"), [
    (b"[]", "found a list"), (b"null", "found null"), (b"3", "found a number"), (b"", "no JSON: nothing"),
    (b"<html><head><title>Sign in</title>", "no JSON: a page 'Sign in'"), (b"{", r"no JSON: '\{'"),
    (b"\xff\xfe\0", "no JSON"), (b"[" * 100_000, "no JSON"), (b"\x1b[31mred", r"no JSON: '\?\[31mred'"),
])  # fmt: skip
def test_what_is_no_object(content, found):
    told = pytest.raises(MalformedError, match=f"http://[0-9.:]+/a: status 200: .*{found}")
    with serving(answer(content=content)) as server, told:
        of(server).send("GET", "a?secret=1").json()


def test_picking():
    value = {"run": {"info": {"run_id": "x", "n": 1, "yes": True}}, "none": None}
    assert answers.pick(value, "run.info.run_id", str, "w") == "x"
    assert answers.pick(value, "run.info.n", float, "w") == 1.0
    assert answers.optional(value, "none", "d", "w") == "d"
    assert answers.optional(value, "run.x.y", [], "w") == []
    for path, kind, found in [("run.info.x", str, "found nothing; expected a text"),
                              ("run.info.yes", int, "found true or false; expected a number"),
                              ("run", list, "found an object; expected a list")]:  # fmt: skip
        with pytest.raises(MalformedError, match=f"w: {path}: {found}"):
            answers.pick(value, path, kind, "w")


@pytest.mark.parametrize("page", [{"ok": True}, {"runs": {}}, {"runs": [3]}, {"runs": [{"id": 3}]},
                                  {"runs": [{"id": "1"}], "next_page_token": 5},
                                  {"runs": [{"id": "1"}], "next_page_token": "a"}])  # fmt: skip
def test_pages_of_another_shape(page):
    with pytest.raises(MalformedError):
        list(answers.pages(lambda _: page, "runs", "w", "id"))


def test_pages_that_a_service_leaves_out_are_empty():
    assert list(answers.pages(lambda _: {}, "runs", "w", "id")) == []
    assert list(answers.pages(lambda _: None, "runs", "w", "id")) == []


# Once ---------------------------------------------------------------------------------------------


class Things:
    """What a server has been asked to create, with trouble on the way."""

    def __init__(self, *trouble: Exception | None, done: bool) -> None:
        self.there: list[int] = []
        self.trouble, self.done = [*trouble], done

    def find(self) -> int | None:
        return self.there[0] if self.there else None

    def create(self) -> int:
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble is None or self.done:
            self.there.append(len(self.there))
        if trouble is not None:
            raise trouble
        return self.there[-1]


LOST = UnreachableError("lost", sent=True)
LATE = UnreachableError("late", sent=True, timed_out=True)
UNSENT = UnreachableError("unsent", sent=False)
UNCLEAR = [
    LOST,
    LATE,
    RefusedError("500", 500),
    RefusedError("503", 503),
    MalformedError("garbled"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlas.http.once._PAUSES", (0.001, 0.001, 0.001))


@pytest.mark.parametrize("trouble", UNCLEAR)
def test_what_was_done_is_found(trouble):
    things = Things(trouble, done=True)
    assert create_once(things.find, things.create) == 0
    assert things.there == [0]


@pytest.mark.parametrize("trouble", [LOST, RefusedError("500", 500), MalformedError("garbled")])
def test_what_was_not_done_is_repeated(trouble):
    things = Things(trouble, trouble, done=False)
    assert create_once(things.find, things.create) == 0
    assert things.there == [0]


@pytest.mark.parametrize("trouble", [LATE, UNSENT, RefusedError("400", 400)])
def test_what_may_come_late_or_is_refused_is_not_repeated(trouble):
    things = Things(trouble, done=False)
    with pytest.raises(type(trouble)):
        create_once(things.find, things.create)
    assert things.there == []


def test_it_ends():
    things = Things(*[LOST] * 50, done=False)
    with pytest.raises(UnreachableError):
        create_once(things.find, things.create)
    assert len(things.trouble) == 46
