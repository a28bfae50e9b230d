"""Samples and native histograms into a Prometheus by its remote write protocol.

What promtool can't backfill: native histograms. The messages are prompb.WriteRequest (Prometheus,
prompb/remote.proto and types.proto), written by hand and compressed with snappy.
"""

from __future__ import annotations

import struct
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """`count` observations, all in the bucket (2**(index - 1), 2**index] of schema 0."""

    count: int
    index: int


Value = float | NativeHistogram
_VARINT, _DOUBLE, _BYTES = 0, 1, 2


def remote_write(
    url: str, series: Iterable[tuple[Mapping[str, str], Iterable[tuple[int, Value]]]]
) -> None:
    """Writes each series' values, by time in ms and in order; `__name__` is among its labels."""
    message = b"".join(_field(1, _series(labels, values)) for labels, values in series)
    body = pa.Codec("snappy").compress(message, asbytes=True)
    request = urllib.request.Request(
        f"{url}/api/v1/write",
        data=body,
        headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
    )
    urllib.request.urlopen(request, timeout=30).close()


def _series(labels: Mapping[str, str], values: Iterable[tuple[int, Value]]) -> bytes:
    message = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, labels[name].encode()))
        for name in sorted(labels)
    )
    for time_ms, value in values:
        if isinstance(value, NativeHistogram):
            message += _field(4, _histogram(time_ms, value))
        else:
            message += _field(2, _double(1, value) + _varint(2, time_ms))
    return message


def _histogram(time_ms: int, value: NativeHistogram) -> bytes:
    span = _varint(1, _zigzag(value.index)) + _varint(2, 1)
    return (
        _varint(1, value.count)
        + _double(3, value.count * 2.0**value.index)
        + _varint(4, _zigzag(0))
        + _double(5, 1e-9)
        + _varint(6, 0)
        + _field(11, span)
        + _field(12, _number(_zigzag(value.count)))
        + _varint(15, time_ms)
    )


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _BYTES) + _number(len(content)) + content


def _varint(number: int, value: int) -> bytes:
    return _number(number << 3 | _VARINT) + _number(value)


def _double(number: int, value: float) -> bytes:
    return _number(number << 3 | _DOUBLE) + struct.pack("<d", value)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _number(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)
