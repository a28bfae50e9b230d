"""Each role's policy in MinIO: it allows what the role's code asks for, and not one thing more."""

from __future__ import annotations

import fnmatch
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml

from components.artifacts.bundle import Bundle, publish
from components.artifacts.channel import SHADOW, move_channel
from components.artifacts.collection import collect, named_digests, stored_bundles
from components.artifacts.folders import fetch_folder, remove_folder, send_folder
from components.artifacts.local import LocalStore
from components.artifacts.store import Store
from components.cluster.twin import Twin, to_json
from components.drift_check.calibrations import read_calibrations, write_calibrations
from components.drift_check.references import move_reference, read_reference
from components.ingestion.stored_journal import StoredJournal
from components.progress import Progress
from components.rollout import stage
from components.rollout.config import RolloutConfig
from components.rollout.retraining_budget import RetrainingLimits
from components.rollout.retraining_turn import admitted_in_turn
from components.workload.shard import parse_shard
from pipelines.trigger_book import Firing, TriggerBook
from tests.components.drift_check.synthetic_service import Service, telemetry
from tests.components.recommender.recommending import (
    GATE,
    RecommenderSettings,
    World,
    let_in,
    world,
)
from tests.components.rollout.stage_inputs import write_stage_outputs
from tests.manifests.rendered import MANIFESTS

FOLDER = MANIFESTS / "minio"
POLICIES = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("policies/*.json")}
BUCKET = "arn:aws:s3:::aware"
PREFIX = "policies"
HOUR_S = 3600.0


@dataclass
class Recorded:
    """A store that writes down which S3 actions on what it would take."""

    inner: Store
    asked: set[tuple[str, str]] = field(default_factory=set)

    def _asks(self, action: str, key: str) -> Store:
        self.asked.add((f"s3:{action}", f"{BUCKET}/{PREFIX}/{key}"))
        return self.inner

    def read(self, key: str) -> bytes:
        return self._asks("GetObject", key).read(key)

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        return self._asks("GetObject", key).read_tagged(key)

    def write_once(self, key: str, data: bytes) -> None:
        # The second put of a key reads what is there.
        self._asks("GetObject", key)
        self._asks("PutObject", key).write_once(key, data)

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        return self._asks("PutObject", key).write_if(key, data, tag)

    def written_s(self, key: str) -> float | None:
        return self._asks("GetObject", key).written_s(key)

    def delete(self, key: str) -> None:
        self._asks("DeleteObject", key).delete(key)

    def list(self, prefix: str) -> list[str]:
        self.asked.add(("s3:ListBucket", BUCKET))
        return self.inner.list(prefix)

    def versions(self, prefix: str) -> dict[str, str]:
        self.asked.add(("s3:ListBucket", BUCKET))
        return self.inner.versions(prefix)


def allows(policy: dict, action: str, resource: str) -> bool:
    """Whether a statement of the policy names the action on the resource (IAM, Allow only)."""
    assert {one["Effect"] for one in policy["Statement"]} == {"Allow"}
    return any(
        action in one["Action"]
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in one["Resource"])
        for one in policy["Statement"]
    )


def bundle() -> Bundle:
    return Bundle("shop/cart", {}, {"w": np.ones(1)}, {})


def writer(store: Store, folder: Path, patch: pytest.MonkeyPatch) -> None:
    inputs = write_stage_outputs(folder)
    patch.setattr(stage, "open_store", lambda *_: store)
    config = RolloutConfig(store_url="minio://aware/policies", dry_run=False)
    stage.run(config, **inputs, output=folder / "out", progress=Progress("rollout"))
    limits = RetrainingLimits(cool_down_s=HOUR_S, window_s=HOUR_S, per_workload=3, in_all=50)
    admitted_in_turn(store, ["shop/cart"], "run", 100.0, HOUR_S, limits)
    # The drift check's reference moves twice: the second time deletes the first's telemetry.
    twin = to_json(Twin(Service().parameters()[np.newaxis], {}, {}))
    decision = {"digest": "a" * 64, "accepted": False}
    for seed in range(2):
        frame = telemetry(Service(), np.random.default_rng(seed), 8)
        move_reference(store, "shop/cart", frame, twin, decision, ())
        assert read_reference(store, "shop/cart")
    calibrations = read_calibrations(store, "shop/cart")
    calibrations.of(np.random.default_rng(0).standard_normal(300), 900.0 * np.arange(300), 900.0)
    write_calibrations(calibrations, store, "shop/cart")


def trigger(store: Store, folder: Path, patch: pytest.MonkeyPatch) -> None:
    class Started:
        def start(self, name: str) -> None:
            assert name

    book = TriggerBook(store, Started(), lambda: 1000.0, "one")
    assert book.take([Firing("f", "2026-11-03T10:00:00Z")])
    assert not book.take([Firing("f", "2026-11-03T10:00:00Z")])


def collector(store: Store, folder: Path, patch: pytest.MonkeyPatch) -> None:
    plain = LocalStore(folder / "store")
    digest = publish(plain, bundle())
    move_channel(plain, "shop", "cart", publish(plain, Bundle("shop/cart", {}, {}, {})), SHADOW)
    named_digests(store)
    assert [one.digest for one in stored_bundles(store)]
    assert collect(store, [digest], "one") == [digest]


ROLES: dict[str, Callable[[Store, Path, pytest.MonkeyPatch], None]] = {
    "aware-writer": writer,
    "aware-trigger": trigger,
    "aware-collector": collector,
}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_is_allowed_what_its_code_asks_for_and_every_pattern_is_asked_for(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Recorded(LocalStore(tmp_path / "store"))
    ROLES[role](store, tmp_path, monkeypatch)
    refused = {one for one in store.asked if not allows(POLICIES[role], *one)}
    assert refused == set()
    unused = {
        (action, pattern)
        for statement in POLICIES[role]["Statement"]
        for action in statement["Action"]
        for pattern in statement["Resource"]
        # Listing makes a missing key a 404 and not a 403; the location is asked by the client.
        if pattern != BUCKET
        and not any(
            action == asked and fnmatch.fnmatchcase(on, pattern) for asked, on in store.asked
        )
    }
    assert unused == set()


def test_the_recommender_may_what_its_ticks_ask_for_and_writes_no_bundle(tmp_path: Path) -> None:
    found = world(tmp_path, annotations=GATE)
    let_in(found.store)
    recorded = Recorded(found.store)
    World(found.api, found.telemetry, recorded, RecommenderSettings()).ticks(3)
    policy = POLICIES["aware-reader"]
    assert {one for one in recorded.asked if not allows(policy, *one)} == set()
    assert any("/policies/policies/" in on for _, on in recorded.asked)
    assert any(action == "s3:PutObject" for action, _ in recorded.asked)
    for key in ("policies/x/bundle.json", "locks/retraining.json", "triggers/runs/1.json"):
        assert not allows(policy, "s3:PutObject", f"{BUCKET}/{PREFIX}/{key}")


def test_ingestions_journal_may_be_kept_and_forgotten_and_nothing_else_read(tmp_path: Path) -> None:
    recorded = Recorded(LocalStore(tmp_path / "store"))
    stored = StoredJournal(recorded, parse_shard("2/5"))
    (tmp_path / "0-10-ab.arrow").write_bytes(b"window")
    stored.put(tmp_path / "0-10-ab.arrow")
    stored.fetch(tmp_path / "copy")
    stored.forget("0-10-ab.arrow")
    assert_allowed_in_artifacts("aware-journal", "journal", recorded)


def test_a_trainjobs_exchange_may_be_filled_and_removed_and_nothing_else_read(
    tmp_path: Path,
) -> None:
    recorded = Recorded(LocalStore(tmp_path / "store"))
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "cart.parquet").write_bytes(b"rows")
    send_folder(recorded, "aware-meta-0/dataset", tmp_path / "dataset")
    fetch_folder(recorded, "aware-meta-0/dataset", tmp_path / "copy")
    remove_folder(recorded, "aware-meta-0")
    assert_allowed_in_artifacts("aware-trainer", "trainings", recorded)


def assert_allowed_in_artifacts(role: str, prefix: str, recorded: Recorded) -> None:
    """What was asked for below the prefix of the artifacts' bucket is allowed, and no more."""
    artifacts, policy = "arn:aws:s3:::aware-artifacts", POLICIES[role]
    asked = {
        (
            action,
            on.replace(f"{BUCKET}/{PREFIX}/", f"{BUCKET}/{prefix}/").replace(BUCKET, artifacts),
        )
        for action, on in recorded.asked
    }
    assert {one for one in asked if not allows(policy, *one)} == set()
    assert {action for action, _ in asked} | {"s3:GetBucketLocation"} == {
        action for statement in policy["Statement"] for action in statement["Action"]
    }
    for on in (f"{artifacts}/runs/one/model", f"{BUCKET}/{PREFIX}/policies/x/bundle.json"):
        assert not allows(policy, "s3:GetObject", on)


def test_only_the_collector_deletes_bundles_and_no_role_deletes_a_channel() -> None:
    deleting = {
        role
        for role, policy in POLICIES.items()
        if allows(policy, "s3:DeleteObject", f"{BUCKET}/{PREFIX}/policies/x/bundle.json")
    }
    assert deleting == {"aware-collector"}
    assert not any(
        allows(policy, "s3:DeleteObject", f"{BUCKET}/{PREFIX}/channels/shop/cart.json")
        for policy in POLICIES.values()
    )


def test_each_role_has_its_policy_file_its_user_and_its_place_in_the_job() -> None:
    script = (FOLDER / "set-up.sh").read_text()
    settings = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    files = settings["configMapGenerator"][0]["files"]
    (line,) = [one for one in script.splitlines() if one.startswith("for name in")]
    names = {f"aware-{name}" for name in line.removesuffix("; do").split()[3:]}
    assert names == set(POLICIES)
    assert {f"{name}.json=policies/{name}.json" for name in POLICIES} <= set(files)


def test_the_job_s_script_is_a_shell_s() -> None:
    if shutil.which("dash") is None:
        pytest.skip("dash is not installed: it reads the job's script")
    subprocess.run(["dash", "-n", FOLDER / "set-up.sh"], check=True)


def test_nothing_that_a_channel_may_name_expires() -> None:
    rules = json.loads((FOLDER / "lifecycle-aware.json").read_text())["Rules"]
    expiring = {one["Filter"]["Prefix"] for one in rules if "Expiration" in one}
    assert expiring == {f"{PREFIX}/triggers/"}
