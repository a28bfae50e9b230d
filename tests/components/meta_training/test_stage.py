import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.agent.populations import twin_population
from components.cluster.twin import from_json
from components.errors import UserError
from components.meta_training.config import MetaTrainingConfig, quick_config
from components.meta_training.stage import run
from components.policy.measured import measured_workloads
from components.policy.network import MetaPolicy
from components.policy.rule_parameters import RULE_COUNT
from components.progress import Progress
from tests.components.agent.stage_inputs import untrained_encoder, write_embedding
from tests.telemetry_folders import KEYS, write_telemetry_folder

CONFIG = replace(quick_config(3), iterations=4, applications=32, evaluation_period=2)
FILES = {"meta_policy.safetensors", "curve.json", "curve.png", "meta_training.html"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    dataset = write_telemetry_folder(folder / "dataset", steps=160)
    return dataset, write_embedding(folder / "embedding", dataset)


@pytest.fixture(scope="module")
def trained(inputs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "meta"
    summary = run(CONFIG, *inputs, folder, Progress("meta_training"))
    assert 0.0 < summary.reward < 1.0
    return folder


def test_it_writes_the_policy_and_how_it_learned(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == FILES
    curve = json.loads((trained / "curve.json").read_text())
    assert [one["iteration"] for one in curve["iterations"]] == [0, 2, 4]
    for one in curve["iterations"]:
        for name in ("training", "selection", "held_out"):
            assert 0.0 < one[name]["reward"] < 1.0
            assert 0.0 <= one[name]["violation"] <= 1.0
    assert curve["chosen_iteration"] in (0, 2, 4)
    assert set(curve["references"]) == {"default_rule"}


def test_the_written_policy_proposes_a_rule_for_a_workload_without_torch(
    trained: Path, inputs: tuple[Path, Path]
) -> None:
    policy = MetaPolicy.load(trained / "meta_policy.safetensors")
    for one in measured_workloads(inputs[0]):
        unit = policy.propose(one.past)
        assert unit.shape == (1, RULE_COUNT)
        assert (unit > 0.0).all()
        assert (unit < 1.0).all()


def test_the_same_seed_gives_the_same_files(
    trained: Path, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    run(CONFIG, *inputs, tmp_path / "again", Progress("meta_training"))
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (trained / name).read_bytes(), name


def test_twins_of_the_workloads_have_their_own_context_and_rate(inputs: tuple[Path, Path]) -> None:
    dataset, embedding = inputs
    measured = measured_workloads(dataset)
    documents = json.loads((embedding / "twins.json").read_text())
    twins = [from_json(documents[key]) for key in KEYS]
    population = twin_population(untrained_encoder(), measured, twins, members=2)
    assert population.parameters.shape[0] == 6
    for row, one in enumerate(measured):
        rows = slice(2 * row, 2 * row + 2)
        np.testing.assert_array_equal(population.parameters[rows], twins[row].members[:2])
        np.testing.assert_allclose(
            population.mean_rates_per_s[rows], one.training["request_rate_per_s"].mean()
        )
        np.testing.assert_array_equal(
            population.contexts[2 * row], population.contexts[2 * row + 1]
        )
    assert np.unique(population.contexts, axis=0).shape[0] == 3


def test_an_embedding_of_other_workloads_is_refused(
    inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    dataset, embedding = inputs
    other = tmp_path / "embedding"
    other.mkdir()
    (other / "encoder.safetensors").write_bytes((embedding / "encoder.safetensors").read_bytes())
    twins = json.loads((embedding / "twins.json").read_text())
    (other / "twins.json").write_text(json.dumps({"shop/other": twins["shop/payment"]}))
    with pytest.raises(UserError, match="no workload of the dataset: run the embedding"):
        run(CONFIG, dataset, other, tmp_path / "meta", Progress("meta_training"))
    assert not (tmp_path / "meta").exists()


def test_a_truncated_encoder_is_refused(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    dataset, embedding = inputs
    other = tmp_path / "embedding"
    other.mkdir()
    (other / "encoder.safetensors").write_bytes(
        (embedding / "encoder.safetensors").read_bytes()[:1000]
    )
    with pytest.raises(UserError, match="not a complete safetensors file"):
        run(CONFIG, dataset, other, tmp_path / "meta", Progress("meta_training"))


@pytest.mark.parametrize(
    "settings", [{"iterations": 0}, {"violation_budget": -0.1}, {"violation_penalty": float("nan")}]
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(settings))} is .* or more"):
        MetaTrainingConfig(**settings)
