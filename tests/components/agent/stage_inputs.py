"""What the learning stages read, made without running the stages before them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from components.agent.actor_critic import ActorCritic
from components.agent.checkpoint import save_encoder, save_meta_policy
from components.agent.encoder import EMBEDDING_SIZE, Encoder, workload_shape
from components.agent.initialisation import generator_of
from components.artifacts.files import write_json
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.twin import to_json
from components.cluster.twin_ensemble import fit_twin
from components.policy.measured import measured_workloads
from components.policy.rule_parameters import default_rule, to_unit


def untrained_encoder() -> Encoder:
    return Encoder(workload_shape(), generator_of(0))


def write_embedding(folder: Path, dataset: Path) -> Path:
    """An untrained encoder and fitted twins of the dataset's workloads."""
    save_encoder(folder / "encoder.safetensors", untrained_encoder())
    twins = {
        one.workload.key: fit_twin(
            one.training, one.held_out, one.workload, np.random.default_rng(1), members=3
        )
        for one in measured_workloads(dataset)
    }
    write_json(folder / "twins.json", {key: to_json(twin) for key, twin in twins.items()})
    return folder


def write_meta_policy(folder: Path) -> Path:
    """A meta-policy that has learned nothing: it proposes about the default rule."""
    start = torch.from_numpy(to_unit(default_rule())).float()
    network = ActorCritic(OBSERVATION_COUNT, EMBEDDING_SIZE, start, generator_of(0))
    save_meta_policy(folder / "meta_policy.safetensors", untrained_encoder(), network)
    return folder
