"""What each segment of the synthetic service costs, as measured on the service itself.

Printed by `python -m tests.images.synthetic_app.measure_segments` on 2026-11-25: CPython 3.11.7 on
one core of an AMD EPYC; medians of five rounds of 30 requests of 20 units. On another machine all
CPU times change by about one factor, which the first segments measured there tell.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SegmentProfile:
    """One kind of segment.

    cpu_ms: of one unit of work; of one wait where the kind is a wait.
    late_ms: how much longer than asked a wait lasts.
    memory_bytes: what a service holds more than without the segment.
    """

    kind: str
    cpu_ms: float
    late_ms: float
    memory_bytes: int


# Receiving and answering a request, over a connection that stays open.
REQUEST_CPU_MS = 0.04
# Anonymous memory of a service that does nothing.
INTERPRETER_BYTES = 12_730_368
_MEASURED = (
    SegmentProfile("base64", 0.484, 0.0, 270_336),
    SegmentProfile("cache", 0.482, 0.0, 8_192),
    SegmentProfile("compress", 0.545, 0.0, 0),
    SegmentProfile("csv", 0.512, 0.0, 245_760),
    SegmentProfile("file", 0.355, 0.0, 315_392),
    SegmentProfile("hash", 0.467, 0.0, 0),
    SegmentProfile("image", 0.423, 0.0, 0),
    SegmentProfile("json", 0.509, 0.0, 311_296),
    SegmentProfile("matrix", 0.483, 0.0, 65_536),
    SegmentProfile("primes", 0.450, 0.0, 0),
    SegmentProfile("query", 0.471, 0.0, 1_138_688),
    SegmentProfile("regex", 0.476, 0.0, 61_440),
    SegmentProfile("route", 0.502, 0.0, 45_056),
    SegmentProfile("sort", 0.473, 0.0, 573_440),
    SegmentProfile("template", 0.468, 0.0, 110_592),
    SegmentProfile("words", 0.461, 0.0, 446_464),
    SegmentProfile("database", 0.234, 0.49, 0),
    SegmentProfile("network", 0.236, 0.48, 0),
    SegmentProfile("wait", 0.240, 0.47, 0),
)
SEGMENTS: dict[str, SegmentProfile] = {each.kind: each for each in _MEASURED}
WAIT_KINDS = ("database", "network", "wait")
CPU_KINDS = tuple(kind for kind in SEGMENTS if kind not in WAIT_KINDS)
