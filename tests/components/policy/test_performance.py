import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.policy.performance import measured_performance, performance_of
from tests.hidden_workloads.world import frame_of, workload_of

WORKLOAD = workload_of(sample_applications(np.random.default_rng(4), 1)[1][0], 0)
LIMITS = limits_of([WORKLOAD])
KEPT_MS, DOUBLED_MS = 0.5 * LIMITS[0, lim.SLO_LATENCY_MS], 2.0 * LIMITS[0, lim.SLO_LATENCY_MS]


def samples_of(latency_ms: list[float]) -> FloatArray:
    """Two replicas of 500 m and 1 GiB, half of both used."""
    samples = np.zeros((len(latency_ms), smp.SAMPLE_COUNT))
    for used in (smp.CPU_USAGE_M, smp.EXACT_CPU_USAGE_M, smp.CPU_REQUEST_M):
        samples[:, used] = 500.0
    for used in (smp.MEMORY_WORKING_SET_BYTES, smp.EXACT_MEMORY_BYTES):
        samples[:, used] = 2.0**29
    for latency in (smp.LATENCY_MS, smp.LATENCY_P50_MS, smp.EXACT_LATENCY_MS):
        samples[:, latency] = latency_ms
    samples[:, smp.MEMORY_REQUEST_BYTES] = 2.0**30
    samples[:, [smp.REPLICAS_WANTED, smp.REPLICAS_READY]] = 2.0
    samples[:, smp.REQUEST_RATE_PER_S] = 3.0
    return samples


def test_an_interval_by_hand() -> None:
    # A kept step: .7 * 1 + .3 * .5 = .85. One at twice the objective: .7 * .5 + .15 - .4 = .1.
    samples = samples_of([KEPT_MS] * 4 + [KEPT_MS] * 3 + [DOUBLED_MS] + [KEPT_MS])
    found = performance_of(samples, LIMITS[0], 0.4)
    assert found == pytest.approx([0.85, (3 * 0.85 + 0.1) / 4])


def test_telemetry_says_what_its_samples_say_and_nothing_where_it_has_gaps() -> None:
    samples = samples_of([KEPT_MS] * 8 + [DOUBLED_MS] * 8)
    frame = frame_of(samples)
    frame.loc[6, "cpu_usage_m"] = np.nan
    frame.loc[12:, "request_rate_per_s"] = 0.0
    frame.loc[12:, "latency_ms"] = np.nan
    found = measured_performance(frame, WORKLOAD, 0.4)
    # Who isn't asked keeps nobody waiting.
    assert found == pytest.approx([0.85, np.nan, 0.1, 0.85], nan_ok=True)
