import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.cluster import sample as smp
from components.cluster.parameters import MIB
from components.policy import rule as r
from components.policy import rule_parameters as rp

# SLO 100 ms at p95; 1 to 8 replicas of 100 to 800 m and 64 to 512 MiB.
LIMITS = np.array([100.0, 0.95, 1, 8, 100, 800, 64 * MIB, 512 * MIB])
CURRENT = np.array([2.0, 400.0, 256 * MIB])


def plain_rule(**values: float) -> np.ndarray:
    """No forecast, no peaks, no feedback, no dead bands: what is left can be worked out by hand."""
    chosen = {
        "target_utilisation": 0.5,
        "demand_smoothing": 0.5,
        "trend_horizon_s": 0.0,
        "trend_smoothing": 1.0,
        "peak_half_life_min": 1.0,
        "peak_weight": 0.0,
        # 100 * 8^(2/3) = 400 m
        "reference_cpu_share": 2 / 3,
        "cpu_band": 0.0,
        "scale_up_tolerance": 0.0,
        "scale_down_tolerance": 0.0,
        "scale_down_wait_min": 0.0,
        "cpu_dead_band": 0.01,
        "saturation_boost": 2.0,
        "slack_target": 0.0,
        "slack_gain": 0.0,
        "memory_margin": 0.25,
        "memory_variability_weight": 0.0,
        "memory_half_life_min": 1.0,
        "memory_dead_band": 0.1,
        "oom_bump": 1.5,
        "burst_reserve": 0.0,
        "memory_floor_share": 0.0,
    }
    return rp.rule_of(chosen | values)


def minute(
    rate: float = 50.0,
    usage_m: float = 500.0,
    memory: float = 100 * MIB,
    latency_ms: float = 50.0,
    **fields: float,
) -> np.ndarray:
    rows = np.zeros((4, smp.SAMPLE_COUNT))
    rows[:, smp.REQUEST_RATE_PER_S] = rate
    rows[:, smp.CPU_USAGE_M] = usage_m
    rows[:, smp.MEMORY_WORKING_SET_BYTES] = memory
    rows[:, smp.LATENCY_MS] = latency_ms
    rows[:, smp.REPLICAS_READY] = rows[:, smp.REPLICAS_WANTED] = CURRENT[0]
    rows[:, smp.CPU_REQUEST_M], rows[:, smp.MEMORY_REQUEST_BYTES] = CURRENT[1], CURRENT[2]
    for name, value in fields.items():
        rows[-1, smp.SAMPLE_FIELDS.index(name)] = value
    return rows


def decide(
    minutes: list[np.ndarray], rule: np.ndarray, current: np.ndarray = CURRENT
) -> np.ndarray:
    state, out = np.zeros(r.RULE_STATE_COUNT), np.zeros(3)
    allocation = current.copy()
    for rows in minutes:
        r.decide_one(state, rule, rows, LIMITS, allocation, out)
        allocation = out.copy()
    return out


def test_a_rule_that_has_seen_nothing_keeps_what_is_in_force() -> None:
    out = np.zeros(3)
    r.act_one(np.zeros(r.RULE_STATE_COUNT), plain_rule(), LIMITS, CURRENT, out)
    assert out.tolist() == CURRENT.tolist()


def test_replicas_are_the_need_over_the_reference_size() -> None:
    # 500 m used at a target of 0.5 need 1000 m: three replicas of 400 m, up at once.
    assert decide([minute()], plain_rule())[0] == 3
    # 90 m used need 180 m: one, and the wait of 0 min is over.
    assert decide([minute(usage_m=90.0)], plain_rule())[0] == 1


def test_scaling_down_waits() -> None:
    rule = plain_rule(scale_down_wait_min=2.0)
    quiet = minute(usage_m=90.0)
    assert decide([quiet] * 2, rule)[0] == 2
    assert decide([quiet] * 3, rule)[0] == 1


def test_tolerances_hold_small_changes() -> None:
    # 410 m need 820 m, 2.05 replicas.
    assert decide([minute(usage_m=410.0)], plain_rule())[0] == 3
    assert decide([minute(usage_m=410.0)], plain_rule(scale_up_tolerance=0.1))[0] == 2
    # 190 m need 380 m, 0.95 replicas; the reserve of 0.1 keeps the second.
    assert decide([minute(usage_m=190.0)], plain_rule(scale_down_tolerance=0.1))[0] == 2


def test_the_size_follows_the_need_within_its_band() -> None:
    # One replica, 180 m needed; the band lets it fall to 400 / e^0.5 = 243 m.
    assert decide([minute(usage_m=90.0)], plain_rule(cpu_band=0.5))[1] == 243
    # log(400 / 243) = 0.498 lies inside the dead band.
    held = decide([minute(usage_m=90.0)], plain_rule(cpu_band=0.5, cpu_dead_band=0.6))
    assert held[1] == 400


def test_a_rising_rate_is_extrapolated() -> None:
    # 10 ms a request; 40 then 50 requests/s: a trend of 1/6 per s^2 adds 10 in 60 s, so that 60
    # requests/s need 1200 m: three replicas.
    minutes = [minute(rate=40.0, usage_m=400.0), minute(rate=50.0, usage_m=500.0)]
    assert decide(minutes, plain_rule(trend_horizon_s=60.0))[0] == 3
    minutes = [minute(rate=40.0, usage_m=400.0), minute(rate=60.0, usage_m=600.0)]
    assert decide(minutes, plain_rule(trend_horizon_s=60.0))[0] == 4


def test_a_recent_peak_is_kept_ready() -> None:
    # 100/s a half-life ago count 50; with weight 1 they need 1000 m.
    minutes = [minute(rate=100.0, usage_m=700.0), minute(rate=10.0, usage_m=70.0)]
    rule = plain_rule(peak_weight=1.0, demand_smoothing=0.9)
    # 50/s * 7 ms / 0.5 = 700 m.
    assert decide(minutes, rule)[0] == 2
    assert decide(minutes, plain_rule())[0] == 1


def test_a_saturated_minute_doubles_what_there_is() -> None:
    # 95 % of 800 m used while the objective is missed: 1600 m, four replicas.
    assert decide([minute(usage_m=760.0, latency_ms=500.0)], plain_rule())[0] == 4


def test_missing_slack_adds_capacity() -> None:
    # log(100 / 50) = 0.69 against a target of 1.19: 0.5 lacking at gain 0.5 makes e^0.25.
    rule = plain_rule(slack_target=0.5 + math.log(2.0), slack_gain=0.5, cpu_band=1.0)
    need_m = 500.0 / 0.5 * math.exp(0.25)
    out = decide([minute()], rule)
    assert out[0] == math.ceil(need_m / 400.0)
    assert out[1] == np.round(need_m / out[0])


def test_the_reserve_against_chance_grows_with_the_root() -> None:
    # 1000 m + 0.5 * sqrt(500 * 400) = 1224 m: four replicas.
    assert decide([minute()], plain_rule(burst_reserve=0.5))[0] == 4


def test_memory_is_the_peak_and_its_margin() -> None:
    assert decide([minute(memory=120 * MIB)], plain_rule())[2] == 150 * MIB


def test_small_memory_changes_are_held() -> None:
    # 190 MiB * 1.25 = 237.5 MiB is within a tenth of 256 MiB.
    assert decide([minute(memory=190 * MIB)], plain_rule())[2] == 256 * MIB


def test_a_kill_raises_memory_above_what_was_killed() -> None:
    out = decide([minute(oom_kills=1.0)], plain_rule())
    assert out[2] == 1.5 * 256 * MIB


def rows_of(values: np.ndarray) -> np.ndarray:
    rows = np.zeros((4, smp.SAMPLE_COUNT))
    rows[:, smp.REQUEST_RATE_PER_S] = 1000.0 * values[:, 0]
    rows[:, smp.LATENCY_MS] = 1e4 * values[:, 1]
    rows[:, smp.CPU_USAGE_M] = 1e4 * values[:, 2]
    rows[:, smp.MEMORY_WORKING_SET_BYTES] = 600 * MIB * values[:, 3]
    rows[:, smp.REPLICAS_READY] = np.round(8 * values[:, 4])
    rows[:, smp.REPLICAS_WANTED], rows[:, smp.CPU_REQUEST_M] = 8.0, 400.0
    rows[:, smp.MEMORY_REQUEST_BYTES] = 256 * MIB
    rows[:, smp.OOM_KILLS] = np.round(values[:, 5])
    rows[:, smp.ERROR_RATIO] = values[:, 5]
    return rows


@settings(deadline=None)
@given(
    st.lists(arrays(np.float64, (4, 6), elements=st.floats(0.0, 1.0)), min_size=1, max_size=5),
    arrays(np.float64, rp.RULE_COUNT, elements=st.floats(0.0, 1.0)),
)
def test_whatever_is_seen_the_decision_is_legal_and_above_the_working_set(
    seen: list[np.ndarray], unit: np.ndarray
) -> None:
    minutes = [rows_of(values) for values in seen]
    out = decide(minutes, rp.from_unit(unit))
    assert np.isfinite(out).all()
    assert (out >= LIMITS[[2, 4, 6]]).all()
    assert (out <= LIMITS[[3, 5, 7]]).all()
    assert out[0] == np.round(out[0])
    latest = minutes[-1][-1, smp.MEMORY_WORKING_SET_BYTES]
    assert out[2] >= min(latest, LIMITS[7])


def test_a_dead_band_wider_than_the_margin_lets_no_working_set_reach_the_limit() -> None:
    rule = plain_rule(memory_margin=0.02, memory_dead_band=0.5)
    held = decide([minute(memory=300 * MIB)], rule, np.array([2.0, 400.0, 304 * MIB]))
    # 306 MiB are wanted: half of the margin is left, which is enough.
    assert held[2] == 304 * MIB
    grown = decide([minute(memory=300 * MIB)], rule, np.array([2.0, 400.0, 302 * MIB]))
    assert grown[2] == pytest.approx(306 * MIB)


def test_memory_keeps_its_floor_where_less_was_used() -> None:
    # 64 * 8^(2/3) = 256 MiB; 100 * 1.25 = 125 MiB would do.
    rule = plain_rule(memory_floor_share=2 / 3)
    out = decide([minute(memory=100 * MIB)], rule, np.array([2.0, 400.0, 400 * MIB]))
    assert out[2] == pytest.approx(256 * MIB, abs=1.0)
