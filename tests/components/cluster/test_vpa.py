import numpy as np
import pandas as pd
import pytest

from components.cluster import vpa
from components.cluster.parameters import MIB


def history_after(peaks: list[float]) -> np.ndarray:
    history = vpa.empty_history()
    for peak in peaks:
        vpa.add_usage(history, 100.0, peak, 300 * MIB, 0.0)
    return history


def memory_target(history: np.ndarray, margin: float = 0.15) -> float:
    weights = history[vpa.MEMORY_BUCKETS : vpa.CPU_BUCKETS]
    return vpa.estimate(weights, vpa.MEMORY_FIRST_BUCKET_BYTES, 1.0, margin, 0.0)[1]


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (9.9e6, 0), (1e7, 1), (2.04e7, 1), (2.05e7, 2), (1e15, 175)]
)
def test_buckets_start_at_f_times_1_05_to_the_i_less_1_over_0_05(value: float, bucket: int) -> None:
    assert vpa.bucket_of(value, 1e7) == bucket


def test_the_target_is_the_peak_s_bucket_end_and_the_margin() -> None:
    # 100 MB lie in bucket 8, which ends at 1e7 * (1.05^9 - 1) / 0.05 = 110.2656 MB.
    assert memory_target(history_after([1e8])) == pytest.approx(1.15 * 110.2656432e6)


def test_a_higher_peak_of_the_same_day_replaces_the_lower_one() -> None:
    history = history_after([1e8, 2e8, 5e7])
    weights = history[vpa.MEMORY_BUCKETS : vpa.CPU_BUCKETS]
    assert np.flatnonzero(weights).tolist() == [vpa.bucket_of(2e8, 1e7)]


def test_another_day_s_peak_is_another_sample_of_double_the_weight() -> None:
    history = history_after([1e8])
    history[vpa.TIME_S] += vpa.DAY_S
    vpa.add_usage(history, 100.0, 2e8, 300 * MIB, 0.0)
    weights = history[vpa.MEMORY_BUCKETS : vpa.CPU_BUCKETS]
    first, second = weights[vpa.bucket_of(1e8, 1e7)], weights[vpa.bucket_of(2e8, 1e7)]
    assert second == pytest.approx(2.0 * first)


@pytest.mark.parametrize(
    ("request_mib", "used_mib", "needed_mib"), [(200, 190, 300), (100, 150, 250), (1000, 900, 1200)]
)
def test_an_oom_kill_asks_for_100_mib_or_a_fifth_more(
    request_mib: float, used_mib: float, needed_mib: float
) -> None:
    history = vpa.empty_history()
    vpa.add_usage(history, 10.0, used_mib * MIB, request_mib * MIB, 1.0)
    assert history[vpa.WINDOW_PEAK_BYTES] == pytest.approx(needed_mib * MIB)


def test_bounds_widen_with_little_history() -> None:
    weights = np.zeros(vpa.BUCKETS)
    weights[8] = 1.0
    end = 110.2656432e6
    lower, target, upper = vpa.estimate(weights, 1e7, 0.5, 0.15, 0.0)
    assert target == pytest.approx(1.15 * end)
    assert upper == pytest.approx(1.15 * end * (1 + 1 / 0.5))
    assert lower == pytest.approx(1.15 * end * (1 + 0.001 / 0.5) ** -2)


def test_the_minimum_is_a_floor_for_all_three() -> None:
    weights = np.zeros(vpa.BUCKETS)
    weights[1] = 1.0
    assert vpa.estimate(weights, 1e7, 1e6, 0.15, 250 * MIB) == (250 * MIB,) * 3


@pytest.mark.parametrize(
    ("request_bytes", "age_s", "kills", "wanted"),
    [
        (90.0, 60.0, 0.0, True),  # below the lower bound
        (310.0, 60.0, 0.0, True),  # above the upper bound
        (150.0, 60.0, 0.0, False),  # inside, young
        (150.0, 43200.0, 0.0, True),  # old enough, a third off
        (205.0, 43200.0, 0.0, False),  # old, 2.4 % off
        (150.0, 500.0, 1.0, True),  # OOM within ten minutes
        (150.0, 700.0, 1.0, False),
    ],
)
def test_a_replica_is_updated_when_out_of_bounds_killed_early_or_old(
    request_bytes: float, age_s: float, kills: float, wanted: bool
) -> None:
    history = vpa.empty_history()
    history[vpa.AGE_S] = age_s
    assert vpa.update_wanted(history, request_bytes, 100.0, 200.0, 300.0, kills) == wanted


def test_cpu_follows_the_90th_percentile_of_its_samples() -> None:
    history = vpa.empty_history()
    for step in range(100):
        vpa.add_usage(history, 500.0 if step >= 85 else 100.0, 1e8, 2e8, 0.0)
    allocation = np.array([2.0, 50.0, 2e8])
    changed = vpa.vpa_one(history, 0.15, 0.0, 10.0, 2000.0, 1e7, 1e9, 0.0, True, allocation)
    end_m = vpa.bucket_start(vpa.bucket_of(500.0, vpa.CPU_FIRST_BUCKET_M) + 1, 10.0)
    assert changed
    assert allocation[1] == np.round(1.15 * end_m)


def test_a_recommendation_stays_within_what_is_allowed() -> None:
    history = history_after([9e8])
    allocation = np.array([2.0, 300.0, 2e8])
    vpa.vpa_one(history, 0.15, 0.0, 10.0, 2000.0, 1e7, 5e8, 0.0, False, allocation)
    assert allocation.tolist() == [2.0, 300.0, 5e8]


def test_history_is_read_from_telemetry_with_gaps() -> None:
    frame = pd.DataFrame(
        {
            "cpu_usage_m": [200.0, np.nan, 400.0],
            "replicas_ready": [2.0, 2.0, 2.0],
            "memory_working_set_bytes": [1e8, np.nan, 1.5e8],
            "memory_request_bytes": [2e8, 2e8, np.nan],
            "oom_kills": [0.0, np.nan, 0.0],
        }
    )
    history = vpa.memory_history_of(frame)
    assert history[vpa.TIME_S] == 45.0
    assert history[vpa.SAMPLES] == pytest.approx(0.5)
    assert history[vpa.WINDOW_PEAK_BYTES] == 1.5e8
    buckets = np.flatnonzero(history[vpa.CPU_BUCKETS :])
    assert buckets.tolist() == sorted({vpa.bucket_of(100.0, 10.0), vpa.bucket_of(200.0, 10.0)})
