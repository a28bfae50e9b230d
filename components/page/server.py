"""Serves the page on one address: GET and HEAD of known paths, nothing else.

The standard library's server: a handful of small files for the few people who look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

from components.errors import UserError

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# A page is small; a client that doesn't even send its request is let go.
_PATIENCE_S = 10
# So many are answered at once; more are told to come again.
_MOST_AT_ONCE = 16
Documents = Callable[[str], bytes | None]


def asset(path: str) -> tuple[bytes, str] | None:
    """Return the page's file at a path and its content type, or None."""
    if path not in _FILES:
        return None
    name, kind = _FILES[path]
    return (files("components.page") / "assets" / name).read_bytes(), kind


def answer(path: str, documents: Documents) -> tuple[int, bytes, str]:
    """Return status, body and content type for a GET; `documents` gives the JSON of a path."""
    path = path.partition("?")[0]
    if found := asset(path):
        return 200, *found
    document = documents(path)
    if document is None:
        return 404, b"not found\n", "text/plain; charset=utf-8"
    return 200, document, "application/json"


class PageServer(ThreadingHTTPServer):
    """A server that is bound but not yet serving; `documents` gives the JSON of a path."""

    daemon_threads = True

    def __init__(self, host: str, port: int, documents: Documents) -> None:
        self.documents = documents
        self.turns = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__((host, port), _Handler)


def page_server(host: str, port: int, documents: Documents, option: str = "--port") -> PageServer:
    """Return a bound server; port 0 takes a free one.

    Raises UserError when the address can't be had; `option` is what gives another.
    """
    try:
        return PageServer(host, port, documents)
    except OSError as error:
        raise UserError(
            f"can't serve on {host}:{port}: {error.strerror}; give another {option}"
        ) from error


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S
    server: PageServer

    def do_GET(self) -> None:
        self._send(body=True)

    def do_HEAD(self) -> None:
        self._send(body=False)

    def _send(self, *, body: bool) -> None:
        turns = self.server.turns
        if not turns.acquire(blocking=False):
            self._reply(503, b"busy: ask again\n", "text/plain; charset=utf-8", body=body)
            return
        try:
            status, content, kind = answer(self.path, self.server.documents)
            self._reply(status, content, kind, body=body)
        finally:
            turns.release()

    def _reply(self, status: int, content: bytes, kind: str, *, body: bool) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def version_string(self) -> str:
        return "aware"

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002
        """Say nothing: a page is not worth a line per file."""
