"""Podman's service with Docker's API, as it is started."""

from __future__ import annotations

from atlas.containers import settings
from atlas.containers.serve import REGISTRIES, serving


def test_it_listens_on_the_socket_and_takes_the_registry_without_tls(tmp_path, monkeypatch):
    monkeypatch.delenv(REGISTRIES, raising=False)
    monkeypatch.setattr(settings, "environment", lambda state: {"CONTAINERS_CONF": f"{state}/c"})
    socket = tmp_path / "podman.sock"
    command, more = serving(socket, "127.0.0.1:5000", tmp_path)
    assert command == ["podman", "system", "service", "--time=0", f"unix://{socket}"]
    assert more == {
        "CONTAINERS_CONF": f"{tmp_path}/c", REGISTRIES: f"{tmp_path}/registries.conf"
    }  # fmt: skip
    assert (
        'location = "127.0.0.1:5000"\ninsecure = true' in (tmp_path / "registries.conf").read_text()
    )


def test_the_users_own_registries_hold(tmp_path, monkeypatch):
    monkeypatch.setenv(REGISTRIES, "/etc/own.conf")
    _, more = serving(tmp_path / "podman.sock", "127.0.0.1:5000", tmp_path)
    assert REGISTRIES not in more
