"""Stalls of a single request under a CPU quota of CFS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cluster.queueing import own_stalls


def test_a_request_that_fits_into_a_period_s_quota_never_stalls() -> None:
    # 10 ms of work, 50 ms of quota.
    assert own_stalls(0.010, 0.5, 0.05) == (0.0, 0.0)


def test_a_request_of_a_quota_and_a_half_stalls_once_at_a_random_phase() -> None:
    # 15 ms of work under a quota of 10 ms: one crossing, 0.1 * 0.9^2 / 2 = 40.5 ms on average.
    mean_s, _ = own_stalls(0.015, 0.1, 1e-6)
    assert mean_s == pytest.approx(0.0405, rel=1e-3)


def test_a_request_of_many_quotas_takes_its_work_over_the_quota() -> None:
    # 1 s of CPU at a tenth of a core lasts about 10 s.
    mean_s, _ = own_stalls(1.0, 0.1, 1e-6)
    assert 1.0 + mean_s == pytest.approx(10.0, rel=0.05)


@given(
    demand_ms=st.floats(0.2, 1000.0),
    variability=st.floats(0.02, 8.0),
    quota=st.floats(0.01, 0.95),
    more=st.floats(1.0, 3.0),
)
def test_more_quota_never_stalls_more(
    demand_ms: float, variability: float, quota: float, more: float
) -> None:
    mean_s, variance = own_stalls(demand_ms / 1000.0, quota, variability)
    fewer_s, smaller = own_stalls(demand_ms / 1000.0, min(quota * more, 1.0), variability)
    assert fewer_s <= mean_s + 1e-12
    assert smaller <= variance + 1e-12
