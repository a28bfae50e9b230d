"""What repeated runs leave of a model's error, against values known by hand."""

import numpy as np
import pandas as pd
import pytest

from tests.baselines.repeated_runs import neighbour_error, rank_correlation, repeat_error


def test_a_run_is_predicted_by_the_others_like_it_and_by_none_else() -> None:
    runs = pd.DataFrame({"pods": [1, 1, 1, 2], "p99": [10.0, 20.0, 40.0, 1.0]})
    # Medians of the others: 30, 25, 15; off by 2, .25 and .625. The single run doesn't count.
    assert repeat_error(runs, ["pods"], "p99") == pytest.approx(0.625)


def test_rows_side_by_side_differ_by_the_chance_of_both() -> None:
    rows = pd.DataFrame({"cpu": [1.0, 1.01, 8.0, 8.08], "rate": [100.0, 120.0, 50.0, 60.0]})
    # ln 1.2 / sqrt 2 = .1289; e^.1289 - 1 = .1376.
    assert neighbour_error(rows, ["cpu"], "rate") == pytest.approx(0.1376, abs=1e-4)


def test_chance_is_found_again_and_the_surface_is_not_taken_for_it() -> None:
    rng = np.random.default_rng(0)
    cpu = np.repeat(np.linspace(1.0, 4.0, 600), 2)
    rate = 100.0 * cpu * np.exp(0.1 * rng.standard_normal(1200))
    found = neighbour_error(pd.DataFrame({"cpu": cpu, "rate": rate}), ["cpu"], "rate")
    # The median of |N(0, .1)| is .0674.
    assert found == pytest.approx(np.expm1(0.0674), rel=0.15)


def test_ranks_that_rise_together_correlate_fully() -> None:
    first, second = pd.Series([1.0, 2.0, 3.0]), pd.Series([1.0, 10.0, 1000.0])
    assert rank_correlation(first, second) == pytest.approx(1.0)
    assert rank_correlation(first, -second) == pytest.approx(-1.0)
