"""The three tests on services of known laws: no change, no alarm; a change, an alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.drift_check.check import check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.findings import Promise, outside_range
from components.drift_check.verdict import FINE_TUNE, META_TRAIN, NOTHING, Verdict, judge
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

CONFIG = DriftConfig()
HOUR, LATER = 240, 100


def _verdict(before: Service, now: Service, seed: int, promise: Promise | None = None) -> Verdict:
    rng = np.random.default_rng(seed)
    reference, recent = telemetry(before, rng, HOUR), telemetry(now, rng, LATER)
    parameters = before.parameters()
    check = check_workload(reference, recent, WORKLOAD, parameters, CONFIG, promise)
    return judge({"shop/checkout": check.checked}, CONFIG)["shop/checkout"]


@pytest.mark.parametrize(
    "service",
    [Service(), Service(missing=0.1), Service(correlation=0.95, noise=0.08, burst=0.2)],
    ids=["calm", "with gaps", "noisy"],
)
def test_an_unchanged_service_raises_no_alarm(service: Service) -> None:
    # Measured in 200 checks of each: 0, 1 and 4 alarms.
    alarms = [seed for seed in range(25) if _verdict(service, service, seed).drifted]
    assert len(alarms) <= 1


def test_a_slower_build_is_found_by_the_dynamics_test() -> None:
    for seed in range(10):
        verdict = _verdict(Service(), Service().slower(1.8), seed)
        assert verdict.drifted
        assert "dynamics" in verdict.alarms
        assert "input" not in verdict.alarms
        assert verdict.recommendation == FINE_TUNE


def test_the_size_of_a_slower_build_is_told_with_its_interval() -> None:
    verdict = _verdict(Service(), Service().slower(1.8), 1)
    test = verdict.to_json()["tests"]["dynamics"]
    assert test["measure"] == "CPU per request"
    # A little less than 1.8: the pods' idling did not get slower.
    assert test["size"] == pytest.approx(1.75, abs=0.05)
    assert 1.65 < test["low"] < test["size"] < test["high"] < 1.85
    assert test["since"] == "2026-01-01T00:00:00+00:00"


def test_a_change_within_the_recent_telemetry_is_dated() -> None:
    rng = np.random.default_rng(3)
    service = Service()
    reference = telemetry(service, rng, HOUR)
    recent = telemetry(service, rng, LATER)
    later = telemetry(service.slower(1.8), rng, LATER)
    columns = [name for name in recent.columns if name != "time"]
    recent.loc[40:, columns] = later.loc[40:, columns]
    check = check_workload(reference, recent, WORKLOAD, service.parameters(), CONFIG)
    verdict = judge({"a": check.checked}, CONFIG)["a"]
    assert verdict.drifted
    # Step 40, ten minutes after the beginning.
    assert verdict.to_json()["tests"]["dynamics"]["since"] == "2026-01-01T00:10:00+00:00"


def test_a_trivial_change_is_no_drift_however_sure() -> None:
    service = Service(noise=0.001)
    verdict = _verdict(service, service.slower(1.1), 0)
    assert not verdict.drifted
    assert verdict.recommendation == NOTHING


def test_memory_that_doubled_is_found() -> None:
    service = Service(noise=0.02)
    verdicts = [_verdict(service, replace(service, memory_mib=60.0), seed) for seed in range(8)]
    found = [verdict for verdict in verdicts if verdict.drifted]
    # Memory moves slowly, so that an hour can tell too little of it; measured: 161 of 200.
    assert len(found) >= 4
    for verdict in found:
        assert verdict.to_json()["tests"]["dynamics"]["measure"] == "memory"


def test_a_rate_never_seen_before_is_input_drift() -> None:
    found = [
        "input" in _verdict(Service(), replace(Service(), rate_per_s=42.0), seed).alarms
        for seed in range(10)
    ]
    assert all(found)


def test_a_service_that_became_another_one_needs_meta_training() -> None:
    verdict = _verdict(Service(), Service().slower(6.0), 0)
    assert verdict.recommendation == META_TRAIN


def test_more_violations_are_outcome_drift_and_fewer_are_none() -> None:
    good, bad = Service(), replace(Service(), columns={"latency_ms": 500.0})
    # The wall between the two is the objective: 200 ms.
    assert "outcome" in _verdict(good, bad, 0).alarms
    assert "outcome" not in _verdict(bad, good, 0).alarms


def test_a_live_policy_is_held_against_its_promise() -> None:
    slow = replace(Service(), columns={"latency_ms": 500.0})
    assert "outcome" not in _verdict(slow, slow, 0).alarms
    promise = Promise(mean=0.01, low=0.005, high=0.02)
    verdict = _verdict(slow, slow, 0, promise)
    assert "outcome" in verdict.alarms
    assert "against what promised" in verdict.reasons[0]


def test_too_little_telemetry_is_no_drift_and_says_so() -> None:
    rng = np.random.default_rng(0)
    reference, recent = telemetry(Service(), rng, HOUR), telemetry(Service(), rng, 12)
    check = check_workload(reference, recent, WORKLOAD, Service().parameters(), CONFIG)
    verdict = judge({"a": check.checked}, CONFIG)["a"]
    assert not verdict.drifted
    assert all("too little telemetry" in reason for reason in verdict.reasons)
    assert verdict.to_json()["tests"]["input"]["size"] is None


def test_a_level_inside_the_span_of_the_reference_is_not_outside() -> None:
    reference = np.array([0.0, 1.0, 2.0, 3.0] * 6)
    inside = outside_range(reference, np.full(10, 2.5), floor=0.1)
    assert inside is not None
    assert inside.size == 0.0
    assert inside.p_value > 0.5
    below = outside_range(reference, np.full(10, -2.0), floor=0.1)
    assert below is not None
    # The 5 % quantile of the reference is 0.
    assert below.size == pytest.approx(-2.0)
