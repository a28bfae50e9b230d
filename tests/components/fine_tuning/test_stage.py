import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.artifacts.files import write_json
from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.reward import REWARD, VIOLATION
from components.cluster.twin import from_json
from components.errors import UserError
from components.fine_tuning.config import FineTuningConfig, quick_config
from components.fine_tuning.members import synthetic_applications
from components.fine_tuning.stage import run
from components.fine_tuning.variants import variants_of
from components.policy.measured import measured_workloads
from components.policy.rule_parameters import RULE_PARAMETERS, rule_of
from components.policy.rule_rollout import rollout_rule
from components.policy.watched import watched
from components.progress import Progress
from tests.components.agent.stage_inputs import write_embedding, write_meta_policy
from tests.telemetry_folders import KEYS, write_telemetry_folder

CONFIG = replace(quick_config(3), iterations=8, candidates=32, resampled_variants=18)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    dataset = write_telemetry_folder(folder / "dataset", steps=160)
    embedding = write_embedding(folder / "embedding", dataset)
    return dataset, embedding, write_meta_policy(folder / "meta")


@pytest.fixture(scope="module")
def tuned(inputs: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "adapted"
    summary = run(CONFIG, *inputs, folder, Progress("fine_tuning"))
    assert summary.workloads == KEYS
    assert summary.mean_gain > 0.0
    return folder


def _adapted(folder: Path) -> dict:
    return json.loads((folder / "adapted.json").read_text())


def test_each_workload_gets_a_rule_within_its_bounds(tuned: Path) -> None:
    assert {path.name for path in tuned.iterdir()} == {"adapted.json", "fine_tuning.html"}
    adapted = _adapted(tuned)
    assert set(adapted) == set(KEYS)
    for entry in adapted.values():
        for spec in RULE_PARAMETERS:
            assert spec.low <= entry["rule"][spec.name] <= spec.high
            assert spec.low <= entry["proposed"][spec.name] <= spec.high
        assert len(entry["curve"]) == CONFIG.iterations
        assert entry["score"] >= entry["proposed_score"]
        assert entry["cpu_seconds"] > 0.0


def test_adapted_rules_beat_their_proposals_on_fresh_traces(
    tuned: Path, inputs: tuple[Path, Path, Path]
) -> None:
    twins = json.loads((inputs[1] / "twins.json").read_text())
    config = replace(CONFIG, resampled_variants=120, synthetic_variants=40, decisions=40)
    population = synthetic_applications(np.random.default_rng(5), 256)
    gains = []
    for one in measured_workloads(inputs[0]):
        key = one.workload.key
        rng = np.random.default_rng(99)
        variants = variants_of(one, from_json(twins[key]), config, population, rng)
        count, steps = variants.rates_per_s.shape
        noise = draw_noise(rng, steps, count)
        scores = []
        for name in ("rule", "proposed"):
            metrics = rollout_rule(
                np.tile(rule_of(_adapted(tuned)[key][name]), (count, 1)),
                variants.parameters,
                np.repeat(limits_of([one.workload]), count, axis=0),
                variants.rates_per_s,
                noise,
                np.tile(one.usual_allocation, (count, 1)),
                past=np.repeat(watched([one]), count, axis=0),
            ).metrics
            scores.append(metrics[:, REWARD] - CONFIG.violation_penalty * metrics[:, VIOLATION])
        gains.append(scores[0] - scores[1])
    gain = np.concatenate(gains)
    assert gain.mean() > 3.0 * gain.std(ddof=1) / np.sqrt(len(gain))


def test_the_same_seed_gives_the_same_rules(
    tuned: Path, inputs: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    run(CONFIG, *inputs, tmp_path / "again", Progress("fine_tuning"))
    first, again = _adapted(tuned), _adapted(tmp_path / "again")
    for key in KEYS:
        # What the search cost is the only thing that may differ.
        assert first[key] | {"cpu_seconds": 0} == again[key] | {"cpu_seconds": 0}


@pytest.mark.parametrize("key", KEYS)
def test_a_workload_adapted_alone_gets_the_bytes_that_it_gets_beside_others(
    key: str, tuned: Path, inputs: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    summary = run(CONFIG, *inputs, tmp_path / "one", Progress("fine_tuning"), only=[key])
    assert summary.workloads == (key,)
    alone, together = _adapted(tmp_path / "one"), _adapted(tuned)
    assert list(alone) == [key]
    assert json.dumps(alone[key] | {"cpu_seconds": 0}) == json.dumps(
        together[key] | {"cpu_seconds": 0}
    )


def _in_force(folder: Path, rules: dict[str, dict[str, float]]) -> Path:
    """What is read of the drift check's output."""
    write_json(folder / "in_force.json", rules)
    return folder


def test_a_retraining_replaces_a_rule_in_force_only_where_it_finds_a_surely_better_one(
    tuned: Path, inputs: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    known = _adapted(tuned)
    poor = known[KEYS[2]]["rule"] | {"target_utilisation": 0.95, "memory_margin": 0.0}
    rules = {KEYS[0]: known[KEYS[0]]["rule"], KEYS[2]: poor}
    in_force = _in_force(tmp_path / "drift", rules)
    config = replace(CONFIG, seed=4, iterations=1, candidates=8)
    run(config, *inputs, tmp_path / "again", Progress("fine_tuning"), in_force=in_force)
    again = _adapted(tmp_path / "again")
    assert again[KEYS[0]]["in_force"]["kept"]
    assert again[KEYS[0]]["rule"] == pytest.approx(rules[KEYS[0]])
    replaced = again[KEYS[2]]["in_force"]
    assert (replaced["verdict"], replaced["kept"]) == ("established", False)
    assert again[KEYS[2]]["rule"] != pytest.approx(poor)
    # No rule of it was in force.
    assert "in_force" not in again[KEYS[1]]
    page = (tmp_path / "again" / "fine_tuning.html").read_text()
    assert "stays: " in page
    assert "replaced: +" in page


def test_a_damaged_list_of_rules_in_force_is_refused(
    inputs: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    damaged = _in_force(tmp_path / "drift", {KEYS[0]: {"target_utilisation": 0.5}})
    with pytest.raises(UserError, match="holds no rules: run the drift check again"):
        run(CONFIG, *inputs, tmp_path / "none", Progress("fine_tuning"), in_force=damaged)
    assert not (tmp_path / "none").exists()


def test_an_unknown_workload_is_refused(inputs: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="only names shop/nothing"):
        run(CONFIG, *inputs, tmp_path / "none", Progress("fine_tuning"), only=["shop/nothing"])
    assert not (tmp_path / "none").exists()


def test_a_truncated_policy_is_refused(inputs: tuple[Path, Path, Path], tmp_path: Path) -> None:
    dataset, embedding, meta_policy = inputs
    broken = tmp_path / "meta"
    broken.mkdir()
    data = (meta_policy / "meta_policy.safetensors").read_bytes()
    (broken / "meta_policy.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="not a complete safetensors file"):
        run(CONFIG, dataset, embedding, broken, tmp_path / "none", Progress("fine_tuning"))


def test_variants_pair_every_member_with_rates_near_the_measured_level(
    inputs: tuple[Path, Path, Path],
) -> None:
    one = measured_workloads(inputs[0])[0]
    twin = from_json(json.loads((inputs[1] / "twins.json").read_text())[one.workload.key])
    level = replace(CONFIG, level_spread=0.0, synthetic_variants=0, fits=0)
    population = synthetic_applications(np.random.default_rng(5), 8)
    variants = variants_of(one, twin, level, population, np.random.default_rng(0))
    count = level.resampled_variants
    assert variants.rates_per_s.shape == (count, level.decisions * 4)
    for member in twin.members:
        seen = (variants.parameters == member).all(axis=1).sum()
        assert seen >= count // len(twin.members)
    measured = one.training_rates_per_s
    assert variants.rates_per_s.max() <= measured.max() * np.exp(0.1)
    assert variants.rates_per_s.mean() == pytest.approx(measured.mean(), rel=0.3)


@pytest.mark.parametrize(
    "settings", [{"held_back": 32}, {"caution": 1.5}, {"violation_budget": -0.1}]
)
def test_settings_that_leave_nothing_to_search_are_refused(
    settings: dict[str, float],
) -> None:
    with pytest.raises(UserError, match=f"{next(iter(settings))} is"):
        FineTuningConfig(**settings)


@pytest.mark.parametrize("settings", [{"candidates": 2}, {"start_deviation": -0.1}, {"traces": 0}])
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(settings))} is .* or more"):
        FineTuningConfig(**settings)
