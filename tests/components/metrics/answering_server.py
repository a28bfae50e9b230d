"""A server that gives scripted answers and remembers what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered once, after a delay."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What came in: method, parameters (of address and body), headers in lower case."""

    method: str
    parameters: dict[str, str]
    headers: dict[str, str]
    address: str


@contextmanager
def answering(answers: Sequence[Answer]) -> Iterator[tuple[str, list[Asked]]]:
    """Give these answers in order, the last for ever; yields the URL and what was asked."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            sent = self.rfile.read(length).decode()
            given = parse_qs(urlsplit(self.path).query) | parse_qs(sent)
            headers = {name.lower(): text for name, text in self.headers.items()}
            answer = answers[min(len(asked), len(answers) - 1)]
            asked.append(
                Asked(self.command, {k: v[0] for k, v in given.items()}, headers, self.path)
            )
            time.sleep(answer.delay_s)
            try:
                self.send_response(answer.status)
                for name, text in answer.headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                # Whoever asked has gone meanwhile.
                self.close_connection = True

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
