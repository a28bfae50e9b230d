import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.applications import sample_applications
from components.policy.measured import MeasuredWorkload
from components.policy.watched import MOST_WATCHED_STEPS, watched
from tests.hidden_workloads.world import frame_of, workload_of

_, LIMITS, _ = sample_applications(np.random.default_rng(4), 1)


def measured(steps: int) -> MeasuredWorkload:
    samples = np.ones((steps, smp.SAMPLE_COUNT))
    samples[:, smp.REQUEST_RATE_PER_S] = np.arange(steps)
    frame: pd.DataFrame = frame_of(samples)
    observations = np.zeros((steps // 4, 1))
    return MeasuredWorkload(workload_of(LIMITS[0], 0), frame, frame[:0], observations, steps // 4)


def test_the_end_of_the_training_part_is_watched_in_whole_intervals() -> None:
    rates = watched([measured(MOST_WATCHED_STEPS + 10)])[0, :, smp.REQUEST_RATE_PER_S]
    np.testing.assert_array_equal(rates, np.arange(10, MOST_WATCHED_STEPS + 10))


def test_before_a_short_training_part_nothing_was_seen() -> None:
    rates = watched([measured(11)])[0, :, smp.REQUEST_RATE_PER_S]
    assert np.isnan(rates[:-8]).all()
    np.testing.assert_array_equal(rates[-8:], np.arange(3.0, 11.0))
