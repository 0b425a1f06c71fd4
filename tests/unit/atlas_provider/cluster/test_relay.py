"""Who is let through to a port that asks nobody."""

from __future__ import annotations

import pytest

from atlas_provider.cluster.relay import signed_in

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
