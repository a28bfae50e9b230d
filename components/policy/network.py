"""The exported networks as numpy arrays: what serves needs no torch.

Array names (H hidden size, O observation fields, E embedding size, K rule parameters):
    encoder.gru.weight_ih_l0 [3H, O], encoder.gru.weight_hh_l0 [3H, H],
    encoder.gru.bias_ih_l0 [3H], encoder.gru.bias_hh_l0 [3H],
    encoder.embedding.weight [E, H], encoder.embedding.bias [E],
    actor.0.weight, .bias, actor.2.weight, .bias, actor.4.weight, .bias (tanh between them),
    actor.start_logit [K].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.cluster.compiled import FloatArray
from components.cluster.observation import OBSERVATION_COUNT
from components.errors import UserError
from components.policy.network_file import ENCODER_KIND, META_POLICY_KIND, read_arrays
from components.policy.rule_parameters import RULE_COUNT


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer: weight [M, N], bias [M]."""

    weight: FloatArray
    bias: FloatArray

    def __call__(self, inputs: FloatArray) -> FloatArray:
        """[..., M] from [..., N]."""
        return np.asarray(inputs @ self.weight.T + self.bias, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class TrajectoryEncoder:
    """The recurrent encoder's forward pass (torch's GRU equations)."""

    gru_input: Layer
    gru_hidden: Layer
    embedding: Layer

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> TrajectoryEncoder:
        """Raises UserError when an array is missing."""
        return cls(
            gru_input=Layer(
                _array(arrays, "encoder.gru.weight_ih_l0"),
                _array(arrays, "encoder.gru.bias_ih_l0"),
            ),
            gru_hidden=Layer(
                _array(arrays, "encoder.gru.weight_hh_l0"),
                _array(arrays, "encoder.gru.bias_hh_l0"),
            ),
            embedding=_layer(arrays, "encoder.embedding"),
        )

    @classmethod
    def load(cls, path: Path) -> TrajectoryEncoder:
        """Reads encoder.safetensors; raises UserError when it isn't one of this version."""
        encoder = cls.from_arrays(read_arrays(path, ENCODER_KIND))
        _expect(path, encoder.observation_count, OBSERVATION_COUNT, "observation fields")
        return encoder

    @property
    def observation_count(self) -> int:
        """O, the fields it reads."""
        return int(self.gru_input.weight.shape[1])

    def embed(self, observations: FloatArray) -> FloatArray:
        """The embeddings of workloads, [B, E] in (-1, 1), from their pasts [B, T, O].

        The mean of what is known after each interval of the second half.
        """
        size = self.gru_hidden.weight.shape[1]
        hidden = np.zeros((observations.shape[0], size))
        intervals = observations.shape[1]
        total = np.zeros((observations.shape[0], self.embedding.bias.shape[0]))
        for index in range(intervals):
            given = self.gru_input(observations[:, index])
            kept = self.gru_hidden(hidden)
            reset = _sigmoid(given[:, :size] + kept[:, :size])
            update = _sigmoid(given[:, size : 2 * size] + kept[:, size : 2 * size])
            fresh = np.tanh(given[:, 2 * size :] + reset * kept[:, 2 * size :])
            hidden = (1.0 - update) * fresh + update * hidden
            if index >= intervals // 2:
                total += np.tanh(self.embedding(hidden))
        pooled: FloatArray = total / (intervals - intervals // 2)
        return pooled


@dataclass(frozen=True, slots=True)
class MetaPolicy:
    """Proposes a rule for a workload from its past."""

    encoder: TrajectoryEncoder
    hidden_1: Layer
    hidden_2: Layer
    output: Layer
    start_logit: FloatArray

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> MetaPolicy:
        """Raises UserError when an array is missing."""
        return cls(
            encoder=TrajectoryEncoder.from_arrays(arrays),
            hidden_1=_layer(arrays, "actor.0"),
            hidden_2=_layer(arrays, "actor.2"),
            output=_layer(arrays, "actor.4"),
            start_logit=_array(arrays, "actor.start_logit"),
        )

    @classmethod
    def load(cls, path: Path) -> MetaPolicy:
        """Reads meta_policy.safetensors; raises UserError when it isn't one of this version."""
        policy = cls.from_arrays(read_arrays(path, META_POLICY_KIND))
        _expect(path, policy.encoder.observation_count, OBSERVATION_COUNT, "observation fields")
        _expect(path, policy.start_logit.shape[0], RULE_COUNT, "rule parameters")
        return policy

    def embed(self, observations: FloatArray) -> FloatArray:
        """The workloads' embeddings, [B, E], from their past [B, T, O]."""
        return self.encoder.embed(observations)

    def propose(self, observations: FloatArray) -> FloatArray:
        """A rule for each workload in the unit box, [B, K], from its past [B, T, O]."""
        hidden = np.tanh(self.hidden_1(context_of(observations, self.embed(observations))))
        return _sigmoid(self.start_logit + self.output(np.tanh(self.hidden_2(hidden))))


def context_of(observations: FloatArray, embeddings: FloatArray) -> FloatArray:
    """What the actor reads: mean observation of the past and its embedding, [B, O + E].

    Args:
        observations: the past, [B, T, O].
        embeddings: of the same past, [B, E].
    """
    return np.concatenate([observations.mean(axis=1), embeddings], axis=1)


def _expect(path: Path, found: int, expected: int, what: str) -> None:
    if found != expected:
        raise UserError(
            f"{path} was made by another version ({found} {what}, now {expected}): train it again"
        )


def _layer(arrays: Mapping[str, NDArray[np.float32]], name: str) -> Layer:
    return Layer(_array(arrays, f"{name}.weight"), _array(arrays, f"{name}.bias"))


def _array(arrays: Mapping[str, NDArray[np.float32]], name: str) -> FloatArray:
    if name not in arrays:
        raise UserError(f"the network lacks the array {name}: run the stage that writes it again")
    return arrays[name].astype(np.float64)


def _sigmoid(inputs: FloatArray) -> FloatArray:
    return 0.5 * (1.0 + np.tanh(0.5 * inputs))
