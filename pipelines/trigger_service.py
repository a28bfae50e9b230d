"""The trigger's HTTP face: Alertmanager's webhooks in, one retraining run out.

The standard library's server: a few small requests a minute, and nothing more to keep patched.
"""

from __future__ import annotations

import hmac
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from components.errors import TemporaryError, UserError
from pipelines.trigger_book import Firing, TriggerBook

_log = logging.getLogger(__name__)

MOST_BODY_BYTES = 1_000_000
MOST_ALERTS = 1_000
# A client that sends slowly holds a thread for no longer.
SOCKET_TIMEOUT_S = 10.0
LABEL = "aware_retraining"


class Alert(BaseModel):
    """One alert of a webhook; fields that aren't needed are ignored."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    fingerprint: str = Field(min_length=1, max_length=64)
    starts_at: str = Field(alias="startsAt", max_length=64)


class Webhook(BaseModel):
    """Alertmanager's webhook, version 4."""

    version: Literal["4"]
    alerts: list[Alert] = Field(max_length=MOST_ALERTS)

    def firings(self) -> list[Firing]:
        """Those that fire and whose rule asks for retraining by its label."""
        return [
            Firing(alert.fingerprint, alert.starts_at)
            for alert in self.alerts
            if alert.status == "firing" and alert.labels.get(LABEL) == "true"
        ]


def make_server(host: str, port: int, book: TriggerBook, token: str) -> ThreadingHTTPServer:
    """A server that isn't running yet; requests must carry `token` as bearer token."""
    expected = f"Bearer {token}".encode()

    class Handler(BaseHTTPRequestHandler):
        timeout = SOCKET_TIMEOUT_S

        def do_GET(self) -> None:
            self._answer(*((200, "ok") if self.path == "/healthz" else (404, "not found")))

        def do_POST(self) -> None:
            # Whatever the answer: what is left unread must not be taken for another request.
            self.close_connection = True
            given = self.headers.get("Authorization", "").encode()
            length = self.headers.get("Content-Length", "")
            if self.path != "/alerts":
                self._answer(404, "not found")
            elif not hmac.compare_digest(given, expected):
                self._answer(401, "bearer token missing or wrong")
            elif not (length.isascii() and length.isdigit() and len(length) < 10):
                self._answer(411, "Content-Length missing")
            elif int(length) > MOST_BODY_BYTES:
                self._answer(413, f"more than {MOST_BODY_BYTES} bytes")
            else:
                self._answer(*_taken(book, self.rfile.read(int(length))))

        def log_message(self, *_: object) -> None:
            """Probes come every few seconds: they aren't news."""

        def _answer(self, status: int, text: str) -> None:
            body = f"{text}\n".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server


def _taken(book: TriggerBook, body: bytes) -> tuple[int, str]:
    try:
        firings = Webhook.model_validate_json(body).firings()
    except ValidationError as error:
        return 400, f"no webhook of Alertmanager, version 4: {error.error_count()} faults"
    try:
        name = book.take(firings) if firings else None
    except (TemporaryError, UserError) as error:
        _log.warning("%s", error)
        # Alertmanager tries again after a 5xx, and after nothing else.
        return 503, "not now, ask again"
    if name is None:
        return 200, "nothing new"
    _log.info("%s for %d alerts", name, len(firings))
    return 202, name
