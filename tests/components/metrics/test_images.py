"""When a new image began: rollouts, roll-backs, restarts and gaps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.metrics.grid import STEP_MS, Grid
from components.metrics.images import Running, new_images, running_in
from components.metrics.queries import image_query
from components.metrics.series import Measurement
from components.workload.spec import Bounds, MetricSource, Slo, Workload

WORKLOAD = Workload(
    "shop", "a", "Deployment", "app", Slo(0.9, 1.0), Bounds(1, 2, 1, 2, 1, 2), MetricSource("istio")
)


def _running(shown: str, cuts: tuple[int, ...] = ()) -> list[Running]:
    """Each character is a step: a letter is an image, + two of them (a and b), . is nothing."""
    found: list[Running] = []
    edges = (0, *cuts, len(shown))
    for begin, end in itertools.pairwise(edges):
        grid = Grid(begin * STEP_MS, end - begin)
        rows = {
            image: np.array(
                [
                    1.0 if step == image or (step == "+" and image in "ab") else np.nan
                    for step in shown[begin:end]
                ]
            )
            for image in "abc"
        }
        found += running_in(Measurement(image_query([WORKLOAD], 60), rows), grid)
    return found


@pytest.mark.parametrize(
    ("shown", "steps"),
    [
        ("aaaa", []),
        ("..aa", []),
        ("aabb", [2]),
        # A rolling update begins when the first new pod runs; that the old ones end is no event.
        ("aa++bb", [2]),
        ("aabbaa", [2, 4]),
        # A gap in what was scraped is no rollout.
        ("aa..aa", []),
        ("aa..bb", [4]),
        ("a++aa", [1]),
        ("", []),
    ],
)
def test_new_images(shown: str, steps: list[int]) -> None:
    assert [time // STEP_MS for time in new_images(_running(shown))] == steps


@given(st.text("abc+.", min_size=8, max_size=8), st.sets(st.integers(1, 7)))
def test_it_does_not_matter_in_which_stretches_images_were_read(shown: str, cuts: set[int]) -> None:
    whole = new_images(_running(shown))
    assert new_images(_running(shown, tuple(sorted(cuts)))) == whole


def test_nothing_is_known_without_the_series() -> None:
    assert running_in(None, Grid(0, 3)) == ()
    assert new_images(()) == ()


def test_an_image_that_is_still_being_pulled_is_not_asked_for() -> None:
    query = image_query([WORKLOAD], 60)
    assert 'image_id!=""' in query.text
    assert query.text.startswith("max by (namespace, pod, container, image_id) (")
