"""A Prometheus' JSON to arrays without a Python object for each sample.

Prometheus, Thanos, Mimir and VictoriaMetrics write `"values":[[1767225600,"1.5"],...]` without
spaces. Those runs of numbers are cut out and read as CSV by Arrow, which lets other threads run
meanwhile; the rest is decoded as JSON. A quote inside a label is escaped, so a label can't hold
the marker. What is written otherwise (spaces, samples without quotes) is decoded as plain JSON.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import csv

from components.metrics.series import FloatArray

_BEGIN, _END, _BETWEEN = b'"values":[[', b'"]]', b'"],['
_NUMBERS = csv.ConvertOptions(
    column_types={"time": pa.float64(), "value": pa.float64()}, null_values=[]
)
_PLAIN = csv.ParseOptions(quote_char=False, ignore_empty_lines=False)


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
        # From the right, where only the next series' labels stand; what they quote is escaped.
        text, end, rest = piece.rpartition(_END)
        if text.endswith(b"\\"):
            text, end, rest = piece.partition(_END)
        if not end:
            return orjson.loads(body)
        skeleton += [b'"values":', str(len(numbers)).encode(), rest]
        numbers.append(text)
    value = orjson.loads(b"".join(skeleton))
    samples = _samples(numbers)
    for series in value["data"]["result"]:
        if isinstance(position := series.get("values"), int):
            series["values"] = samples[position]
    return value


def _samples(texts: list[bytes]) -> list[FloatArray]:
    """Return the samples [N, 2] of each text `1767225600,"1.5"],[1767225615,"2`."""
    lengths = [text.count(_BETWEEN) + 1 for text in texts]
    # Arrow reads inf and nan in any case, but no sign before inf.
    lines = _BETWEEN.join(texts).replace(_BETWEEN, b"\n").translate(None, b'"+')
    reading = csv.ReadOptions(
        use_threads=False, column_names=["time", "value"], block_size=len(lines) + 1
    )
    try:
        table = csv.read_csv(pa.py_buffer(lines), reading, _PLAIN, _NUMBERS)
    except pa.ArrowInvalid as error:
        raise orjson.JSONDecodeError("samples that aren't pairs of numbers", "", 0) from error
    if table.num_rows != sum(lengths):
        raise orjson.JSONDecodeError("samples that aren't pairs of numbers", "", 0)
    pairs = np.column_stack([column.to_numpy() for column in table.columns])
    return np.split(pairs, np.cumsum(lengths)[:-1])
