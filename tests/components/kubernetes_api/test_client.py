"""The client against a local HTTP server that answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import kubernetes.client
import pytest

from components.errors import TemporaryError, UserError
from components.kubernetes_api.client import KubernetesClient, RetryPolicy, connect
from components.kubernetes_api.errors import (
    AbsentError,
    BusyError,
    ConflictError,
    DeniedError,
    QuotaExceededError,
    RefusedError,
)

OK = (200, {"kind": "Thing"})
RETRY = RetryPolicy(attempts=4, first_wait_s=0.2, longest_wait_s=1.0, read_timeout_s=0.3)


@dataclass
class Script:
    """The answers that the server gives, one after another: status and body."""

    answers: list[tuple[int, object]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    slow_s: float = 0.0
    url: str = ""


@pytest.fixture
def script() -> Iterator[Script]:
    told = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.requests.append(f"{self.command} {self.path}")
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            status, body = told.answers.pop(0)
            if told.slow_s:
                time.sleep(told.slow_s)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                return  # the client has given up waiting

        do_PATCH = do_GET  # noqa: N815
        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(script: Script, waits: list[float]) -> KubernetesClient:
    configuration = kubernetes.client.Configuration(host=script.url)
    configuration.retries = False
    return KubernetesClient(kubernetes.client.ApiClient(configuration), RETRY, waits.append)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_what_may_pass_is_tried_again_and_the_waits_grow(
    script: Script, client: KubernetesClient, waits: list[float], status: int
) -> None:
    script.answers = [(status, {"message": "later"})] * 3 + [OK]
    assert client.get("/thing") == {"kind": "Thing"}
    assert len(script.requests) == 4
    assert all(low <= wait <= 1.5 * low for wait, low in zip(waits, (0.2, 0.4, 0.8), strict=True))


def test_it_is_given_up_after_the_last_attempt(script: Script, client: KubernetesClient) -> None:
    script.answers = [(503, {"message": "down"})] * 9
    with pytest.raises(TemporaryError, match="503 down"):
        client.get("/thing")
    assert len(script.requests) == 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, AbsentError),
        (409, ConflictError),
        (400, RefusedError),
        (401, RefusedError),
        (403, RefusedError),
        (422, RefusedError),
    ],
)
def test_what_will_not_pass_by_itself_is_told_at_once(
    script: Script,
    client: KubernetesClient,
    waits: list[float],
    status: int,
    kind: type[Exception],
) -> None:
    script.answers = [(status, {"message": "the\n  reason"})]
    with pytest.raises(kind, match="the reason") as told:
        client.patch("/thing", {})
    assert waits == []
    assert str(told.value) == f"PATCH /thing: {status} the reason"
    assert isinstance(told.value, UserError | TemporaryError)


def test_the_server_says_how_long_to_wait(
    script: Script, client: KubernetesClient, waits: list[float]
) -> None:
    script.answers = [(429, {}), OK]
    script.headers = {"Retry-After": "3"}
    client.get("/thing")
    assert waits == [3.0]


def test_nobody_waits_beyond_the_time_that_a_call_may_take(
    script: Script, client: KubernetesClient, waits: list[float]
) -> None:
    script.answers = [(429, {}), OK]
    script.headers = {"Retry-After": "3600"}
    with pytest.raises(BusyError):
        client.get("/thing")
    assert waits == []


def test_an_eviction_that_a_budget_refuses_is_not_repeated(
    script: Script, client: KubernetesClient
) -> None:
    script.answers = [(429, {"message": "Cannot evict pod"}), OK]
    with pytest.raises(BusyError, match="Cannot evict pod"):
        client.create("/eviction", {}, retry_busy=False)
    assert len(script.requests) == 1


def test_a_server_that_does_not_answer_is_a_temporary_error(
    script: Script, client: KubernetesClient
) -> None:
    script.answers = [OK] * 4
    script.slow_s = 0.5
    with pytest.raises(TemporaryError, match="no answer from the API server"):
        client.get("/thing")
    assert len(script.requests) == 4


def test_a_server_that_is_not_there_is_a_temporary_error(waits: list[float]) -> None:
    configuration = kubernetes.client.Configuration(host="http://127.0.0.1:1")
    configuration.retries = False
    client = KubernetesClient(kubernetes.client.ApiClient(configuration), RETRY, waits.append)
    with pytest.raises(TemporaryError, match="no answer"):
        client.get("/thing")
    assert len(waits) == 3


@pytest.mark.parametrize("body", [b"not json", b"[1]", b"", b'{"kind": "Thi'])
def test_an_answer_that_is_no_object_is_a_temporary_error(
    script: Script, client: KubernetesClient, body: bytes
) -> None:
    script.answers = [(200, body)] * 4
    with pytest.raises(TemporaryError, match="not a JSON object"):
        client.get("/thing")


def test_a_collection_is_read_page_by_page(script: Script, client: KubernetesClient) -> None:
    script.answers = [
        (200, {"items": [{"n": 1}], "metadata": {"continue": "next"}}),
        (200, {"items": [{"n": 2}], "metadata": {}}),
    ]
    assert client.list("/things", {"labelSelector": "a=b"}) == [{"n": 1}, {"n": 2}]
    assert script.requests == [
        "GET /things?labelSelector=a%3Db&limit=500",
        "GET /things?labelSelector=a%3Db&limit=500&continue=next",
    ]


def test_what_a_page_breaks_off_with_is_not_taken_for_the_whole(
    script: Script, client: KubernetesClient
) -> None:
    script.answers = [
        (200, {"items": [{"n": 1}], "metadata": {"continue": "next"}}),
        (410, {"message": "the continue token is too old"}),
    ]
    with pytest.raises(RefusedError, match="too old"):
        client.list("/things")


@pytest.mark.parametrize("text", [None, "", "{", "kind: Config\n"])
def test_without_a_usable_kubeconfig_the_user_is_told_in_one_line(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError) as told:
        connect(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_outside_of_a_cluster_the_user_is_told_to_pass_a_kubeconfig(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UserError, match="pass a kubeconfig"):
        connect(None)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (403, 'pods "x" is forbidden: exceeded quota: team, requested: pods=1', QuotaExceededError),
        (400, 'admission webhook "frozen.example.org" denied the request: no', DeniedError),
        (422, 'admission webhook "frozen.example.org" denied the request: no', DeniedError),
        (403, 'pods "x" is forbidden: User "y" cannot patch resource', RefusedError),
    ],
)
def test_a_full_quota_and_a_denying_webhook_are_told_apart_from_missing_rights(
    script: Script, client: KubernetesClient, status: int, message: str, kind: type[Exception]
) -> None:
    script.answers = [(status, {"message": message})]
    with pytest.raises(RefusedError, match=r"denied|quota|cannot") as raised:
        client.get("/api/v1/pods")
    assert type(raised.value) is kind
    assert len(script.requests) == 1


def test_a_webhook_that_does_not_answer_may_answer_later(
    script: Script, client: KubernetesClient
) -> None:
    failing = (500, {"message": 'Internal error: failed calling webhook "x": timed out'})
    script.answers = [failing, OK]
    assert client.get("/api/v1/pods") == OK[1]
