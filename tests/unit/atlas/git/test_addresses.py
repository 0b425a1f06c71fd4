"""The address of a repository: what is shown of a remote, and what isn't."""

from __future__ import annotations

import pytest

from atlas.git.addresses import public_address, web_address

SHOWN = {
    "https://git.example/team/models.git": "https://git.example/team/models.git",
    "https://ann:t0ken@git.example:8443/team/models.git?t0ken#t0ken": (
        "https://git.example:8443/team/models.git"
    ),
    "https://t0ken@git.example/m": "https://git.example/m",
    "ssh://git@git.example:22/team/models.git": "ssh://git.example:22/team/models.git",
    "git@git.example:team/models.git": "ssh://git.example/team/models.git",
    "git.example:team/models.git": "ssh://git.example/team/models.git",
    "https://ann:t0ken@[::1]/m": "https://[::1]/m",
}
NOT_SHOWN = [
    "", "/srv/models.git", "../models", "file:///srv/models.git", "C:\\models", "C:models",
    "ext::sh -c t0ken", "https://", "https://[t0ken/m", "https://git.example:t0ken/m",
]  # fmt: skip


@pytest.mark.parametrize("remote", SHOWN)
def test_a_url_is_shown_without_what_opens_it(remote: str) -> None:
    assert public_address(remote) == SHOWN[remote]


@pytest.mark.parametrize("remote", NOT_SHOWN)
def test_a_folder_and_what_is_no_address_are_not_shown(remote: str) -> None:
    assert public_address(remote) == ""


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("https://ann:t0ken@git.example/team/models.git", "https://git.example/team/models"),
        ("http://git.example:8080/team/models/", "http://git.example:8080/team/models"),
        ("git@git.example:team/models.git", "https://git.example/team/models"),
        ("git://git.example/models.git", "https://git.example/models"),
        ("https://git.example/a b/(x)[y]", "https://git.example/a%20b/%28x%29%5By%5D"),
        ("https://git.example/a%20b", "https://git.example/a%20b"),
        ("ssh://git@git.example:7999/team/models.git", ""),
        ("git@ssh.dev.azure.example:v3/team/models", ""),
        ("https://git.example/", ""),
        ("/srv/models.git", ""),
    ],
)
def test_a_browser_finds_a_repository_by_its_name_at_the_same_host(remote: str, page: str) -> None:
    assert web_address(public_address(remote)) == page
