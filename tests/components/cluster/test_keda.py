"""KEDA's rule on amounts, by hand and after Kubernetes' own cases."""

from __future__ import annotations

import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.horizontal import (
    HORIZONTAL_MEMORY_COUNT,
    HPA_CPU,
    KEDA_QUEUE,
    KEDA_REQUESTS,
    horizontal_one,
    reset_horizontal,
)
from components.cluster.hpa import HPA_MEMORY_COUNT, hpa_one, reset_hpa
from components.cluster.keda import keda_one, replicas_for_total
from components.cluster.limits import LIMITS_COUNT


@pytest.mark.parametrize(
    ("total", "target", "existing", "replicas"),
    [
        # 120 a second at 50 each are 2.4.
        (120.0, 50.0, 1.0, 3.0),
        # Within a tenth: 104 / (50 * 2) is 1.04, and .9 exactly is left alone as well.
        (104.0, 50.0, 2.0, 2.0),
        (90.0, 50.0, 2.0, 2.0),
        # 1.12 is not: 112 / 50 is 2.24.
        (112.0, 50.0, 2.0, 3.0),
        # Kubernetes' replica_calculator_test.go, an external metric per pod, scaled up.
        (8600.0, 2150.0, 3.0, 4.0),
        (0.0, 50.0, 4.0, 0.0),
    ],
)
def test_replicas_divide_the_total(
    total: float, target: float, existing: float, replicas: float
) -> None:
    assert replicas_for_total(total, target, existing) == replicas


def bounds(least: float = 1.0, most: float = 20.0) -> FloatArray:
    row = np.zeros(LIMITS_COUNT)
    row[[lim.REPLICAS_MIN, lim.REPLICAS_MAX]] = least, most
    return row


def test_it_grows_at_once_by_the_larger_of_four_and_double_and_shrinks_after_five_minutes() -> None:
    memory = np.zeros(HPA_MEMORY_COUNT)
    reset_hpa(memory, 2.0)
    grown = keda_one(memory, bounds(), 1000.0, 2.0, 2.0, 50.0)
    assert grown == 6.0
    assert keda_one(memory, bounds(), 1000.0, 6.0, 6.0, 50.0) == 12.0
    kept = [keda_one(memory, bounds(), 100.0, 12.0, 12.0, 50.0) for _ in range(20)]
    # 20 was the recommendation of the syncs within 300 s; it is forgotten with the twentieth.
    assert kept == [12.0] * 19 + [2.0]


def test_an_idle_service_keeps_the_least_replicas() -> None:
    memory = np.zeros(HPA_MEMORY_COUNT)
    assert keda_one(memory, bounds(2.0), 0.0, 1.0, 1.0, 50.0) == 2.0


def sample(**fields: float) -> FloatArray:
    row = np.zeros(smp.SAMPLE_COUNT)
    for name, value in fields.items():
        row[smp.SAMPLE_FIELDS.index(name)] = value
    return row


def test_each_rule_looks_at_its_own_quantity() -> None:
    seen = sample(
        request_rate_per_s=120.0, concurrency=30.0, queued=10.0, replicas_wanted=1.0,
        replicas_ready=1.0, ready_cpu_usage_m=140.0, cpu_request_m=100.0,
    )  # fmt: skip
    for rule, target, replicas in (
        (HPA_CPU, 0.7, 2.0),
        (KEDA_REQUESTS, 50.0, 3.0),
        (KEDA_QUEUE, 10.0, 4.0),
    ):
        memory = np.zeros(HORIZONTAL_MEMORY_COUNT)
        reset_horizontal(rule, memory, 1.0)
        assert horizontal_one(rule, memory, bounds(), seen, 1.0, target) == replicas
    memory = np.zeros(HORIZONTAL_MEMORY_COUNT)
    reset_horizontal(HPA_CPU, memory, 1.0)
    assert hpa_one(memory, bounds(), seen, 1.0, 0.7) == 2.0
