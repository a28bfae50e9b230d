"""Credentials and trust of the session, against servers that insist on them."""

from __future__ import annotations

import base64
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.errors import TemporaryError, UserError
from components.metrics.prometheus import PrometheusClient
from components.metrics.session import Access, access_from

GOOD = b'{"status":"success","data":{"resultType":"vector","result":[]}}'


@contextmanager
def demanding(wanted: str, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str]]]:
    """A server that answers only with this Authorization header ('' wants none).

    It insists that only an answer over TLS may be compressed.
    """
    sent: list[str] = []
    compressed: list[bool] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent.append(self.headers.get("Authorization", ""))
            compressed.append("gzip" in self.headers.get("Accept-Encoding", ""))
            body = GOOD if sent[-1] == wanted else b""
            self.send_response(200 if body else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}", sent
        assert set(compressed) <= {tls is not None}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def check(url: str, access: Access) -> None:
    client = PrometheusClient(url, 5.0, backoff_s=0.0, access=access)
    try:
        client.check()
    finally:
        client.close()


def test_a_bearer_token_is_sent_and_its_file_is_read_again(tmp_path: Path) -> None:
    with demanding("Bearer abc") as (url, sent):
        check(url, Access(token="abc"))
        file = tmp_path / "token"
        file.write_text("old\n")
        access = Access(token_file=str(file))
        with pytest.raises(UserError, match="set AWARE_PROMETHEUS_TOKEN"):
            check(url, access)
        file.write_text("abc\n")
        check(url, access)
    assert sent == ["Bearer abc", "Bearer old", "Bearer abc"]


def test_user_and_password_are_sent_as_basic() -> None:
    words = base64.b64encode("ann:pä:ss".encode()).decode()
    with demanding(f"Basic {words}") as (url, _):
        check(url, Access(user="ann", password="pä:ss"))


def _certificate(folder: Path) -> tuple[str, str]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {key}"
        f" -days 2 -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return str(certificate), str(key)


def test_tls_is_verified_unless_the_authority_is_given_and_a_client_certificate_is_shown(
    tmp_path: Path,
) -> None:
    certificate, key = _certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.load_verify_locations(certificate)
    tls.verify_mode = ssl.CERT_REQUIRED
    with demanding("", tls) as (url, sent):
        for refused in (Access(), Access(ca_file=certificate)):
            with pytest.raises((UserError, TemporaryError)):
                check(url, refused)
        assert sent == []
        check(url, Access(ca_file=certificate, cert_file=certificate, key_file=key))
    assert sent == [""]


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"TOKEN": "a", "USER": "b"}, "one credential"),
        ({"CERT_FILE": "/absent"}, "together or neither"),
        ({"CA_FILE": "/absent"}, "AWARE_PROMETHEUS_CA_FILE is /absent, which is no file"),
    ],
)
def test_settings_that_cannot_work_are_told(environment: dict[str, str], what: str) -> None:
    with pytest.raises(UserError, match=what):
        access_from({f"AWARE_PROMETHEUS_{name}": value for name, value in environment.items()})
