"""The recurrent encoder: what kind of workload is this, told from how it behaves.

It reads a workload's decision intervals one after another. It is trained without labels, to
predict the next interval's observation given the allocation chosen for it; on synthetic
applications, whose simulator parameters are known, it also estimates those.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from components.agent.initialisation import linear, recurrent
from components.cluster.observation import OBSERVATION_COUNT, OBSERVATION_FIELDS
from components.cluster.parameters import EVERY_SERVICE_COUNT

HIDDEN_SIZE = 48
EMBEDDING_SIZE = 32
_HEAD_SIZE = 64


# The allocation chosen for an interval: given to the forecast, not asked of it.
ACTION_FIELDS = (
    "replicas_position",
    "cpu_position",
    "memory_position",
    "previous_replicas_change",
    "previous_cpu_change",
    "previous_memory_change",
)
# What never changes within a past, or tells of the measuring: nothing to foresee.
FIXED_FIELDS = (
    "slo_scale",
    "slo_percentile",
    "replicas_scale",
    "cpu_scale",
    "missing",
    "known_past",
)


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """What the encoder reads and answers.

    observation_count: O, fields of one interval's observation.
    action_columns: the fields that show the allocation chosen for the interval, A of them.
    predicted_columns: the fields to be foreseen, F of them.
    parameter_count: P, simulator parameters estimated as an auxiliary task.
    """

    observation_count: int
    action_columns: tuple[int, ...]
    predicted_columns: tuple[int, ...]
    parameter_count: int


def workload_shape() -> EncoderShape:
    """The shape for observations of workloads, real or simulated."""
    told = {*ACTION_FIELDS, *FIXED_FIELDS}
    return EncoderShape(
        observation_count=OBSERVATION_COUNT,
        action_columns=tuple(OBSERVATION_FIELDS.index(name) for name in ACTION_FIELDS),
        predicted_columns=tuple(
            index for index, name in enumerate(OBSERVATION_FIELDS) if name not in told
        ),
        parameter_count=EVERY_SERVICE_COUNT,
    )


class Encoder(nn.Module):
    """GRU over observations, an embedding of its state, and two heads used in training only."""

    def __init__(self, shape: EncoderShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        actions, predicted = len(shape.action_columns), len(shape.predicted_columns)
        self.gru = recurrent(shape.observation_count, HIDDEN_SIZE, generator)
        self.embedding = linear(HIDDEN_SIZE, EMBEDDING_SIZE, generator)
        known = EMBEDDING_SIZE + shape.observation_count + actions
        self.prediction = nn.Sequential(
            linear(known, _HEAD_SIZE, generator),
            nn.Tanh(),
            linear(_HEAD_SIZE, predicted, generator, gain=0.1),
        )
        self.parameters_head = linear(EMBEDDING_SIZE, shape.parameter_count, generator)

    def forward(self, observations: Tensor) -> Tensor:
        """The embedding after each interval, [B, T, E] in (-1, 1), from observations [B, T, O]."""
        hidden, _ = self.gru(observations)
        return torch.tanh(self.embedding(hidden))

    def predict(self, observations: Tensor, embeddings: Tensor) -> Tensor:
        """Predicted fields of intervals 1 ... T-1, [B, T - 1, F], each from what came before.

        The head predicts the change, so an untrained encoder forecasts persistence.

        Args:
            observations: [B, T, O]; of interval t + 1 only the action is looked at.
            embeddings: of the same intervals, [B, T, E].
        """
        before = observations[:, :-1]
        actions = observations[:, 1:, list(self.shape.action_columns)]
        known = torch.cat([embeddings[:, :-1], before, actions], dim=-1)
        change: Tensor = self.prediction(known)
        return before[:, :, list(self.shape.predicted_columns)] + change

    def estimate_parameters(self, pooled: Tensor) -> Tensor:
        """Simulator parameters in the unit box, [B, P], from pooled embeddings [B, E]."""
        return torch.sigmoid(self.parameters_head(pooled))


def pool(embeddings: Tensor) -> Tensor:
    """The embedding of a whole past, [B, E], from those after each interval, [B, T, E].

    The mean over the second half: by then the workload is known, and a single interval's
    accidents average out.
    """
    pooled: Tensor = embeddings[:, embeddings.shape[1] // 2 :].mean(dim=1)
    return pooled
