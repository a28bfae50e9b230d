"""HPA: expected values are those of Kubernetes' own replica calculator tests, or by hand."""

import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.hpa import (
    HPA_MEMORY_COUNT,
    desired_replicas,
    hpa_one,
    reset_hpa,
    scale_up_limit,
    stabilised,
)


def desired(
    current: float,
    usages_m: list[float],
    target: float,
    unready: float = 0,
    missing: float = 0,
) -> float:
    return desired_replicas(current, len(usages_m), unready, missing, sum(usages_m), 1000.0, target)


@pytest.mark.parametrize(
    ("current", "usages_m", "target", "unready", "missing", "expected"),
    [
        # TestReplicaCalcScaleUp, ...ScaleDown
        (3, [300, 500, 700], 0.3, 0, 0, 5),
        (5, [100, 300, 500, 250, 250], 0.5, 0, 0, 3),
        # TestReplicaCalcScaleUpUnreadyLessScale, ...UnreadyNoScale
        (3, [500, 700], 0.3, 1, 0, 4),
        (3, [400], 0.4, 2, 0, 3),
        # TestReplicaCalcTolerance: 1.7 % off is left alone.
        (3, [900, 1000, 1100], 1.0 / 1.0167, 0, 0, 3),
        # TestReplicaCalcMissingMetrics, ...NoChangeEq, ...NoChangeGt, ...NoChangeLt
        (4, [400, 95], 1.0, 0, 2, 3),
        (2, [1000], 1.0, 0, 1, 2),
        (2, [1900], 1.0, 0, 1, 2),
        (2, [600], 1.0, 0, 1, 2),
    ],
)
def test_replicas_are_those_of_the_replica_calculator(
    current: float,
    usages_m: list[float],
    target: float,
    unready: float,
    missing: float,
    expected: float,
) -> None:
    assert desired(current, usages_m, target, unready, missing) == expected


def test_without_any_metric_the_scale_stays() -> None:
    assert desired(3, [], 0.5, unready=3) == 3


def test_a_lower_recommendation_waits_until_the_higher_ones_are_300_s_old() -> None:
    memory = np.zeros(HPA_MEMORY_COUNT)
    reset_hpa(memory, 10.0)
    held = [stabilised(memory, 10.0, 5.0) for _ in range(20)]
    # Syncs at 15 s to 285 s still see the 10 of the beginning; that at 300 s doesn't.
    assert held == [10.0] * 19 + [5.0]


def test_a_higher_recommendation_acts_at_once() -> None:
    memory = np.zeros(HPA_MEMORY_COUNT)
    reset_hpa(memory, 3.0)
    assert stabilised(memory, 3.0, 8.0) == 8.0


@pytest.mark.parametrize(
    ("current", "added", "removed", "limit"),
    [(3, 0, 0, 7), (10, 0, 0, 20), (10, 4, 0, 12), (10, 0, 2, 24)],
)
def test_scaling_up_is_limited_to_four_more_or_the_double_of_the_period_s_start(
    current: float, added: float, removed: float, limit: float
) -> None:
    assert scale_up_limit(current, added, removed) == limit


def test_a_sync_respects_limit_and_bounds() -> None:
    memory = np.zeros(HPA_MEMORY_COUNT)
    limits = np.zeros(lim.LIMITS_COUNT)
    limits[lim.REPLICAS_MIN], limits[lim.REPLICAS_MAX] = 2, 9
    sample = np.zeros(smp.SAMPLE_COUNT)
    sample[smp.REPLICAS_READY] = sample[smp.REPLICAS_WANTED] = 3
    sample[smp.CPU_REQUEST_M] = 100.0
    # Six times the target: 18 wanted, at most 3 + 4 within 15 s.
    sample[smp.READY_CPU_USAGE_M] = 900.0
    reset_hpa(memory, 3.0)
    assert hpa_one(memory, limits, sample, 3.0, 0.5) == 7
    sample[smp.REPLICAS_READY] = sample[smp.REPLICAS_WANTED] = 8
    sample[smp.READY_CPU_USAGE_M] = 2400.0
    assert hpa_one(memory, limits, sample, 8.0, 0.5) == 9
