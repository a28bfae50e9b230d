"""The page's server, over real HTTP: what it serves, what it refuses, and how it is locked down."""

import http.client
import json
import threading
from contextlib import closing, contextmanager

import pytest

from components.errors import UserError
from components.page.documents import LIST_PATH, Row, Size, detail_path, list_document
from components.page.server import page_server

NOTHING = Size(None, None, None)
ROW = Row("shop/a", "SHADOW", "accepted", "steady", NOTHING, NOTHING, 0.1, None, 1.0, "why", [1.0])


@contextmanager
def serving():
    answers = {LIST_PATH: list_document("test", "2026-01-01T00:00:00+00:00", [ROW])}
    with page_server("127.0.0.1", 0, answers.get) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def asked(port, path, method="GET"):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/workloads.json", "application/json"),
        ("/workloads.json?x=1", "application/json"),
    ],
)
def test_it_serves_its_files_and_documents(path, kind):
    with serving() as port:
        status, headers, body = asked(port, path)
    assert status == 200
    assert headers["Content-Type"] == kind
    assert int(headers["Content-Length"]) == len(body) > 0


def test_the_list_is_the_rows():
    with serving() as port:
        _, _, body = asked(port, "/workloads.json")
    (row,) = json.loads(body)["workloads"]
    assert row["workload"] == "shop/a"
    assert row["current"] == {"replicas": None, "cpu_m": None, "memory_bytes": None}


@pytest.mark.parametrize(
    "path", ["/nothing", "/../setup.cfg", "/%2e%2e/setup.cfg", "/assets/page.js", "//etc/passwd"]
)
def test_nothing_else_is_served(path):
    with serving() as port:
        assert asked(port, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(method):
    with serving() as port:
        assert asked(port, "/workloads.json", method)[0] == 501


def test_head_has_the_length_but_no_body():
    with serving() as port:
        status, headers, body = asked(port, "/", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0


def test_it_loads_nothing_from_elsewhere_and_is_framed_by_nobody():
    with serving() as port:
        _, headers, body = asked(port, "/")
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert headers["X-Frame-Options"] == "DENY"
    assert b"http://" not in body
    assert b"https://" not in body


def test_a_port_in_use_is_one_line():
    with serving() as port, pytest.raises(UserError, match=f"127.0.0.1:{port}.*--port"):
        page_server("127.0.0.1", port, lambda path: None)


def test_a_detail_has_its_own_path():
    assert detail_path("shop/a") == "/workloads/shop/a.json"
