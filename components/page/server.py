"""Serves the page on one address: GET and HEAD of known paths, nothing else.

The standard library's server: a handful of small files for the few people who look.
"""

from __future__ import annotations

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


def page_server(host: str, port: int, documents: Documents) -> ThreadingHTTPServer:
    """Return a server that is bound but not yet serving; port 0 takes a free one.

    Raises UserError when the address can't be had.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_S

        def do_GET(self) -> None:
            self._send(body=True)

        def do_HEAD(self) -> None:
            self._send(body=False)

        def _send(self, *, body: bool) -> None:
            status, content, kind = answer(self.path, documents)
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

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise UserError(
            f"can't serve on {host}:{port}: {error.strerror}; give another --port"
        ) from error
