"""The catalogue on loopback: who has the password sees pages, and nobody anything else."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from atlas.catalog.serving import Served, served
from atlas.errors import AtlasError
from atlas.http.credentials import basic


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "pipelines").mkdir(parents=True)
    (site / "index.html").write_text("front")
    (site / "pipelines" / "a-b_1.html").write_text("page")
    (site / ".atlas-catalog.json").write_text("[]")
    (tmp_path / "secret.html").write_text("secret")
    return site


@pytest.fixture
def there(folder: Path) -> Iterator[Served]:
    with served(folder) as one:
        yield one


def asked(
    there: Served, path: str, *, method: str = "GET", host: str = "", password: str | None = None
) -> tuple[int, str, dict[str, str]]:
    place = urlsplit(there.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    given = there.password if password is None else password
    headers = {"Authorization": basic(there.username, given)} if given else {}
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"Host": host or place.netloc, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "text"),
    [("/", "front"), ("/index.html", "front"), ("/pipelines/a-b_1.html?x=1", "page")],
    ids=["root", "front", "page"],
)
def test_who_has_the_password_sees_pages(there: Served, path: str, text: str) -> None:
    status, body, headers = asked(there, path)
    assert (status, body) == (200, text)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert asked(there, path, method="HEAD")[:2] == (200, "")


@pytest.mark.parametrize("password", ["", "guessed"], ids=["none", "wrong"])
def test_nobody_else_does(there: Served, password: str) -> None:
    status, body, headers = asked(there, "/", password=password)
    assert (status, body) == (401, "who is there?\n")
    assert headers["WWW-Authenticate"].startswith("Basic")
    assert asked(there, "/pipelines/none.html", password=password)[0] == 401


def test_a_page_of_another_name_that_leads_here_gets_nothing(there: Served) -> None:
    assert asked(there, "/", host="evil.example.org")[0] == 421
    port = urlsplit(there.url).port
    assert asked(there, "/", host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/../secret.html", "/pipelines/../../secret.html", "/pipelines/%2e%2e/%2e%2e/secret.html",
     "/.atlas-catalog.json", "/pipelines/", "/pipelines/none.html", "//etc/passwd"],
    ids=["up", "up-below", "escaped", "list", "folder", "none", "root"],
)  # fmt: skip
def test_nothing_but_pages_is_served(there: Served, path: str) -> None:
    assert asked(there, path)[:2] == (404, "there is no such page\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(there: Served, method: str) -> None:
    assert asked(there, "/", method=method)[0] == 501


def test_each_serving_has_a_password_of_its_own(folder: Path) -> None:
    with served(folder) as one, served(folder) as other:
        assert one.password != other.password
        assert one.url != other.url


def test_a_port_that_is_taken(folder: Path, there: Served) -> None:
    port = urlsplit(there.url).port or 0
    with (
        pytest.raises(AtlasError, match=rf"port {port}: can't be listened on"),
        served(folder, port),
    ):
        pass
