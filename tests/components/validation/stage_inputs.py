"""Small outputs of the earlier stages, as validation reads them: real simulated telemetry."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.artifacts.files import read_json, write_json
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.twin import to_json
from components.cluster.twin_ensemble import fit_twin
from components.policy.network_file import META_POLICY_KIND, write_arrays
from components.policy.rule_parameters import RULE_COUNT, RULE_NAMES, default_rule, to_unit
from components.workload.spec import load_workloads
from components.workload.telemetry import read_telemetry, split, telemetry_file
from tests.telemetry_folders import write_telemetry_folder

HIDDEN, EMBEDDING = 6, 4


def write_stage_outputs(root: Path, steps: int = 240) -> dict[str, Path]:
    """The folders of four stages below `root`, as the keyword arguments of validation's `run`.

    Every workload's policy is the default rule; the meta-policy proposes about the same.
    """
    stages = ("dataset", "embedding", "meta_policy", "adapted")
    folders = {name: root / name for name in stages}
    write_telemetry_folder(folders["dataset"], seed=1, steps=steps)
    rng = np.random.default_rng(5)
    documents = {}
    for workload in load_workloads(folders["dataset"] / "workloads.yaml"):
        training, held_out = split(read_telemetry(telemetry_file(folders["dataset"], workload)))
        twin = fit_twin(training, held_out, workload, rng, 2)
        documents[workload.key] = to_json(twin)
    write_json(folders["embedding"] / "twins.json", documents)
    write_arrays(
        folders["meta_policy"] / "meta_policy.safetensors", _network(rng), META_POLICY_KIND
    )
    write_policies(folders, {key: {} for key in documents})
    return folders


def write_policies(folders: dict[str, Path], changes: dict[str, dict[str, float]]) -> None:
    """adapted.json of these workloads: the default rule with some parameters changed."""
    default = dict(zip(RULE_NAMES, map(float, default_rule()), strict=True))
    adapted = {key: {"rule": default | changed} for key, changed in changes.items()}
    write_json(folders["adapted"] / "adapted.json", adapted)


def verdicts(output: Path) -> dict[str, bool]:
    """Which workloads' policies were accepted."""
    entries = read_json(output / "validation.json")["workloads"]
    return {key: entry["verdict"]["accepted"] for key, entry in entries.items()}


def _network(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {
        "encoder.gru.weight_ih_l0": (3 * HIDDEN, OBSERVATION_COUNT),
        "encoder.gru.weight_hh_l0": (3 * HIDDEN, HIDDEN),
        "encoder.gru.bias_ih_l0": (3 * HIDDEN,),
        "encoder.gru.bias_hh_l0": (3 * HIDDEN,),
        "encoder.embedding.weight": (EMBEDDING, HIDDEN),
        "encoder.embedding.bias": (EMBEDDING,),
        "actor.0.weight": (5, OBSERVATION_COUNT + EMBEDDING),
        "actor.0.bias": (5,),
        "actor.2.weight": (5, 5),
        "actor.2.bias": (5,),
        "actor.4.weight": (RULE_COUNT, 5),
        "actor.4.bias": (RULE_COUNT,),
    }
    arrays = {
        name: rng.normal(0.0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()
    }
    unit = np.clip(to_unit(default_rule()), 0.01, 0.99)
    arrays["actor.start_logit"] = np.log(unit / (1.0 - unit)).astype(np.float32)
    return arrays
