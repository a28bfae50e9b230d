from __future__ import annotations

import numpy as np
import pytest

from components.recommender.reference import reference_of


def test_an_incumbent_without_violations_leaves_the_margin() -> None:
    reference = reference_of(np.zeros(100), oom_kills=0)
    assert reference.limit == pytest.approx(0.01)
    assert (reference.block_intervals, reference.longest_bad_streak) == (1, 0)


def test_bursts_set_the_block_and_the_streak() -> None:
    violations = np.zeros(40)
    violations[3:6] = 0.6  # 3 intervals
    violations[20] = 0.2  # 1 interval, not plainly bad
    reference = reference_of(violations, oom_kills=4)
    # Mean burst 2, so blocks of 4: means .15 (3), .45 (4, 5), 0, .05 (20), seven of them 0.
    assert reference.block_intervals == 4
    assert reference.longest_bad_streak == 3
    assert reference.violation == pytest.approx(2.0 / 40)
    assert reference.oom_kills_per_interval == pytest.approx(0.1)
    blocks = [0.15, 0.3, 0, 0, 0, 0.05, 0, 0, 0, 0]
    error = float(np.std(blocks, ddof=1)) / 10**0.5
    assert reference.limit == pytest.approx(0.05 * 1.25 + 0.01 + 1.645 * error)


def test_what_was_not_measured_does_not_count() -> None:
    reference = reference_of(np.array([np.nan, 0.0, np.nan, 0.0]), oom_kills=0)
    assert reference.intervals == 2
    with pytest.raises(ValueError, match="no interval"):
        reference_of(np.array([np.nan]), oom_kills=0)


def test_the_limit_is_never_where_no_bet_is_possible() -> None:
    assert reference_of(np.ones(50), 0).limit == 0.95
    assert reference_of(np.zeros(50), 0, margin=0.0).limit == 0.001
