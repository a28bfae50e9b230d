from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.recommender.recommending import LOAD, mpa_path, world


@pytest.mark.parametrize(
    ("named", "decided"), [([], True), ([{"name": "aware"}], True), ([{"name": "theirs"}], False)]
)
def test_an_object_that_names_another_recommender_is_left_to_it(
    tmp_path: Path, named: list[dict[str, str]], decided: bool
) -> None:
    made = world(tmp_path)
    made.api.objects[mpa_path("checkout")]["spec"]["recommenders"] = named
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 600.0}
    made.ticks(3)
    assert ("status" in made.api.objects[mpa_path("checkout")]) is decided
    assert bool(made.api.patched) is decided
