"""The services that are recorded: what each does, its objective, its bounds and its load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tests.recorder.rates import RateShape

MIB = 1 << 20
UNIT_MS = 0.5  # CPU that one unit of the service's work takes, about
HTTP_MS = 0.4  # CPU that receiving and answering one request takes, about
PYTHON_BYTES = 13 * MIB  # working set of an idle interpreter, about


@dataclass(frozen=True, slots=True)
class Service:
    """One Deployment with one container `app` behind one Ingress of the same name."""

    namespace: str
    name: str
    segments: tuple[dict[str, Any], ...]
    rate: RateShape
    latency_percentile: float
    latency_slo_ms: float
    concurrency: int = 16
    queue: int = 24
    base_memory_bytes: int = 12 * MIB
    request_memory_bytes: int = MIB
    memory_release_per_s: float = 0.2
    cache_entry_bytes: int = 0
    cache_entries: int = 0
    start_delay_s: float = 2.0
    warm_up_units: float = 600
    client_timeout_s: float = 2.95
    work_factor: float = 1.0
    replicas_max: int = 6
    cpu_min_m: int = 50
    cpu_max_m: int = 600
    memory_min_bytes: int = 32 * MIB
    memory_max_bytes: int = 256 * MIB

    @property
    def key(self) -> str:
        """Return namespace/name."""
        return f"{self.namespace}/{self.name}"

    @property
    def demand_ms(self) -> float:
        """Return the CPU that one request takes, about, in milliseconds."""
        units = sum(float(segment.get("units", 0.0)) for segment in self.segments)
        return UNIT_MS * units * self.work_factor + HTTP_MS

    @property
    def wait_ms(self) -> float:
        """Return the mean time that one request waits for others."""
        return sum(float(segment.get("mean_ms", 0.0)) for segment in self.segments)

    @property
    def resident_bytes(self) -> int:
        """Return the working set of a replica at rest, its cache full, about."""
        cache = self.cache_entry_bytes * self.cache_entries
        return PYTHON_BYTES + self.base_memory_bytes + cache

    def settings(self) -> dict[str, Any]:
        """Return the container's APP_SETTINGS."""
        names = (
            "name work_factor concurrency queue base_memory_bytes request_memory_bytes"
            " memory_release_per_s cache_entry_bytes cache_entries start_delay_s warm_up_units"
        )
        return {"segments": self.segments, **{name: getattr(self, name) for name in names.split()}}


def _cpu(kind: str, units: float, variability: float = 0.0) -> dict[str, Any]:
    return {"kind": kind, "units": units, "variability": variability}


def _wait(mean_ms: float, variability: float = 1.0) -> dict[str, Any]:
    return {"kind": "wait", "mean_ms": mean_ms, "variability": variability}


SERVICES: tuple[Service, ...] = (
    Service(
        "shop", "checkout",
        (_cpu("json", 6), _wait(25, 0.5), _cpu("hash", 8)),
        RateShape(14, daily=0.5, phase=0.9, noise=0.08),
        latency_percentile=0.95, latency_slo_ms=250,
        request_memory_bytes=MIB, start_delay_s=3,
    ),
    Service(
        "shop", "cart",
        (_cpu("json", 8, 0.2), _wait(8, 0.3)),
        RateShape(20, bursts_per_hour=12, burst_height=1.6),
        latency_percentile=0.95, latency_slo_ms=150,
        base_memory_bytes=8 * MIB, cache_entry_bytes=8192, cache_entries=3000,
        request_memory_bytes=MIB // 2, start_delay_s=1,
    ),
    Service(
        "shop", "catalog",
        (_cpu("regex", 6, 0.3), _cpu("compress", 10, 0.3)),
        RateShape(13, step_spread=0.35),
        latency_percentile=0.95, latency_slo_ms=250,
        base_memory_bytes=24 * MIB, request_memory_bytes=MIB,
    ),
    Service(
        "shop", "search",
        (_cpu("sort", 10, 0.5), _cpu("words", 14, 0.8)),
        RateShape(10, daily=0.35, phase=0.2, noise=0.22),
        latency_percentile=0.9, latency_slo_ms=200,
        base_memory_bytes=40 * MIB, request_memory_bytes=2 * MIB, start_delay_s=5,
        warm_up_units=1500,
    ),
    Service(
        "media", "thumbnails",
        (_cpu("base64", 10, 0.4), _cpu("compress", 28, 0.6)),
        RateShape(6, bursts_per_hour=9, burst_height=1.4, daily=0.2, phase=0.5),
        latency_percentile=0.95, latency_slo_ms=500,
        concurrency=10, request_memory_bytes=6 * MIB, memory_release_per_s=0.1,
        client_timeout_s=4.9,
    ),
    Service(
        "media", "transcripts",
        (_wait(100, 0.4), _cpu("words", 34, 0.5)),
        RateShape(5, step_spread=0.4, noise=0.1),
        latency_percentile=0.9, latency_slo_ms=600,
        concurrency=12, request_memory_bytes=4 * MIB, memory_release_per_s=0.04,
        client_timeout_s=4.9, start_delay_s=4,
    ),
    Service(
        "media", "feed",
        (_cpu("json", 4), _wait(40, 0.6)),
        RateShape(36, daily=0.3, phase=0.7, noise=0.25),
        latency_percentile=0.99, latency_slo_ms=450,
        concurrency=48, request_memory_bytes=MIB // 2, memory_release_per_s=0.3,
    ),
    Service(
        "insight", "recommendations",
        (_cpu("primes", 16, 0.2), _wait(15, 0.5), _cpu("sort", 8)),
        RateShape(9, daily=0.55, phase=0.45, bursts_per_hour=4, burst_height=0.9),
        latency_percentile=0.95, latency_slo_ms=250,
        base_memory_bytes=30 * MIB, cache_entry_bytes=16384, cache_entries=1200,
        request_memory_bytes=2 * MIB, start_delay_s=6, warm_up_units=2500,
    ),
)  # fmt: skip

_SLOWER_BUILD = 1.8
LATER: tuple[Service, ...] = tuple(
    replace(service, work_factor=_SLOWER_BUILD) if service.name == "checkout" else service
    for service in SERVICES
    if service.name in ("checkout", "catalog", "thumbnails")
)
PLANS: dict[str, tuple[Service, ...]] = {"main": SERVICES, "later": LATER}
