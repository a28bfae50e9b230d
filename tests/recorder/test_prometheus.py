"""The real server: it scrapes what the exporter serves, keeps it, and leaves nothing running."""

import http.server
import json
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.prometheus_server import programs_or_skip
from tests.recorder.podman import RigError
from tests.recorder.prometheus import Prometheus, is_ready


@pytest.fixture(autouse=True)
def _installed():
    programs_or_skip()


@pytest.fixture
def exporter_port():
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'kube_deployment_spec_replicas{namespace="shop",deployment="cart"} 3\n'
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Nothing: the test's output is no access log."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def replicas(url):
    query = urllib.parse.urlencode({"query": "last_over_time(kube_deployment_spec_replicas[1h])"})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=10) as answer:
        return [
            (series["metric"]["namespace"], float(series["value"][1]))
            for series in json.load(answer)["data"]["result"]
        ]


def test_it_scrapes_the_exporter_under_its_own_labels_and_keeps_the_series(tmp_path, exporter_port):
    server = Prometheus(tmp_path, exporter_port)
    server.start()
    try:
        until_s = time.monotonic() + 20
        while not replicas(server.url):
            assert time.monotonic() < until_s, "nothing was scraped"
            time.sleep(0.3)
    finally:
        server.stop()
    assert not is_ready(server.url)
    again = Prometheus(tmp_path, None)
    again.start()
    try:
        assert replicas(again.url) == [("shop", 3.0)]
    finally:
        again.stop()


def test_a_server_that_a_crash_left_behind_is_stopped_by_the_next(tmp_path):
    left = Prometheus(tmp_path, None)
    left.start()
    following = Prometheus(tmp_path, None)
    try:
        following.start()
        assert not is_ready(left.url)
        assert is_ready(following.url)
    finally:
        following.stop()
        left.stop()


def test_a_database_that_cannot_be_opened_is_reported_in_one_line(tmp_path):
    (tmp_path / "tsdb").write_text("no folder")
    with pytest.raises(RigError, match="Prometheus didn't start"):
        Prometheus(tmp_path, None).start()
    assert "tsdb" in Path(tmp_path / "prometheus.log").read_text()
