"""Knative's autoscaler by hand."""

from __future__ import annotations

import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray
from components.cluster.horizontal import HORIZONTAL_MEMORY_COUNT
from components.cluster.knative import (
    PANIC_REPLICAS,
    PANIC_S,
    knative_one,
    note_panic,
    reset_knative,
    stable_average,
)
from components.cluster.limits import LIMITS_COUNT

TARGET = 10.0


def bounds() -> FloatArray:
    row = np.zeros(LIMITS_COUNT)
    row[[lim.REPLICAS_MIN, lim.REPLICAS_MAX]] = 1.0, 100.0
    return row


def new_memory() -> FloatArray:
    memory = np.zeros(HORIZONTAL_MEMORY_COUNT)
    reset_knative(memory)
    return memory


def test_the_stable_average_is_of_the_last_minute_or_of_what_is_known() -> None:
    memory = new_memory()
    means = [stable_average(memory, value) for value in (10.0, 20.0, 30.0, 40.0, 50.0)]
    assert means == [10.0, 15.0, 20.0, 25.0, 35.0]


def test_in_a_calm_minute_replicas_follow_the_stable_average() -> None:
    memory = new_memory()
    # 35 at 10 each are 4 replicas; 55 is below twice of what 4 hold, so the minute's mean counts.
    assert knative_one(memory, bounds(), 35.0, 4.0, TARGET) == 4.0
    assert knative_one(memory, bounds(), 55.0, 4.0, TARGET) == 5.0


def test_a_surge_to_twice_the_target_panics_and_scales_by_the_latest_step() -> None:
    memory = new_memory()
    for _ in range(4):
        knative_one(memory, bounds(), 10.0, 1.0, TARGET)
    # 75 need 8 replicas, 1 is ready: 800 %. The minute's mean of 26.25 alone would give 3.
    assert knative_one(memory, bounds(), 75.0, 1.0, TARGET) == 8.0
    assert memory[PANIC_S] == 0.0


def test_a_panic_never_scales_down_and_ends_after_the_stable_window() -> None:
    memory = new_memory()
    assert knative_one(memory, bounds(), 80.0, 1.0, TARGET) == 8.0
    # 15, 30, 45, 60 s later it still panics; at 75 s the window has passed.
    later = [knative_one(memory, bounds(), 10.0, 8.0, TARGET) for _ in range(5)]
    assert later[:4] == [8.0, 8.0, 8.0, 8.0]
    # Then one replica would do, but it may only halve.
    assert later[4] == 4.0
    assert memory[PANIC_REPLICAS] == 0.0


def test_being_over_the_threshold_again_extends_the_panic() -> None:
    memory = new_memory()
    assert note_panic(memory, True)
    assert all(note_panic(memory, False) for _ in range(3))
    assert note_panic(memory, True)
    assert [note_panic(memory, False) for _ in range(5)] == [True, True, True, True, False]


@pytest.mark.parametrize(("ready", "replicas"), [(9.0, 4.0), (8.0, 4.0), (2.0, 1.0), (0.0, 1.0)])
def test_it_halves_at_most(ready: float, replicas: float) -> None:
    assert knative_one(new_memory(), bounds(), 0.0, ready, TARGET) == replicas
