"""What release 0.1 has left in a store and in files is read by this one, and means the same.

`release_0_1/` was written by that release: never write it anew. Where a schema changes, this
release reads the old one, too, and the next folder holds what it writes itself.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from components.artifacts.bundle import load
from components.artifacts.channel import read_channel
from components.artifacts.local import LocalStore
from components.artifacts.lock import lock_holder
from components.cluster.twin import from_json
from components.kubernetes_api.autoscaler import autoscaler_of
from components.policy.rule_parameters import rule_of
from components.recommender.phase_state import CANARY
from components.recommender.phase_store import load_record
from components.recommender.settings import RecommenderSettings
from components.rollout.retraining_budget import RetrainingLimits, admit, spend
from components.workload.spec import load_workloads
from tests.components.recommender.recommending import GATE, LOAD, MI, START_S, world

STORED = Path(__file__).parent / "release_0_1"
ACTING = "0142ae37130ca708055bb7d33ad383eddfeaf9127a23c82e802b26f62447a407"
LEARNED = "2591ce1e1b30b529777159d982ae4bc9ede3758f400150aad0537c4e1312c829"
# When the release's recommender had stopped.
STOPPED_S = 1_700_018_700.0
NEXT = (2, 400, 132_097_098)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    shutil.copytree(STORED / "store", tmp_path / "store")
    return LocalStore(tmp_path / "store")


def test_the_bundle_of_a_run_still_serves(store: LocalStore) -> None:
    assert read_channel(store, "shop", "catalog").current == LEARNED
    bundle = load(store, LEARNED)
    rule = rule_of(bundle.rule_parameters)
    assert np.isfinite(rule).all()
    assert bundle.rule_parameters["target_utilisation"] == pytest.approx(0.33408, abs=1e-5)
    twin = from_json(bundle.manifest["twin"])
    assert len(twin.members) >= 1
    assert bundle.arrays["encoder.gru.weight_ih_l0"].ndim == 2


def test_a_policy_in_canary_stays_there_with_its_evidence(store: LocalStore) -> None:
    record = load_record(store, "shop", "checkout")
    assert (record.state.phase, record.state.digest) == (CANARY, ACTING)
    assert record.state.intervals == 56
    assert record.state.benefit[-1] == pytest.approx(0.4507, abs=1e-4)
    assert len(record.violations) == 254


def test_the_recommender_goes_on_where_the_release_stopped(store: LocalStore) -> None:
    made = world(store.folder, settings=RecommenderSettings(save_every=1), annotations=GATE)
    made.telemetry.rows["shop/checkout"] = LOAD
    made.now_s = STOPPED_S
    made.ticks(1)
    assert made.told("PolicyActing").reason == CANARY
    assert made.told("RecommendationProvided").reason == "PolicyDecided"
    assert made.told("PolicyLoaded").status == "True"
    # As the release itself recommended in its next tick: the rule's memory is what it was.
    assert made.sizes() == NEXT


def test_the_memory_of_a_peak_outlives_the_upgrade(store: LocalStore) -> None:
    made = world(store.folder, settings=RecommenderSettings(save_every=1))
    made.telemetry.rows["shop/checkout"] = LOAD
    made.now_s = STOPPED_S
    # A tick at most doubles what runs, 64 Mi at first.
    made.ticks(6, apply=True)
    # The VPA's histogram: 700 Mi used five hours ago, though 50 Mi are used now.
    assert made.sizes()[2] >= 1.15 * 700 * MI


def test_lock_and_budget_still_bind(store: LocalStore) -> None:
    held = lock_holder(store, "retraining", START_S + 60.0)
    assert held is not None
    assert held.owner == "run-1"
    limits = RetrainingLimits()
    again = spend(store, ["shop/checkout"], limits, START_S + 3600.0, "run-2")
    assert not again.admitted
    assert "shop/checkout" in again.refused
    assert admit({}, ["shop/checkout"], limits, START_S, "run-2").admitted


def test_its_files_are_still_read() -> None:
    assert [item.key for item in load_workloads(STORED / "workloads.yaml")][:2] == [
        "shop/checkout",
        "shop/cart",
    ]
    written = autoscaler_of(yaml.safe_load((STORED / "shop.catalog.yaml").read_text()))
    assert (written.replicas_min, written.replicas_max) == (1, 6)
