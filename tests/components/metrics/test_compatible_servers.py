"""Thanos, Mimir and VictoriaMetrics in Prometheus' place: answers as their sources give them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import pytest

from components.errors import TemporaryError, UserError
from components.metrics.grid import Grid
from components.metrics.prometheus import ATTEMPTS, PrometheusClient
from components.metrics.session import LONGEST_IN_ADDRESS, Access, access_from
from tests.components.metrics.answering_server import Answer, Asked, answering

PAGE = Grid(15_000, 3)
SERIES = [{"metric": {"pod": "a"}, "values": [[15, "1.5"], [30, "2"]]}]


def _body(**beside: Any) -> bytes:
    data = {"resultType": "matrix", "result": SERIES}
    value = {"status": "success", "data": data, **beside}
    return json.dumps(value, separators=(",", ":")).encode()


@contextmanager
def client_of(url: str, access: Access | None = None) -> Iterator[PrometheusClient]:
    client = PrometheusClient(url, 5.0, backoff_s=0.001, access=access)
    try:
        yield client
    finally:
        client.close()


def _asked(access: Access, query: str = "up") -> Asked:
    with answering([Answer(_body())]) as (url, asked), client_of(url, access) as client:
        assert len(client.over(query, PAGE)) == 1
    return asked[0]


def test_the_whole_truth_is_asked_for() -> None:
    parameters = _asked(Access()).parameters
    assert parameters["query"] == "up"
    assert parameters["dedup"] == "true"
    assert parameters["partial_response"] == "false"
    assert parameters["deny_partial_response"] == "1"
    assert parameters["nocache"] == "1"


def test_a_tenant_is_named_in_mimirs_header_and_nothing_is_sent_without_one() -> None:
    assert _asked(Access(tenant="team-a")).headers["x-scope-orgid"] == "team-a"
    assert "x-scope-orgid" not in _asked(Access()).headers


def test_a_tenant_comes_from_the_environment_and_cannot_smuggle_a_header() -> None:
    assert access_from({"AWARE_PROMETHEUS_TENANT": "a|b"}).tenant == "a|b"
    with pytest.raises(UserError, match="AWARE_PROMETHEUS_TENANT holds what no HTTP header may"):
        access_from({"AWARE_PROMETHEUS_TENANT": "a\r\nX-Admin: 1"})


def test_a_neighbour_is_asked_not_to_compress() -> None:
    assert _asked(Access()).headers["accept-encoding"] == "identity"


def test_a_query_too_long_for_an_address_is_posted_with_all_its_parameters() -> None:
    query = f'up{{pod=~"{"a|" * LONGEST_IN_ADDRESS}b"}}'
    asked = _asked(Access(), query)
    assert asked.method == "POST"
    assert asked.parameters["query"] == query
    assert asked.parameters["start"] == "15"
    assert asked.parameters["partial_response"] == "false"
    assert len(asked.address) < 100


def test_a_posted_query_is_retried_as_well() -> None:
    answers = [Answer(b"busy", 503), Answer(_body())]
    with answering(answers) as (url, asked), client_of(url) as client:
        client.over("a" * (LONGEST_IN_ADDRESS + 1), PAGE)
    assert [one.method for one in asked] == ["POST", "POST"]


@pytest.mark.parametrize(
    "beside",
    [
        {"warnings": ["No StoreAPIs matched for this query"]},
        {"warnings": ["PromQL warning: bucket label is missing", "store 10.0.0.1 is unreachable"]},
        {"isPartial": True},
    ],
)
def test_a_partial_answer_is_asked_again_and_never_taken_for_the_whole(
    beside: dict[str, Any],
) -> None:
    partial, whole = Answer(_body(**beside)), Answer(_body())
    with answering([partial, partial, whole]) as (url, asked), client_of(url) as client:
        assert len(client.over("up", PAGE)) == 1
    assert len(asked) == 3
    with answering([partial]) as (url, asked), client_of(url) as client:
        with pytest.raises(TemporaryError, match=r"knows only a part of the answer \("):
            client.over("up", PAGE)
        assert len(asked) == ATTEMPTS


@pytest.mark.parametrize(
    "beside",
    [
        {"infos": ["PromQL info: metric might not be a counter, name does not end in _total"]},
        {"warnings": ["PromQL warning: encountered a mix of histograms and floats"]},
        {"warnings": [], "isPartial": False},
        {"stats": {"seriesFetched": "1"}},
    ],
)
def test_remarks_about_the_query_are_no_failure(beside: dict[str, Any]) -> None:
    with answering([Answer(_body(**beside))]) as (url, asked), client_of(url) as client:
        assert len(client.over("up", PAGE)) == 1
    assert len(asked) == 1


@pytest.mark.parametrize("as_date", [False, True])
def test_the_servers_own_wait_is_kept_to_instead_of_the_back_off(
    monkeypatch: pytest.MonkeyPatch, *, as_date: bool
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    wait = formatdate(time.time() + 7.5, usegmt=True) if as_date else "7"
    answers = [Answer(b"slow down", 429, {"Retry-After": wait}), Answer(_body())]
    with answering(answers) as (url, _), client_of(url) as client:
        client.over("up", PAGE)
    assert max(waits) == pytest.approx(7.0, abs=2.0)


def test_a_wait_of_hours_is_cut_to_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    answers = [Answer(b"slow down", 429, {"Retry-After": "7200"}), Answer(_body())]
    with answering(answers) as (url, _), client_of(url) as client:
        client.over("up", PAGE)
    assert max(waits) == 20


@pytest.mark.parametrize(
    ("status", "body", "error", "what"),
    [
        (401, b"no org id", UserError, r"\(401: no org id\); set .*_TENANT where several share it"),
        (
            422,
            b"the query exceeded the maximum\nnumber of series",
            UserError,
            r"refuses the query up \(422: the query exceeded the maximum number of series\)",
        ),
        (413, b"<html><h1>Too Large</h1></html>", UserError, r"refuses the query up \(413\)"),
        (502, b"<html>bad gateway</html>", TemporaryError, "answers 502 after 5 attempts;"),
        (503, b"it's \xff down", TemporaryError, "answers 503 after 5 attempts: it's . down;"),
        (422, b'{"error":"say \\"when\\""}', UserError, r'\(422: say "when"\)'),
        (422, b'{"errors":[]}', UserError, r'\(422: \{"errors":\[\]\}\)'),
        (422, b"[1]", UserError, r"\(422: \[1\]\)"),
    ],
)
def test_an_error_that_is_no_json_is_told_in_its_own_words(
    status: int, body: bytes, error: type[Exception], what: str
) -> None:
    with (
        answering([Answer(body, status)]) as (url, _),
        client_of(url) as client,
        pytest.raises(error, match=what) as caught,
    ):
        client.over("up", PAGE)
    assert "\n" not in str(caught.value)


def test_the_servers_clock_is_read_from_an_answer_for_now() -> None:
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [1767225600.25, "1"]}]}
    body = json.dumps({"status": "success", "data": data}).encode()
    with answering([Answer(body)]) as (url, asked), client_of(url) as client:
        assert client.clock_ms() == 1_767_225_600_250
    assert "time" not in asked[0].parameters


def test_whether_a_server_knows_a_function_is_asked_of_it() -> None:
    unknown = Answer(b'{"status":"error","error":"unknown function"}', 400)
    known = Answer(b'{"status":"success","data":{"resultType":"vector","result":[]}}')
    with answering([unknown, known]) as (url, _), client_of(url) as client:
        assert not client.knows("histogram_count(up)")
        assert client.knows("histogram_count(up)")
