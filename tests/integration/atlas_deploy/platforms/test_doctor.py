"""Of a platform that is wrong somewhere: where, and what to do; the rest is tried all the same."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from atlas.errors import PlatformError
from atlas_deploy.platforms.certificates import certificate
from atlas_deploy.platforms.doctor import TrialResult, examine
from atlas_deploy.platforms.services import Services, services_named
from tests.servers import RegistryServer, registry_server

__all__ = ["registry_server"]
DAY = 86400.0


def service(kind: str, url: str, credentials: str | None = None) -> dict[str, str | None]:
    plain = {"kind": kind, "url": url, "workload_url": url, "version": ""}
    return {**plain, "credentials": credentials}


@pytest.fixture
def services(tmp_path: Path, registry_server: RegistryServer) -> Services:
    (tmp_path / "store").mkdir()
    by_name = {
        "store": service("file", (tmp_path / "store").as_uri()),
        "registry": service("registry", registry_server.url, "registry"),
        "secrets": service("folder", registry_server.secrets.as_uri()),
    }
    return Services("it", by_name)


def of(found: list[TrialResult], trial: str) -> TrialResult:
    (one,) = [finding for finding in found if finding.trial == trial]
    return one


def changed(services: Services, name: str, **entries: str | None) -> Services:
    by_name = {**services.by_name, name: {**services.by_name[name], **entries}}
    return Services(services.platform, by_name)


def test_what_is_as_it_should_be_leaves_nothing_behind(services, tmp_path):
    found = examine(services)
    assert [(one.trial, one.ok, one.problem) for one in found] == [
        ("registry's clock", True, ""),
        ("images can be pushed", True, ""),
        ("the store can be written and read", True, ""),
    ]
    assert [*(tmp_path / "store").iterdir()] == []


@pytest.mark.parametrize(("days", "way"), [(1.0, "behind"), (-1.0, "ahead of")], ids=["on", "back"])
def test_a_clock_that_is_a_day_off_is_told_with_its_direction(services, days, way):
    clock = of(examine(services, lambda: time.time() + days * DAY), "registry's clock")
    assert not clock.ok
    assert f"s {way} this machine's" in clock.problem
    assert clock.problem.endswith("set both by NTP")


def test_a_wrong_password_is_told_and_the_store_is_tried_all_the_same(services, tmp_path):
    wrong = tmp_path / "secrets"
    wrong.mkdir()
    (wrong / "registry.json").write_text('{"username": "atlas", "password": "wrong"}')
    found = examine(changed(services, "secrets", url=wrong.as_uri()))
    pushed = of(found, "images can be pushed")
    assert not pushed.ok
    assert "refuses the credentials of 'atlas'" in pushed.problem
    assert "mend the platform's secret" in pushed.problem
    assert of(found, "the store can be written and read").ok


def test_a_store_that_cannot_be_written_is_told_with_the_way_out(services, tmp_path):
    (tmp_path / "file").write_text("")
    store = (tmp_path / "file" / "store").as_uri()
    stored = of(examine(changed(services, "store", url=store)), "the store can be written and read")
    assert not stored.ok
    assert "can't write" in stored.problem


def test_a_server_that_is_gone_is_told(services):
    found = examine(changed(services, "registry", url="http://127.0.0.1:1"))
    assert not of(found, "registry's clock").ok
    assert "127.0.0.1:1" in of(found, "registry's clock").problem


# Certificates -----------------------------------------------------------------------------------


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def served(tmp_path: Path, key: ec.EllipticCurvePrivateKey) -> Iterator[object]:
    """Return what starts a server that shows a certificate that ends in some days."""
    servers: list[ThreadingHTTPServer] = []

    def serve(days: float) -> int:
        file = tmp_path / "server.pem"
        file.write_bytes(_certificate(key, days))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return int(server.server_address[1])

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def _certificate(key: ec.EllipticCurvePrivateKey, days: float) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM) + secret


@pytest.mark.parametrize(
    ("days", "said"),
    [(-1, "has expired"), (3, "ends on .*, in [23] days; renew it"), (90, "")],
    ids=["expired", "soon", "good"],
)
def test_a_certificate_is_told_when_it_ends(served, tmp_path, monkeypatch, days, said):
    port = served(days)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    if not said:
        assert certificate("127.0.0.1", port, time.time) in ("good for 90 days", "good for 89 days")
        return
    with pytest.raises(PlatformError, match=said):
        certificate("127.0.0.1", port, time.time)


def test_an_authority_that_nobody_trusts_and_a_server_without_tls_are_told(
    served, registry_server, monkeypatch
):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(PlatformError, match="isn't accepted: self-signed certificate"):
        certificate("127.0.0.1", served(90), time.time)
    port = int(registry_server.url.rpartition(":")[2])
    with pytest.raises(PlatformError, match="no TLS"):
        certificate("127.0.0.1", port, time.time)


# Which platform ---------------------------------------------------------------------------------


def test_a_file_of_outputs_is_a_platform(services, project, monkeypatch):
    monkeypatch.chdir(project.root)
    file = project.write("mine.json", json.dumps({"version": 1, "services": services.by_name}))
    assert services_named(str(file)).by_name == services.by_name
    for text in ("", "[]", '{"version": 1}'):
        file.write_text(text)
        with pytest.raises(PlatformError, match="no outputs of a platform"):
            services_named(str(file))
