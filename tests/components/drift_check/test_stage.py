"""The whole stage on folders: what it writes, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.artifacts.files import write_json
from components.artifacts.local import LocalStore
from components.cluster.twin import Twin, to_json
from components.drift_check import reference_move
from components.drift_check.config import DriftConfig
from components.drift_check.stage import DriftSummary, run
from components.errors import UserError
from components.progress import Progress
from components.workload.spec import dump_workloads
from components.workload.telemetry import telemetry_bytes
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

CART = Service(demand_ms=3.0, rate_per_s=20.0)


def _dataset(folder: Path, services: Mapping[str, Service], steps: int, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    (folder / "shop").mkdir(parents=True)
    for name, service in services.items():
        frame = telemetry(service, rng, steps)
        (folder / "shop" / f"{name}.parquet").write_bytes(telemetry_bytes(frame))
    workloads = [replace(WORKLOAD, name=name) for name in services]
    (folder / "workloads.yaml").write_text(dump_workloads(workloads))
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A reference, and an hour later: checkout got slower, cart didn't."""
    _dataset(tmp_path / "reference", {"checkout": Service(), "cart": CART}, 240, seed=1)
    later = {"checkout": Service(start="2026-01-01T02:00:00Z").slower(1.8), "cart": CART}
    _dataset(tmp_path / "recent", later, 100, seed=2)
    twins = {
        key: to_json(Twin(service.parameters()[np.newaxis], {}, {}))
        for key, service in (("shop/checkout", Service()), ("shop/cart", CART))
    }
    write_json(tmp_path / "embedding" / "twins.json", twins)
    promise = {"mean": 0.05, "low": 0.04, "high": 0.06}
    rows = {"rows": {"policy": {"violation": promise}}}
    validated = {"workloads": dict.fromkeys(twins, rows)}
    write_json(tmp_path / "validation" / "validation.json", validated)
    return {name: tmp_path / name for name in ("reference", "recent", "embedding", "validation")}


def _run(
    folders: Mapping[str, Path],
    config: DriftConfig | None = None,
    store: LocalStore | None = None,
) -> DriftSummary:
    return run(
        config or DriftConfig(),
        **folders,
        output=folders["recent"].parent / "drift",
        progress=Progress("drift_check"),
        store=store,
    )


def test_the_slower_service_and_only_it_has_drifted(folders: dict[str, Path]) -> None:
    summary = _run(folders)
    assert summary == DriftSummary(("shop/checkout",), ("shop/checkout", "shop/cart"))
    output = folders["recent"].parent / "drift"
    verdicts = json.loads((output / "drift.json").read_text())
    assert verdicts["shop/checkout"]["drifted"]
    assert verdicts["shop/checkout"]["recommendation"] == "refit the twin and fine-tune"
    assert not verdicts["shop/cart"]["drifted"]
    assert set(verdicts["shop/cart"]["tests"]) == {"input", "dynamics", "outcome"}
    assert (output / "drift.png").read_bytes().startswith(b"\x89PNG")
    assert "refit the twin" in (output / "drift.html").read_text()


def test_only_the_rules_that_were_let_in_are_told_to_be_in_force(folders: dict[str, Path]) -> None:
    path = folders["validation"] / "validation.json"
    document = json.loads(path.read_text())
    for key, accepted in (("shop/checkout", True), ("shop/cart", False)):
        said = {"rule": {"target_utilisation": 0.4}, "verdict": {"accepted": accepted}}
        document["workloads"][key] |= said
    write_json(path, document)
    _run(folders)
    in_force = json.loads((folders["recent"].parent / "drift" / "in_force.json").read_text())
    assert in_force == {"shop/checkout": {"target_utilisation": 0.4}}


@pytest.mark.parametrize("accepted", [True, False])
def test_once_retrained_the_new_behaviour_is_no_drift_any_more(
    folders: dict[str, Path], tmp_path: Path, accepted: bool
) -> None:
    store = LocalStore(tmp_path / "store")
    assert _run(folders, store=store).drifted == ("shop/checkout",)
    slower = to_json(Twin(Service().slower(1.8).parameters()[np.newaxis], {}, {}))
    write_json(tmp_path / "embedding-after" / "twins.json", {"shop/checkout": slower})
    decision = {"digest": "a" * 64, "accepted": accepted}
    write_json(tmp_path / "rollout" / "rollout.json", {"shop/checkout": decision})
    reference_move.run(
        store,
        folders["recent"],
        tmp_path / "embedding-after",
        tmp_path / "rollout",
        tmp_path / "drift",
        tmp_path / "moved",
    )

    later = {"checkout": Service(start="2026-01-02T00:00:00Z").slower(1.8), "cart": CART}
    folders["recent"] = _dataset(tmp_path / "later", later, 100, seed=3)
    assert _run(folders, store=store).drifted == ()
    verdicts = json.loads((tmp_path / "drift" / "drift.json").read_text())
    assert ("refused" in verdicts["shop/checkout"]["reference"]) != accepted
    assert verdicts["shop/cart"]["reference"] == ""
    assert "until 2026-01-01" in (tmp_path / "drift" / "drift.html").read_text()
    # And a change back is one again.
    again = {"checkout": Service(start="2026-01-03T00:00:00Z"), "cart": CART}
    folders["recent"] = _dataset(tmp_path / "back", again, 100, seed=4)
    assert _run(folders, store=store).drifted == ("shop/checkout",)


def test_the_same_inputs_give_the_same_bytes(folders: dict[str, Path]) -> None:
    output = folders["recent"].parent / "drift"
    names = ("drift.json", "drift.png", "drift.html")
    _run(folders)
    first = [(output / name).read_bytes() for name in names]
    _run(folders)
    assert [(output / name).read_bytes() for name in names] == first


def test_new_and_vanished_workloads_are_told_and_not_called_drifted(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    recent = _dataset(tmp_path / "other", {"cart": CART, "wish": CART}, 100, seed=2)
    summary = _run({**folders, "recent": recent})
    assert summary.checked == ("shop/cart",)
    verdicts = json.loads((tmp_path / "drift" / "drift.json").read_text())
    assert verdicts["shop/wish"]["reasons"] == [
        "shop/wish is new: it has no reference; run the autoscaling pipeline"
    ]
    assert "no recent telemetry" in verdicts["shop/checkout"]["reasons"][0]
    assert not verdicts["shop/checkout"]["drifted"]


def test_nothing_in_common_is_one_clear_line(folders: dict[str, Path], tmp_path: Path) -> None:
    recent = _dataset(tmp_path / "other", {"wish": CART}, 100, seed=2)
    with pytest.raises(UserError, match="nothing to compare: shop/wish is new"):
        _run({**folders, "recent": recent})
    assert not (tmp_path / "drift").exists()


def test_a_live_workload_without_a_promise_is_one_clear_line(folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="promised nothing for shop/wish"):
        _run(folders, DriftConfig(live=("shop/wish",)))


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("embedding/twins.json", [], "holds no twins"),
        ("embedding/twins.json", {"shop/cart": {"members": [{}]}}, "a twin lacks"),
        ("validation/validation.json", {"workloads": {"a": {}}}, "promises nothing"),
    ],
)
def test_a_broken_input_is_one_clear_line(
    folders: dict[str, Path], name: str, value: object, what: str
) -> None:
    write_json(folders["recent"].parent / name, value)
    with pytest.raises(UserError, match=what):
        _run(folders)


def test_a_missing_input_is_one_clear_line(folders: dict[str, Path]) -> None:
    (folders["embedding"] / "twins.json").unlink()
    with pytest.raises(UserError, match=r"twins\.json is missing"):
        _run(folders)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"false_discovery_rate": 0.0}, "false_discovery_rate"),
        ({"block_s": 15}, "block_s"),
        ({"cpu_factor": 1.0}, "cpu_factor"),
        ({"violation_share": 1.0}, "violation_share"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, float], what: str) -> None:
    with pytest.raises(UserError, match=what):
        DriftConfig(**settings)  # type: ignore[arg-type]
