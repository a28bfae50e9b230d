"""Answers to arrays, the same as plain JSON would give."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.metrics.decoding import decoded

LABELS = st.dictionaries(st.text(max_size=9), st.text(max_size=20), max_size=3)
SAMPLES = st.lists(st.tuples(st.integers(0, 2**31), st.floats()), min_size=1, max_size=5)


def _answer(series: list[dict[str, object]], spaces: bool = False) -> bytes:
    value = {"status": "success", "data": {"resultType": "matrix", "result": series}}
    separators = (", ", ": ") if spaces else (",", ":")
    return json.dumps(value, separators=separators).encode()


@given(st.lists(st.tuples(LABELS, SAMPLES), max_size=3), st.booleans())
def test_labels_and_samples_come_back_as_written(
    series: list[tuple[dict[str, str], list[tuple[int, float]]]], spaces: bool
) -> None:
    body = _answer(
        [
            {"metric": labels, "values": [[time_s, repr(value)] for time_s, value in samples]}
            for labels, samples in series
        ],
        spaces,
    )
    found = decoded(body)["data"]["result"]
    assert [one["metric"] for one in found] == [labels for labels, _ in series]
    for one, (_, samples) in zip(found, series, strict=True):
        assert np.array_equal(np.asarray(one["values"], float), np.array(samples), equal_nan=True)


def test_infinities_and_nan_are_read_as_prometheus_writes_them() -> None:
    body = _answer([{"metric": {}, "values": [[1, "+Inf"], [2.5, "-Inf"], [3, "NaN"], [4, "1e9"]]}])
    (one,) = decoded(body)["data"]["result"]
    assert np.array_equal(
        one["values"], [[1, np.inf], [2.5, -np.inf], [3, np.nan], [4, 1e9]], equal_nan=True
    )


def test_a_label_that_looks_like_samples_is_left_alone() -> None:
    labels = {"values": "[[1,2]]", "a": '"values":[[1,"2"]]'}
    (one,) = decoded(_answer([{"metric": labels, "values": [[1, "2"]]}]))["data"]["result"]
    assert one["metric"] == labels
    assert one["values"].tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("body", [b"<html>", b'{"values":[[1,"2"', b'{"values":[[1,"2"]]'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        decoded(body)
