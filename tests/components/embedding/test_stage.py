import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.cluster.twin import from_json
from components.embedding.config import EmbeddingConfig, quick_config
from components.embedding.pasts import past_intervals, synthetic_pasts, with_telemetry
from components.embedding.stage import run
from components.errors import UserError
from components.policy.measured import measured_workloads
from components.policy.network import TrajectoryEncoder
from components.progress import Progress
from components.workload.telemetry import split, telemetry_bytes
from tests.telemetry_folders import KEYS, write_telemetry_folder

CONFIG = replace(quick_config(3), updates=8, applications=32, twin_members=2)
FILES = {
    "encoder.safetensors",
    "embeddings.json",
    "twins.json",
    "errors.json",
    "map.png",
    "embedding.html",
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_telemetry_folder(tmp_path_factory.mktemp("telemetry") / "dataset", steps=160)


@pytest.fixture(scope="module")
def embedded(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded") / "embedding"
    summary = run(CONFIG, dataset, folder, Progress("embedding"))
    assert summary.workloads == KEYS
    return folder


def test_it_writes_a_vector_and_a_twin_for_each_workload(embedded: Path, dataset: Path) -> None:
    assert {path.name for path in embedded.iterdir()} == FILES
    embeddings = json.loads((embedded / "embeddings.json").read_text())
    assert embeddings["embedding_size"] == 32
    assert set(embeddings["workloads"]) == set(KEYS)
    twins = json.loads((embedded / "twins.json").read_text())
    assert {from_json(twins[key]).members.shape[0] for key in KEYS} == {2}
    errors = json.loads((embedded / "errors.json").read_text())
    assert set(errors["twins"]) == set(KEYS)
    for place in ("synthetic", "telemetry"):
        assert 0.0 < errors["encoder"][place]["encoder"] < 3.0
        assert 0.0 < errors["encoder"][place]["persistence"] < 3.0


def test_a_workload_that_can_not_be_fitted_is_left_out_and_starves_no_other(
    embedded: Path, dataset: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "dataset"
    shutil.copytree(dataset, broken)
    path = broken / f"{KEYS[0]}.parquet"
    path.write_bytes(telemetry_bytes(pd.read_parquet(path).assign(replicas_ready=0.0)))
    run(CONFIG, broken, tmp_path / "out", Progress("embedding"), earlier=embedded)
    assert set(json.loads((tmp_path / "out" / "twins.json").read_text())) == set(KEYS[1:])
    excluded = json.loads((tmp_path / "out" / "errors.json").read_text())["excluded"]
    assert "0 steps" in excluded[KEYS[0]]
    assert "0 steps" in (tmp_path / "out" / "embedding.html").read_text()


def test_the_vectors_are_what_the_written_encoder_gives_without_torch(
    embedded: Path, dataset: Path
) -> None:
    encoder = TrajectoryEncoder.load(embedded / "encoder.safetensors")
    vectors = json.loads((embedded / "embeddings.json").read_text())["workloads"]
    for one in measured_workloads(dataset):
        np.testing.assert_allclose(
            encoder.embed(one.past)[0], vectors[one.workload.key], atol=1e-5, rtol=0
        )


def test_the_same_seed_gives_the_same_files(embedded: Path, dataset: Path, tmp_path: Path) -> None:
    run(CONFIG, dataset, tmp_path / "again", Progress("embedding"))
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (embedded / name).read_bytes(), name


def test_nothing_is_learned_from_the_held_out_part(
    embedded: Path, dataset: Path, tmp_path: Path
) -> None:
    """Another held-out part changes the reported errors and nothing that is used."""
    changed = write_telemetry_folder(tmp_path / "changed", steps=160)
    for path in changed.glob("*/*.parquet"):
        frame = pd.read_parquet(path)
        training, held_out = split(frame)
        held_out["cpu_usage_m"] *= 1.5
        held_out["latency_ms"] *= 2.0
        path.write_bytes(telemetry_bytes(pd.concat([training, held_out], ignore_index=True)))
    run(CONFIG, changed, tmp_path / "other", Progress("embedding"))
    for name in ("encoder.safetensors", "embeddings.json", "map.png"):
        assert (tmp_path / "other" / name).read_bytes() == (embedded / name).read_bytes(), name
    twins, others = (
        json.loads((folder / "twins.json").read_text()) for folder in (embedded, tmp_path / "other")
    )
    for key in KEYS:
        assert twins[key]["members"] == others[key]["members"]
        assert twins[key]["errors"] != others[key]["errors"]


def test_an_earlier_encoder_is_taken_over(embedded: Path, dataset: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, seed=CONFIG.seed + 1)
    run(config, dataset, tmp_path / "later", Progress("embedding"), earlier=embedded)
    for name in ("encoder.safetensors", "embeddings.json"):
        assert (tmp_path / "later" / name).read_bytes() == (embedded / name).read_bytes()


def test_a_truncated_earlier_encoder_is_one_line_and_leaves_nothing(
    embedded: Path, dataset: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    data = (embedded / "encoder.safetensors").read_bytes()
    (earlier / "encoder.safetensors").write_bytes(data[:-20])
    with pytest.raises(UserError, match="not a complete safetensors file"):
        run(CONFIG, dataset, tmp_path / "later", Progress("embedding"), earlier=earlier)
    assert [path.name for path in tmp_path.iterdir()] == ["earlier"]


def test_telemetry_of_a_single_minute_is_refused(tmp_path: Path) -> None:
    dataset = write_telemetry_folder(tmp_path / "dataset", steps=7)
    with pytest.raises(UserError, match="record for longer"):
        run(CONFIG, dataset, tmp_path / "embedding", Progress("embedding"))


@pytest.mark.parametrize(
    "settings", [{"seed": -1}, {"updates": 0}, {"applications": 3}, {"intervals": 1}]
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(settings))} is .* or more"):
        EmbeddingConfig(**settings)


def test_short_telemetry_is_learned_from_too(dataset: Path) -> None:
    """Training parts of 26 minutes: pasts are as long as that, so that the windows fit."""
    measured = measured_workloads(dataset)
    assert [one.training_intervals for one in measured] == [26, 26, 26]
    assert past_intervals(measured, 40) == 26
    assert past_intervals(measured, 20) == 20
    rng = np.random.default_rng(0)
    pasts = with_telemetry(synthetic_pasts(20, 26, rng), measured, rng)
    assert pasts.observations.shape[:2] == (22, 26)
    assert np.isnan(pasts.parameters_unit).all(axis=1).tolist() == 20 * [False] + 2 * [True]
    windows = [one.past[0] for one in measured]
    for row in pasts.observations[20:]:
        assert any(np.array_equal(row, window) for window in windows)
