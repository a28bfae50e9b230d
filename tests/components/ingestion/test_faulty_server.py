"""A server that fails on purpose: what is retried, what is told, and how."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.errors import TemporaryError, UserError
from components.ingestion.config import IngestionConfig
from components.ingestion.stage import run
from components.metrics.grid import Grid
from components.metrics.prometheus import ATTEMPTS, PrometheusClient
from components.progress import Progress
from tests.components.ingestion.shop_history import write_workloads
from tests.components.metrics.answering_server import Answer, answering

GOOD = json.dumps(
    {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [{"metric": {"pod": "a"}, "values": [[15, "1.5"], [30, "NaN"]]}],
        },
    }
).encode()
PAGE = Grid(15_000, 3)


@contextmanager
def client_of(url: str, timeout_s: float = 5.0) -> Iterator[PrometheusClient]:
    client = PrometheusClient(url, timeout_s, backoff_s=0.01)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_overload_is_retried_until_it_is_over(status: int) -> None:
    answers = [Answer(b"busy", status)] * (ATTEMPTS - 1) + [Answer(GOOD)]
    with answering(answers) as (url, asked), client_of(url) as client:
        (series,) = client.over("up", PAGE)
    assert len(asked) == ATTEMPTS
    assert series.labels == {"pod": "a"}
    assert list(series.times_ms) == [15_000, 30_000]
    assert series.values[0] == 1.5


def test_a_slow_answer_is_asked_again() -> None:
    answers = [Answer(GOOD, delay_s=0.6), Answer(GOOD)]
    with answering(answers) as (url, asked), client_of(url, timeout_s=0.2) as client:
        assert len(client.over("up", PAGE)) == 1
    assert len(asked) == 2


def test_endless_overload_ends_after_a_bounded_number_of_attempts() -> None:
    with answering([Answer(b"busy", 503)]) as (url, asked), client_of(url) as client:
        with pytest.raises(TemporaryError, match=f"answers 503 after {ATTEMPTS} attempts"):
            client.over("up", PAGE)
        assert len(asked) == ATTEMPTS


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (401, b"", r"refuses us \(401\); set AWARE_PROMETHEUS_TOKEN"),
        (403, b"", r"refuses us \(403\)"),
        (404, b"", r"not as a Prometheus \(404\)"),
        (200, b"<html>hello</html>", "not as a Prometheus; check the address"),
        (200, b"{}", "not as a Prometheus; check the address"),
        (422, b'{"error":"too many samples"}', r"refuses the query up \(422: too many samples\)"),
    ],
)
def test_what_a_user_can_mend_is_told_at_once(status: int, body: bytes, what: str) -> None:
    with answering([Answer(body, status)]) as (url, asked), client_of(url) as client:
        with pytest.raises(UserError, match=what):
            client.over("up", PAGE)
        assert len(asked) == 1


def test_a_password_in_the_address_is_never_shown() -> None:
    with answering([Answer(b"", 401)]) as (url, _):
        secret = url.replace("http://", "http://ann:hunter2@")
        with client_of(secret) as client, pytest.raises(UserError) as caught:
            client.check()
    assert "hunter2" not in str(caught.value)
    assert url in str(caught.value)


def test_a_server_that_drops_the_answer_half_way_is_a_temporary_failure() -> None:
    class Truncating(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(GOOD)))
            self.end_headers()
            self.wfile.write(GOOD[:40])
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Truncating)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with (
            client_of(f"http://127.0.0.1:{server.server_address[1]}") as client,
            pytest.raises(TemporaryError, match="stopped answering"),
        ):
            client.over("up", PAGE)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_unreachable_prometheus_is_one_clear_line(tmp_path: Path) -> None:
    with answering([Answer(b"")]) as (url, _):
        pass  # the port is free again
    config = IngestionConfig(prometheus_url=url, workloads=str(write_workloads(tmp_path)))
    with pytest.raises(UserError, match=f"can't reach a Prometheus at {url}; check the address"):
        run(config, tmp_path / "dataset", Progress("ingestion"))
    assert not (tmp_path / "dataset").exists()
