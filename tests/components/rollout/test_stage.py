from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from components.artifacts.bundle import load
from components.artifacts.channel import LIVE, SHADOW, Channel, move_channel, read_channel
from components.artifacts.files import read_json, write_json
from components.artifacts.local import LocalStore
from components.errors import TemporaryError, UserError
from components.progress import Progress
from components.rollout.config import RolloutConfig
from components.rollout.stage import RolloutSummary, run
from tests.components.rollout.stage_inputs import write_stage_outputs

DRY = RolloutConfig()
PROGRESS = Progress("rollout")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_an_accepted_policy_goes_to_the_shadow_and_a_refused_one_nowhere(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    summary = run(DRY, **inputs, output=tmp_path / "out", progress=PROGRESS)

    assert summary == RolloutSummary(("shop/checkout",), ("shop/cart",))
    decisions = read_json(tmp_path / "out" / "rollout.json")
    assert {key: item["state"] for key, item in decisions.items()} == {
        "shop/checkout": "SHADOW",
        "shop/cart": "INCUMBENT",
    }
    assert decisions["shop/cart"]["reasons"][0] == "Refused: the incumbent stays."
    assert decisions["shop/cart"]["reasons"][1] == "Reward: 0.8 & <better>."
    store = LocalStore(tmp_path / "out" / "store")
    digest = decisions["shop/checkout"]["digest"]
    assert read_channel(store, "shop", "checkout") == Channel(digest, None, SHADOW)
    assert read_channel(store, "shop", "cart") == Channel()
    assert store.list("channels/") == ["channels/shop/checkout.json"]


def test_the_bundle_holds_what_serving_and_watching_need(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    run(DRY, **inputs, output=tmp_path / "out", progress=PROGRESS)
    digest = read_json(tmp_path / "out" / "rollout.json")["shop/checkout"]["digest"]

    bundle = load(LocalStore(tmp_path / "out" / "store"), digest)
    assert bundle.workload == "shop/checkout"
    assert bundle.rule_parameters == {"cpu_target": 0.5}
    assert bundle.arrays["actor.0.weight"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert bundle.manifest["metrics"]["policy"]["reward"]["mean"] == 0.8
    assert bundle.manifest["verdict"]["accepted"] is True
    assert bundle.manifest["reference"]["request_rate_per_s"]["mean"] == 3.0
    assert bundle.manifest["embedding"] == [0.25, -1.0]
    assert len(bundle.manifest["training_data_digest"]) == 64
    assert bundle.manifest["code_version"].count("+") == 1


def test_the_same_inputs_twice_give_the_same_files(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    run(DRY, **inputs, output=tmp_path / "one", progress=PROGRESS)
    run(DRY, **inputs, output=tmp_path / "two", progress=PROGRESS)
    first = tree(tmp_path / "one")
    run(DRY, **inputs, output=tmp_path / "one", progress=PROGRESS)

    assert first == tree(tmp_path / "one") == tree(tmp_path / "two")
    assert sorted(first) == [
        "manifests/shop.cart.yaml",
        "manifests/shop.checkout.yaml",
        "rollout.html",
        "rollout.json",
        *sorted(name for name in first if name.startswith("store/")),
    ]


def test_a_dry_run_leaves_the_store_alone(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    config = RolloutConfig(store_url=str(tmp_path / "store"), dry_run=True)
    run(config, **inputs, output=tmp_path / "out", progress=PROGRESS)

    assert not (tmp_path / "store").exists()


def test_a_real_run_moves_the_store_and_keeps_what_it_replaced(tmp_path: Path) -> None:
    config = RolloutConfig(store_url=str(tmp_path / "store"), dry_run=False)
    store = LocalStore(tmp_path / "store")
    digests = []
    for rule in (0.5, 0.4, 0.4):
        inputs = write_stage_outputs(tmp_path, rule=rule)
        run(config, **inputs, output=tmp_path / "out", progress=PROGRESS)
        digests.append(read_json(tmp_path / "out" / "rollout.json")["shop/checkout"]["digest"])

    assert digests[0] != digests[1] == digests[2]
    assert read_channel(store, "shop", "checkout") == Channel(digests[1], digests[0], SHADOW)
    assert not (tmp_path / "out" / "store").exists()


def test_a_policy_that_the_recommender_let_in_stays_in(tmp_path: Path) -> None:
    config = RolloutConfig(store_url=str(tmp_path / "store"), dry_run=False)
    store = LocalStore(tmp_path / "store")
    inputs = write_stage_outputs(tmp_path)
    run(config, **inputs, output=tmp_path / "out", progress=PROGRESS)
    digest = read_json(tmp_path / "out" / "rollout.json")["shop/checkout"]["digest"]
    move_channel(store, "shop", "checkout", digest, LIVE)

    run(config, **inputs, output=tmp_path / "out", progress=PROGRESS)
    assert read_channel(store, "shop", "checkout").state == LIVE

    refused = write_stage_outputs(tmp_path, accepted=(), rule=0.9)
    run(config, **refused, output=tmp_path / "out", progress=PROGRESS)
    assert read_channel(store, "shop", "checkout") == Channel(digest, None, LIVE)
    entry = read_json(tmp_path / "out" / "rollout.json")["shop/checkout"]
    assert entry["state"] == LIVE
    assert entry["reasons"][0] == f"Refused: policy {digest[:12]} stays LIVE."


def test_only_the_adapted_workloads_are_rolled_out(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    adapted = inputs["adapted"] / "adapted.json"
    write_json(adapted, {"shop/cart": read_json(adapted)["shop/cart"]})
    run(DRY, **inputs, output=tmp_path / "out", progress=PROGRESS)

    assert os.listdir(tmp_path / "out" / "manifests") == ["shop.cart.yaml"]


def test_stages_of_different_runs_are_refused(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    write_json(inputs["validation"] / "validation.json", {"workloads": {}, "summary": {}})

    with pytest.raises(UserError, match=r"has shop/cart, which validation\.json lacks"):
        run(DRY, **inputs, output=tmp_path / "out", progress=PROGRESS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "damaged",
    [
        "adapted/adapted.json",
        "validation/validation.json",
        "embedding/twins.json",
        "meta_policy/meta_policy.safetensors",
        "dataset/workloads.yaml",
        "dataset/shop/cart.parquet",
    ],
)
@pytest.mark.parametrize("how", ["truncated", "deleted"])
def test_a_damaged_input_is_named_and_nothing_is_left(
    tmp_path: Path, damaged: str, how: str
) -> None:
    inputs = write_stage_outputs(tmp_path)
    path = tmp_path / damaged
    if how == "deleted":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(UserError, match=path.name.replace(".", r"\.")):
        run(DRY, **inputs, output=tmp_path / "out", progress=PROGRESS)
    assert sorted(os.listdir(tmp_path)) == sorted(inputs)


def test_a_store_that_does_not_answer_leaves_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    inputs = write_stage_outputs(tmp_path)

    with pytest.raises(TemporaryError, match="does not answer"):
        run(
            RolloutConfig("minio://bucket", dry_run=False),
            **inputs,
            output=tmp_path / "out",
            progress=PROGRESS,
        )
    assert not (tmp_path / "out").exists()


def test_a_real_run_needs_a_store() -> None:
    with pytest.raises(UserError, match="needs a store_url"):
        RolloutConfig(dry_run=False)


def test_the_page_shows_states_and_escapes_what_it_shows(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    run(DRY, **inputs, output=tmp_path / "out", progress=PROGRESS)
    page = (tmp_path / "out" / "rollout.html").read_text()

    assert "SHADOW" in page
    assert "Reward: 0.8 &amp; &lt;better&gt;." in page
    assert "<better>" not in page
    manifest = yaml.safe_load((tmp_path / "out/manifests/shop.cart.yaml").read_text())
    assert json.loads(json.dumps(manifest)) == manifest
