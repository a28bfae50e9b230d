"""The state of an unfinished meta-training: kept so that a killed one ends as if it hadn't been."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.agent.environment import Population
from components.agent.export import module_tensors
from components.agent.meta_learner import MetaLearner, Weights
from components.agent.workers import ALONE, Workers
from components.artifacts.files import read_json, write_json
from components.meta_training.config import MetaTrainingConfig
from components.policy.network_file import read_arrays, write_arrays

KIND = "aware-meta-training-1"
_BEST = "best."


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The evaluations so far as JSON values, which was best, and its weights."""

    evaluations: list[dict[str, Any]]
    best: int
    best_weights: Weights


class Checkpoint:
    """A folder with the latest state: state.json, and the arrays that it names.

    The arrays are written first and under a new name, so whenever the process dies, state.json
    and the arrays that it names belong together. A state of other settings, workloads or traces
    is left alone and written over. Of several processes each has its own randomness, kept by rank;
    the first of them writes, and with another number of them the training begins anew.
    """

    def __init__(
        self,
        folder: Path,
        config: MetaTrainingConfig,
        training: Population,
        workers: Workers = ALONE,
    ) -> None:
        self._folder = folder
        self._workers = workers
        self._fingerprint = f"{_fingerprint(config, training)} by {workers.count}"

    def save(self, learner: MetaLearner, rng: np.random.Generator, state: TrainingState) -> None:
        """Keeps the state; raises UserError when the folder can't be written."""
        chance = {"generator": learner.generator_state().hex(), "rng": rng.bit_generator.state}
        everybody = [json.loads(one) for one in self._workers.gather(json.dumps(chance).encode())]
        if self._workers.rank > 0:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{state.evaluations[-1]['iteration']:06d}.safetensors"
        best = {_BEST + key: tensor.numpy() for key, tensor in state.best_weights.items()}
        write_arrays(self._folder / name, learner.learning_arrays() | best, KIND)
        document = {
            "fingerprint": self._fingerprint,
            "arrays": name,
            "multiplier": learner.multiplier,
            "chance": everybody,
            "evaluations": state.evaluations,
            "best": state.best,
        }
        write_json(self._folder / "state.json", document)
        for other in self._folder.glob("*.safetensors"):
            if other.name != name:
                other.unlink()

    def load(self, learner: MetaLearner, rng: np.random.Generator) -> TrainingState | None:
        """Brings learner and rng to the kept state, in place; None where there is none to go on.

        Raises UserError when the kept state is damaged.
        """
        if not (self._folder / "state.json").exists():
            return None
        document: Mapping[str, Any] = read_json(self._folder / "state.json")
        if document["fingerprint"] != self._fingerprint:
            return None
        arrays = read_arrays(self._folder / document["arrays"], KIND)
        chance = document["chance"][self._workers.rank]
        learner.resume(arrays, bytes.fromhex(chance["generator"]))
        learner.multiplier = document["multiplier"]
        rng.bit_generator.state = chance["rng"]
        best = module_tensors(arrays, _BEST)
        return TrainingState(document["evaluations"], document["best"], best)

    def remove(self) -> None:
        """Forgets the state: the training has ended."""
        if self._workers.rank > 0:
            return
        shutil.rmtree(self._folder, ignore_errors=True)


def _fingerprint(config: MetaTrainingConfig, training: Population) -> str:
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for array in (training.parameters, training.limits, training.contexts):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
