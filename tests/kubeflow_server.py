"""A stand-in for Kubeflow Pipelines' API server, strict about what it is asked.

Paths, methods, query parameters and bodies are those of the published API v2beta1, as generated
from its definition into the package kfp-server-api (2.17.3): a body with a field that the model of
its kind lacks, or of another type, is answered 400, an unknown path 404.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kfp_server_api
import yaml

QUERIES = {
    "pipelines": {"namespace", "page_token", "page_size", "sort_by", "filter"},
    "versions": {"page_token", "page_size", "sort_by", "filter"},
    "experiments": {"page_token", "page_size", "sort_by", "filter", "namespace"},
    "runs": {"namespace", "experiment_id", "page_token", "page_size", "sort_by", "filter"},
    "recurringruns": {"page_token", "page_size", "sort_by", "namespace", "filter", "experiment_id"},
}
EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Failure:
    """What the server does instead of answering: a status, or silence for some seconds."""

    status: int = 500
    times: int = 1
    method: str = ""
    path: str = ""
    body: bytes = b'{"message": "made to fail"}'
    headers: dict[str, str] = field(default_factory=dict)
    silence_s: float = 0.0
    # The change is made though the answer is the failure: an answer lost on its way.
    after_the_change: bool = False
    # `path` is all of the path, not a part of it.
    exactly: bool = False


@dataclass
class Kubeflow:
    """The server's state, what it was asked, and how it shall fail."""

    url: str = ""
    pages_of: int = 2
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    recurring: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    packages: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    most_enabled: int = 0
    _ticks: int = 0

    def stamp(self) -> str:
        """Return a creation time, later than every one before."""
        self._ticks += 1
        return (EPOCH + timedelta(seconds=self._ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def changes(self) -> list[tuple[str, str]]:
        """Return the requests that weren't for reading."""
        return [(method, path) for method, path in self.asked if method != "GET"]


class RefusedError(Exception):
    """The request isn't one of the API's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def check_model(value: Any, kind: str) -> None:
    """Raise RefusedError unless the JSON value is of the API's kind, such as V2beta1Run."""
    if kind.startswith("list["):
        _require(isinstance(value, list), kind, value)
        for item in value:
            check_model(item, kind[5:-1])
    elif kind.startswith("dict("):
        _require(isinstance(value, dict), kind, value)
        for item in value.values():
            check_model(item, kind[5:-1].split(", ", 1)[1])
    elif kind == "object":
        return
    elif kind in ("str", "bool", "int"):
        # JSON writes 64-bit numbers as texts too, as protobuf does.
        fits = isinstance(value, {"str": str, "bool": bool, "int": int}[kind])
        _require(fits and (kind == "bool" or not isinstance(value, bool)), kind, value)
    elif kind == "datetime":
        datetime.fromisoformat(value)
    else:
        _check_fields(value, getattr(kfp_server_api, kind), kind)


def _check_fields(value: Any, model: Any, kind: str) -> None:
    if not model.openapi_types:
        allowed = {
            each for name, each in vars(model).items() if name.isupper() and isinstance(each, str)
        }
        _require(value in allowed, kind, value)
        return
    _require(isinstance(value, dict), kind, value)
    names = {model.attribute_map[name]: each for name, each in model.openapi_types.items()}
    for name, item in value.items():
        _require(name in names, kind, name)
        check_model(item, names[name])


def _require(holds: bool, kind: str, value: Any) -> None:
    if not holds:
        raise RefusedError(400, f"{value!r} is not of the API's {kind}")


@contextmanager
def kubeflow_server() -> Iterator[Kubeflow]:
    """Serve on a free port of this machine while the block runs."""
    state = Kubeflow()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Kubeflow

    def log_message(self, *_: Any) -> None:
        """Nothing: a test's output is its own."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.asked.append((self.command, parts.path))
        self.state.headers.append(dict(self.headers.items()))
        failure = self._failure(parts.path)
        if failure is not None and not failure.after_the_change:
            self._fail(failure)
            return
        try:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            answer = self._route(parts.path, query, data)
        except RefusedError as refused:
            self._send(refused.status, json.dumps({"message": str(refused)}).encode())
            return
        enabled = sum(one["status"] == "ENABLED" for one in self.state.recurring)
        self.state.most_enabled = max(self.state.most_enabled, enabled)
        if failure is not None:
            self._fail(failure)
        elif isinstance(answer, bytes):
            self._send(200, answer, {"Content-Type": "text/plain"})
        else:
            self._send(200, json.dumps(answer).encode())

    def _failure(self, path: str) -> Failure | None:
        for one in self.state.failures:
            here = one.path == path if one.exactly else one.path in path
            if one.times and one.method in ("", self.command) and here:
                one.times -= 1
                return one
        return None

    def _fail(self, failure: Failure) -> None:
        if failure.silence_s:
            time.sleep(failure.silence_s)
            return
        self._send(failure.status, failure.body, failure.headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _route(self, path: str, query: dict[str, str], data: bytes) -> Any:
        for method, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, path)
            if method == self.command and found:
                return answer(self.state, query, _body(self.headers, data), *found.groups())
        raise RefusedError(404, f"{self.command} {path} is not in the API")


def _body(headers: Any, data: bytes) -> Any:
    if not data:
        return None
    if "multipart" in headers.get("Content-Type", ""):
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        (part, *_) = BytesParser().parsebytes(head + data).get_payload()
        return part.get_payload(decode=True)
    return json.loads(data)


def _page(state: Kubeflow, kind: str, field: str, query: dict[str, str], entries: list) -> Any:
    if query.keys() - QUERIES[kind]:
        raise RefusedError(400, f"unknown query {sorted(query.keys() - QUERIES[kind])}")
    if "filter" in query:
        for predicate in json.loads(query["filter"])["predicates"]:
            key, wanted = predicate["key"], predicate["stringValue"]
            entries = [one for one in entries if one.get(key, one.get("display_name")) == wanted]
    if query.get("sort_by") == "created_at desc":
        entries = sorted(entries, key=lambda one: one["created_at"], reverse=True)
    start = int(query.get("page_token") or 0)
    end = start + min(state.pages_of, int(query.get("page_size") or 10))
    token = {"next_page_token": str(end)} if end < len(entries) else {}
    return {field: entries[start:end], "total_size": len(entries), **token}


def _of(entries: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    return [one for one in entries if one.get("namespace", "") == query.get("namespace", "")]


def _one(entries: list[dict[str, Any]], field: str, wanted: str) -> dict[str, Any]:
    for one in entries:
        if one[field] == wanted:
            return one
    raise RefusedError(404, f"{field} {wanted} not found")


def _new(state: Kubeflow, field: str, body: Any, kind: str) -> dict[str, Any]:
    check_model(body, kind)
    return {**body, field: str(uuid.uuid4()), "created_at": state.stamp()}


def _create_pipeline(state: Kubeflow, query: Any, body: Any) -> Any:
    if any(one["display_name"] == body["display_name"] for one in _of(state.pipelines, body)):
        raise RefusedError(409, f"pipeline {body['display_name']} already exists")
    state.pipelines.append(_new(state, "pipeline_id", body, "V2beta1Pipeline"))
    return state.pipelines[-1]


def _upload_version(state: Kubeflow, query: Any, body: Any) -> Any:
    if query.keys() - {"name", "display_name", "pipelineid", "description", "tags"}:
        raise RefusedError(400, "unknown query of an upload")
    _one(state.pipelines, "pipeline_id", query["pipelineid"])
    documents = list(yaml.safe_load_all(body))
    wanted = {"display_name": query["name"], "pipeline_id": query["pipelineid"]}
    version = _new(state, "pipeline_version_id", wanted, "V2beta1PipelineVersion")
    state.versions.append(version)
    state.packages[version["pipeline_version_id"]] = documents
    return version


def _create_experiment(state: Kubeflow, query: Any, body: Any) -> Any:
    state.experiments.append(_new(state, "experiment_id", body, "V2beta1Experiment"))
    return state.experiments[-1]


def _namespace(state: Kubeflow, body: Any) -> dict[str, str]:
    place = _one(state.experiments, "experiment_id", body["experiment_id"])
    reference = body["pipeline_version_reference"]
    _one(state.versions, "pipeline_version_id", reference["pipeline_version_id"])
    return {"namespace": place.get("namespace", "")}


def _create_run(state: Kubeflow, query: Any, body: Any) -> Any:
    run = _new(state, "run_id", body, "V2beta1Run") | {"state": "PENDING"}
    state.runs.append({**run, **_namespace(state, body)})
    return run


def _create_recurring(state: Kubeflow, query: Any, body: Any) -> Any:
    made = _new(state, "recurring_run_id", body, "V2beta1RecurringRun")
    mode = made.pop("mode")
    made |= {"status": {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}[mode]}
    state.recurring.append({**made, **_namespace(state, body)})
    return made


def _delete_recurring(state: Kubeflow, query: Any, body: Any, wanted: str) -> Any:
    state.recurring.remove(_one(state.recurring, "recurring_run_id", wanted))
    return {}


def _switch_recurring(state: Kubeflow, query: Any, body: Any, wanted: str, mode: str) -> Any:
    _one(state.recurring, "recurring_run_id", wanted)["status"] = f"{mode.upper()}D"
    return {}


_API = "/apis/v2beta1"
_ROUTES: tuple[tuple[str, str, Any], ...] = (
    (
        "GET",
        f"{_API}/pipelines",
        lambda state, query, body: _page(
            state, "pipelines", "pipelines", query, _of(state.pipelines, query)
        ),
    ),
    ("POST", f"{_API}/pipelines", _create_pipeline),
    ("POST", f"{_API}/pipelines/upload_version", _upload_version),
    (
        "GET",
        f"{_API}/pipelines/([^/]+)/versions",
        lambda state, query, body, wanted: _page(
            state,
            "versions",
            "pipeline_versions",
            query,
            [one for one in state.versions if one["pipeline_id"] == wanted],
        ),
    ),
    (
        "GET",
        f"{_API}/experiments",
        lambda state, query, body: _page(
            state, "experiments", "experiments", query, _of(state.experiments, query)
        ),
    ),
    ("POST", f"{_API}/experiments", _create_experiment),
    (
        "GET",
        f"{_API}/runs",
        lambda state, query, body: _page(state, "runs", "runs", query, _of(state.runs, query)),
    ),
    ("POST", f"{_API}/runs", _create_run),
    (
        "GET",
        f"{_API}/runs/([^/]+)",
        lambda state, query, body, wanted: _one(state.runs, "run_id", wanted),
    ),
    (
        "GET",
        f"{_API}/recurringruns",
        lambda state, query, body: _page(
            state, "recurringruns", "recurringRuns", query, _of(state.recurring, query)
        ),
    ),
    ("POST", f"{_API}/recurringruns", _create_recurring),
    ("DELETE", f"{_API}/recurringruns/([^/:]+)", _delete_recurring),
    ("POST", f"{_API}/recurringruns/([^/:]+):(enable|disable)", _switch_recurring),
    (
        "GET",
        "/apis/v1alpha1/runs/[^/]+/nodes/([^/]+)/log",
        lambda state, query, body, pod: state.logs[pod].encode(),
    ),
)
