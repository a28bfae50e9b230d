"""A Prometheus' JSON to arrays without a Python object for each sample.

Prometheus, Thanos, Mimir and VictoriaMetrics write `"values":[[1767225600,"1.5"],...]` without
spaces. Those runs of numbers are cut out and read by numpy, the rest is decoded as JSON. A quote
inside a label is escaped, so a label can't hold the marker. What is written otherwise (spaces,
samples without quotes) is decoded as plain JSON.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from components.metrics.series import FloatArray

_BEGIN, _END = b'"values":[[', b"]]"
_UNWANTED = b'[]"'


def decoded(body: bytes) -> Any:
    """Return the JSON value; each series' `values` is an array [N, 2] of seconds and samples.

    Raises orjson.JSONDecodeError (a ValueError) for what is no JSON.
    """
    first, *pieces = body.split(_BEGIN)
    if not pieces:
        return orjson.loads(body)
    skeleton = [first]
    numbers: list[bytes] = []
    for piece in pieces:
        text, end, rest = piece.partition(_END)
        if not end:
            return orjson.loads(body)
        skeleton += [b'"values":', str(len(numbers)).encode(), rest]
        numbers.append(text)
    value = orjson.loads(b"".join(skeleton))
    for series in value["data"]["result"]:
        if isinstance(position := series.get("values"), int):
            series["values"] = _samples(numbers[position])
    return value


def _samples(text: bytes) -> FloatArray:
    count = text.count(b"],[") + 1
    read = np.fromstring(text.translate(None, _UNWANTED).decode("ascii"), np.float64, sep=",")
    if len(read) != 2 * count:
        raise orjson.JSONDecodeError("samples that aren't pairs of numbers", "", 0)
    return read.reshape(count, 2)
