"""What one step of 15 s shows: the telemetry's columns as measured, then what really happened."""

from __future__ import annotations

# Seconds of one step, of the simulator as of telemetry.
STEP_S = 15.0

SAMPLE_FIELDS: tuple[str, ...] = (
    "request_rate_per_s",
    "error_ratio",
    "latency_ms",
    "latency_p50_ms",
    "cpu_usage_m",
    "cpu_throttled_ratio",
    "memory_working_set_bytes",
    "replicas_wanted",
    "replicas_ready",
    "cpu_request_m",
    "memory_request_bytes",
    "oom_kills",
    "restarts",
    "concurrency",
    "ready_cpu_usage_m",
    "exact_latency_ms",
    "exact_failed_ratio",
    "exact_cpu_usage_m",
    "exact_memory_bytes",
    "arrived",
    "served",
    "failed",
    "queued",
    "replicas_pending",
    "replicas_draining",
)
SAMPLE_COUNT = len(SAMPLE_FIELDS)

# As a controller sees them: with the delay and noise of a metric.
REQUEST_RATE_PER_S = 0
ERROR_RATIO = 1
LATENCY_MS = 2
LATENCY_P50_MS = 3
CPU_USAGE_M = 4
CPU_THROTTLED_RATIO = 5
MEMORY_WORKING_SET_BYTES = 6
REPLICAS_WANTED = 7
REPLICAS_READY = 8
CPU_REQUEST_M = 9
MEMORY_REQUEST_BYTES = 10
OOM_KILLS = 11
RESTARTS = 12
CONCURRENCY = 13
READY_CPU_USAGE_M = 14
# What really happened: rewards and reports are computed from these.
EXACT_LATENCY_MS = 15
EXACT_FAILED_RATIO = 16
EXACT_CPU_USAGE_M = 17
EXACT_MEMORY_BYTES = 18
ARRIVED = 19
SERVED = 20
FAILED = 21
QUEUED = 22
# Of those wanted, which no node has room for; and beside them, which end: on average in the step.
REPLICAS_PENDING = 23
REPLICAS_DRAINING = 24
