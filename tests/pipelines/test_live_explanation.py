"""What `aware explain --cluster` tells, from what the recommender wrote into an object."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import UserError
from pipelines.live_explanation import live_explanation
from tests.components.recommender.recommending import GATE, LOAD, World, let_in, world

KEY = "shop/checkout"


def told(made: World, workload: str = KEY) -> dict[str, tuple[str, ...]]:
    sections = live_explanation(made.api, workload)  # type: ignore[arg-type]
    return {part.heading: part.lines for part in sections}


def test_what_runs_now_is_told_with_reasons_and_against_staying_put(tmp_path: Path) -> None:
    made = world(tmp_path, annotations=GATE)
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0}
    let_in(made.store)
    made.ticks(2)
    lines = told(made)
    assert lines["What is recommended"] == (
        "5 replicas",
        "app: CPU 200m, memory 128Mi",
        "updateMode Auto",
    )
    who = lines["Who decides, and whether it is applied"]
    assert who[0].startswith("RecommendationProvided True (IncumbentDecided since 20")
    assert who[1].startswith("PolicyActing False (SHADOW since 20")
    moved = lines["What moved it most, when it changed last"]
    assert any(line.startswith("CPU use 150 % of the request, not 70") for line in moved)
    against = lines["Against staying put, as the twin expects it"][0]
    # Three replicas more of 200 m; the twin is asked about both.
    assert against.startswith("+0.60 cores, ")
    assert "violations expected" in against
    assert lines["To stop it"][0].endswith("mpa checkout aware.autoscaling/pause=true")


def test_an_object_without_a_status_says_so(tmp_path: Path) -> None:
    lines = told(world(tmp_path))
    assert lines["What is recommended"] == ("nothing yet: no recommender has written a status",)
    assert lines["Against staying put, as the twin expects it"] == ()


@pytest.mark.parametrize(
    ("workload", "words"),
    [("shop/cart", "shop has checkout"), ("checkout", "is not NAMESPACE/NAME")],
)
def test_a_workload_that_is_not_there_is_the_users_mistake(
    tmp_path: Path, workload: str, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        told(world(tmp_path), workload)
