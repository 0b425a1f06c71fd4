"""Who is let through to a port that asks nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_provider.cluster.relay import file_in, signed_in

ALLOWED = ("Bearer right", "Basic YTpi")


def head(*lines: str) -> bytes:
    return "\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode()


@pytest.mark.parametrize("line", ["Authorization: Bearer right", "authorization:Basic YTpi"])
def test_one_of_the_allowed_values_opens_it(line: str) -> None:
    assert signed_in(head("Host: here", line), ALLOWED)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Authorization: Bearer wrong",),
        ("Authorization: Bearer right more",),
        ("Authorization: bearer right",),
        ("X-Authorization: Bearer right",),
        ("Authorization: Bearer wrong", "Authorization: Bearer right"),
    ],
    ids=["none", "wrong", "more", "case", "other", "two"],
)
def test_nothing_else_does(lines: tuple[str, ...]) -> None:
    assert not signed_in(head(*lines), ALLOWED)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", b"front"),
        ("/static/app.js?v=1", b"code"),
        ("/none", b"front"),
        ("/../secret", b"front"),
        ("/%2e%2e/secret", b"front"),
        ("/static/../../secret", b"front"),
        ("/static/link", b"front"),
    ],
    ids=["front", "file", "none", "up", "quoted", "inside", "link"],
)
def test_a_page_s_files_are_those_of_its_folder(tmp_path: Path, path: str, body: bytes) -> None:
    folder = tmp_path / "build"
    (folder / "static").mkdir(parents=True)
    (folder / "index.html").write_bytes(b"front")
    (folder / "static" / "app.js").write_bytes(b"code")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "static" / "link").symlink_to(tmp_path / "secret")
    assert file_in(folder, path).partition(b"\r\n\r\n")[2] == body


def test_a_page_that_is_gone_is_what_is_behind_s_business(tmp_path: Path) -> None:
    assert file_in(tmp_path, "/") == b""
