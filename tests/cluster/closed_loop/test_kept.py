from pathlib import Path

import numpy as np

from tests.cluster.closed_loop.course import Measured
from tests.cluster.closed_loop.courses import courses_of
from tests.cluster.closed_loop.figures import Requests
from tests.cluster.closed_loop.kept import keep, kept


def test_every_repeat_has_rates_of_its_own_and_a_second_run_has_the_same() -> None:
    first, again = (courses_of(["daily", "bursty"], 10.0, 600, 2) for _ in range(2))
    assert [course.name for repeat in first for course in repeat] == [
        "daily-1",
        "bursty-1",
        "daily-2",
        "bursty-2",
    ]
    for one, other in zip(first, again, strict=True):
        for course, same in zip(one, other, strict=True):
            assert course.rates_per_s.shape == (600,)
            assert np.array_equal(course.rates_per_s, same.rates_per_s)
    for once, twice in zip(*first, strict=True):
        assert not np.array_equal(once.rates_per_s, twice.rates_per_s)


def test_a_run_that_was_cut_is_told_as_far_as_it_came(tmp_path: Path) -> None:
    repeats = courses_of(["daily", "bursty"], 10.0, 60, 2)
    ours = Measured({"reward": 0.84}, Requests(120, 3), (0.5, 1.5), "Applied")
    for course in repeats[0]:
        keep(tmp_path, course, {"ours": ours})
    found = kept(tmp_path, repeats)
    assert [one.course for one in found] == repeats[0]
    assert [one.measured for one in found] == [{"ours": ours}] * 2
