"""What a workload is compared with moves with each retraining, whether its policy was let in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.artifacts.bundle import Bundle, publish
from components.artifacts.channel import CANARY, LIVE, move_channel
from components.artifacts.files import read_json, write_json
from components.artifacts.local import LocalStore
from components.cluster.twin import Twin, to_json
from components.drift_check import reference_move
from components.drift_check.in_force import InForce, as_moved
from components.drift_check.references import move_reference, read_reference
from components.errors import TemporaryError, UserError
from components.workload.spec import dump_workloads
from components.workload.telemetry import telemetry_bytes
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

KEY = WORKLOAD.key
TWIN = to_json(Twin(Service().slower(1.8).parameters()[np.newaxis], {}, {}))
REFUSED = {"digest": "a" * 64, "accepted": False}
PROMISE = {"policy": {"violation": {"mean": 0.05, "low": 0.04, "high": 0.06}}}


def frame_of(seed: int, start: str = "2026-01-01T00:00:00Z", steps: int = 240) -> pd.DataFrame:
    return telemetry(replace(Service(), start=start), np.random.default_rng(seed), steps)


def moved(store: LocalStore, frame: pd.DataFrame, decision: dict[str, Any] = REFUSED) -> None:
    move_reference(store, KEY, frame, TWIN, decision, ("dynamics: CPU",))


def test_what_was_moved_is_read_back_with_its_verdict(tmp_path: Path) -> None:
    store, frame = LocalStore(tmp_path), frame_of(1)
    assert read_reference(store, KEY) is None
    moved(store, frame)
    known = read_reference(store, KEY)
    assert known is not None
    pd.testing.assert_frame_equal(known.frame, frame)
    np.testing.assert_allclose(known.parameters, Service().slower(1.8).parameters())
    assert json.loads(store.read(f"references/{KEY}.json"))["drift"] == ["dynamics: CPU"]
    assert known.told == (
        "compared with the drift that was acknowledged, until 2026-01-01 00:59 UTC: the twin was"
        " fitted again, the retrained policy was refused"
    )


def test_only_the_telemetry_that_is_pointed_to_is_kept(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for seed in (1, 2, 2):
        moved(store, frame_of(seed))
    pointer, telemetry_key = sorted(store.list("references/"), key=len)
    assert json.loads(store.read(pointer))["telemetry"] == telemetry_key
    assert len(store.list("references/")) == 2


def test_a_run_that_is_killed_between_the_two_writes_leaves_the_old_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    moved(store, frame_of(1))

    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "write_if", killed)
        # The telemetry's own write is the first of the two.
        patch.setattr(LocalStore, "write_once", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            moved(store, frame_of(2))
    known = read_reference(store, KEY)
    assert known is not None
    pd.testing.assert_frame_equal(known.frame, frame_of(1))


@pytest.mark.parametrize(
    ("pointer", "error"),
    [
        (b"{}", UserError),
        (b"[", UserError),
        (json.dumps({"telemetry": "references/absent.parquet"}).encode(), TemporaryError),
    ],
)
def test_a_damaged_reference_is_told_and_a_moving_one_asked_again(
    tmp_path: Path, pointer: bytes, error: type[Exception]
) -> None:
    store = LocalStore(tmp_path)
    store.write_once(f"references/{KEY}.json", pointer)
    with pytest.raises(error):
        read_reference(store, KEY)


def test_altered_telemetry_is_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    moved(store, frame_of(1))
    (place,) = (tmp_path / "references" / KEY).iterdir()
    place.write_bytes(telemetry_bytes(frame_of(2)))
    with pytest.raises(UserError, match="was altered"):
        read_reference(store, KEY)


def known_before(frame: pd.DataFrame) -> InForce:
    return InForce({KEY: (WORKLOAD, frame)}, {KEY: Service().parameters()}, {})


def test_a_moved_reference_counts_until_a_later_run_of_the_whole_path(tmp_path: Path) -> None:
    store, now = LocalStore(tmp_path), {KEY: (WORKLOAD, frame_of(3))}
    moved(store, frame_of(1, "2026-01-02T00:00:00Z"))
    earlier = as_moved(known_before(frame_of(2, "2026-01-01T00:00:00Z")), now, store)
    pd.testing.assert_frame_equal(earlier.before[KEY][1], frame_of(1, "2026-01-02T00:00:00Z"))
    assert KEY in earlier.told
    later = as_moved(known_before(frame_of(2, "2026-01-03T00:00:00Z")), now, store)
    pd.testing.assert_frame_equal(later.before[KEY][1], frame_of(2, "2026-01-03T00:00:00Z"))
    assert later.told == {}


def test_the_promise_is_that_of_the_live_policy_until_a_drift_is_acknowledged_without_one(
    tmp_path: Path,
) -> None:
    store, now = LocalStore(tmp_path), {KEY: (WORKLOAD, frame_of(3))}
    before = known_before(frame_of(2))
    digest = publish(store, Bundle(KEY, {"cpu_band": 0.3}, {}, {"metrics": PROMISE}))
    assert as_moved(before, now, store).rules == {}
    move_channel(store, "shop", "checkout", digest, CANARY)
    assert as_moved(before, now, store).promises == {}
    assert as_moved(before, now, store).rules == {KEY: {"cpu_band": 0.3}}
    move_channel(store, "shop", "checkout", digest, LIVE)
    assert as_moved(before, now, store).promises[KEY].mean == 0.05
    moved(store, frame_of(1, "2026-01-02T00:00:00Z"))
    assert as_moved(before, now, store).promises == {}
    moved(store, frame_of(1, "2026-01-02T00:00:00Z"), {"digest": digest, "accepted": True})
    assert as_moved(before, now, store).promises[KEY].mean == 0.05


def outputs(folder: Path, frame: pd.DataFrame, verdict: dict[str, Any]) -> dict[str, Path]:
    """What the stages of a retraining leave, as far as the move reads it."""
    (folder / "dataset" / "shop").mkdir(parents=True)
    (folder / "dataset" / f"{KEY}.parquet").write_bytes(telemetry_bytes(frame))
    (folder / "dataset" / "workloads.yaml").write_text(dump_workloads([WORKLOAD]))
    for name, document in (
        ("embedding/twins.json", {KEY: TWIN}),
        ("rollout/rollout.json", {KEY: REFUSED}),
        ("drift/drift.json", {KEY: verdict}),
    ):
        write_json(folder / name, document)
    return {name: folder / name for name in ("dataset", "embedding", "rollout", "drift")}


@pytest.mark.parametrize(("since", "first"), [(300, 300), (560, 444), (None, 0)])
def test_the_new_reference_begins_with_the_drift_but_is_never_too_short(
    tmp_path: Path, since: int | None, first: int
) -> None:
    frame = frame_of(1, steps=600)
    begin = None if since is None else frame["time"][since].isoformat()
    verdict = {"reasons": ["why"], "tests": {"dynamics": {"since": begin}}}
    store, out = LocalStore(tmp_path / "store"), tmp_path / "moved"
    given = outputs(tmp_path, frame, verdict)
    assert reference_move.run(store, **given, output=out) == (KEY,)
    known = read_reference(store, KEY)
    assert known is not None
    # A block of 600 steps is 13 steps long, and twelve are the fewest.
    assert len(known.frame) == len(frame) - first
    told = read_json(out / "moved.json")[KEY]
    assert told["moved"]
    assert told["begins"] == known.frame["time"].iloc[0].isoformat()


def test_a_dry_run_moves_nothing(tmp_path: Path) -> None:
    given = outputs(tmp_path, frame_of(1), {"reasons": [], "tests": {}})
    assert reference_move.run(None, **given, output=tmp_path / "moved") == (KEY,)
    assert not read_json(tmp_path / "moved" / "moved.json")[KEY]["moved"]
