"""How near memory came to what a container is killed at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components.cluster import sample as smp
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.recommender.phase_store import load_record
from components.recommender.settings import RecommenderSettings
from components.recommender.telemetry_batch import batch_of
from components.recommender.telemetry_source import STEPS, Recent
from components.recommender.violations import memory_share
from tests.components.recommender.recommending import GATE, LOAD, MI, let_in, world

DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"


def test_each_new_step_counts_by_the_request_that_was_in_force_then() -> None:
    values = np.full((2, STEPS, len(MEASURED_COLUMNS)), np.nan)
    values[:, :, smp.MEMORY_WORKING_SET_BYTES] = 48 * MI
    values[:, :, smp.MEMORY_REQUEST_BYTES] = 96 * MI
    # 90 of 100 before it grew, one step back; 64 of 64, but long ago.
    values[0, -2, [smp.MEMORY_WORKING_SET_BYTES, smp.MEMORY_REQUEST_BYTES]] = 90 * MI, 100 * MI
    values[1, 3, [smp.MEMORY_WORKING_SET_BYTES, smp.MEMORY_REQUEST_BYTES]] = 64 * MI, 64 * MI
    current = np.tile([2.0, 200.0, 128 * MI], (2, 1))
    batch = batch_of(Recent(values, np.zeros(2)), current)
    assert memory_share(batch, np.array([4.0, 4.0])).tolist() == pytest.approx([0.9, 0.5])


@pytest.mark.parametrize(("limit", "counted"), [(None, 0.0), ("128Mi", 0.0), ("64Mi", 3.0)])
def test_near_is_near_the_limit_and_without_one_nothing_is(
    tmp_path: Path, limit: str | None, counted: float
) -> None:
    made = world(tmp_path, settings=RecommenderSettings(save_every=1), annotations=GATE)
    container = made.api.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    if limit is not None:
        container["resources"]["limits"] = {"memory": limit}
    made.telemetry.rows["shop/checkout"] = LOAD | {"memory_working_set_bytes": 62.0 * MI}
    let_in(made.store)
    made.ticks(3)
    record = load_record(made.store, "shop", "checkout")
    # A little fades in each interval.
    assert record.near_limit == pytest.approx(counted, abs=0.01)


def test_a_record_of_before_has_no_such_intervals(tmp_path: Path) -> None:
    made = world(tmp_path, settings=RecommenderSettings(save_every=1), annotations=GATE)
    let_in(made.store)
    made.ticks(2)
    tagged = made.store.read_tagged("phases/shop/checkout.json")
    assert tagged is not None
    document = json.loads(tagged[0])
    del document["near_limit"], document["phase"]["near_limit"]
    made.store.write_if("phases/shop/checkout.json", json.dumps(document).encode(), tagged[1])
    record = load_record(made.store, "shop", "checkout")
    assert (record.near_limit, record.state.near_limit) == (0.0, 0.0)
    assert record.state.phase == "SHADOW"
