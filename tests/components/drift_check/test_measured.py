"""What the tests look at: residuals, violations, variability, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from components.drift_check.measured import residuals_of, variability_of, violations_of
from components.workload.spec import Slo
from tests.components.drift_check.synthetic_service import MIB, WORKLOAD, Service, telemetry


def _frame(**columns: list[float]) -> pd.DataFrame:
    length = len(next(iter(columns.values())))
    frame = telemetry(Service(), np.random.default_rng(0), length)
    quiet = {
        "request_rate_per_s": 10.0,
        "error_ratio": 0.0,
        "latency_ms": 60.0,
        "latency_p50_ms": 40.0,
        "cpu_usage_m": 74.0,
        "cpu_throttled_ratio": 0.0,
        "memory_working_set_bytes": 31 * MIB,
        "replicas_wanted": 2.0,
        "replicas_ready": 2.0,
        "cpu_limit_m": 200.0,
        "restarts": 0.0,
        "oom_kills": 0.0,
    }
    return frame.assign(**quiet).assign(**columns)


def test_the_residual_is_the_logarithm_of_measured_over_what_the_twin_replays() -> None:
    # 10 requests a second of 7 ms on two pods that idle at 2 m: 74 m.
    frame = _frame(cpu_usage_m=[74.0, 74.0, 148.0, 37.0, np.nan])
    residuals = residuals_of(frame, WORKLOAD, Service().parameters())
    np.testing.assert_allclose(
        residuals.cpu, [np.nan, 0.0, np.log(2), -np.log(2), np.nan], atol=1e-6
    )


def test_steps_that_show_an_incident_are_left_out() -> None:
    frame = _frame(
        replicas_ready=[2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0],
        replicas_wanted=[2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0],
        error_ratio=[0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    )
    residuals = residuals_of(frame, WORKLOAD, Service().parameters())
    kept = np.isfinite(residuals.cpu)
    # The first step, a failing one, and the new pod's with the two after it.
    assert list(kept) == [False, False, True, False, False, False, True, True]


def test_a_throttled_or_nearly_full_step_says_nothing_of_latency() -> None:
    frame = _frame(
        cpu_throttled_ratio=[0.0, 0.0, 0.9, 0.0, np.nan],
        cpu_usage_m=[74.0, 74.0, 74.0, 300.0, 74.0],
    )
    residuals = residuals_of(frame, WORKLOAD, Service().parameters())
    assert list(np.isfinite(residuals.latency)) == [False, True, False, False, True]
    assert np.isfinite(residuals.cpu[1:]).all()


def test_a_violation_is_a_slow_failed_or_killed_step() -> None:
    frame = _frame(
        latency_ms=[200.0, 200.1, 10.0, 10.0, np.nan, np.nan],
        error_ratio=[0.0, 0.0, 0.002, 0.0, 0.0, 0.0],
        oom_kills=[0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        request_rate_per_s=[10.0, 10.0, 10.0, 10.0, 10.0, 0.0],
    )
    np.testing.assert_allclose(violations_of(frame, WORKLOAD), [0, 1, 1, 1, np.nan, 0])


def test_a_success_ratio_allows_the_failures_that_it_leaves_out() -> None:
    slo = Slo(latency_percentile=0.95, latency_ms=200.0, counts_errors=True)
    frame = _frame(error_ratio=[0.0, 0.02, 0.06, 0.02], latency_ms=[60.0, 60.0, 60.0, 201.0])
    np.testing.assert_array_equal(violations_of(frame, replace(WORKLOAD, slo=slo)), [0, 0, 1, 1])
    np.testing.assert_array_equal(violations_of(frame, WORKLOAD), [0, 1, 1, 1])


def test_a_trend_is_little_variability_and_bursts_are_much() -> None:
    trend, bursts = np.linspace(10, 12, 10), np.array([10.0, 20.0] * 5)
    assert variability_of(bursts) - variability_of(trend) > 2.0
    assert np.isfinite(variability_of(np.zeros(10)))
