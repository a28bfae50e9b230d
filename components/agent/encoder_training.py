"""Trains the encoder on trajectories, and says how well it foresees the next interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from components.agent.encoder import Encoder, EncoderShape, pool
from components.agent.initialisation import generator_of
from components.agent.losses import parameter_loss, prediction_loss
from components.cluster.compiled import FloatArray

_PARAMETER_WEIGHT = 0.5
_GRADIENT_NORM = 1.0
_FINAL_LEARNING_RATE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Workloads' pasts of equal length.

    observations: of each decision interval, [B, T, O].
    parameters_unit: the simulator parameters that made them, in the unit box, [B, P]; a row of
        NaN where they aren't known, as for a real workload.
    """

    observations: FloatArray
    parameters_unit: FloatArray


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How long and how fast the encoder learns."""

    updates: int = 300
    batch: int = 64
    learning_rate: float = 3e-3


def train_encoder(
    shape: EncoderShape,
    trajectories: Trajectories,
    settings: EncoderSettings,
    rng: np.random.Generator,
    report: Callable[[int, float], None],
) -> Encoder:
    """An encoder trained on the trajectories.

    Args:
        shape: what it reads.
        trajectories: [B, T, O]; minibatches are drawn from them with replacement.
        settings: updates, batch and learning rate (falling along a half cosine).
        rng: initial weights and minibatches.
        report: called after each update with its number, from 1, and its loss.
    """
    encoder = Encoder(shape, generator_of(int(rng.integers(2**62))))
    optimizer = torch.optim.Adam(encoder.parameters())
    observations = torch.from_numpy(trajectories.observations).float()
    parameters = torch.from_numpy(trajectories.parameters_unit).float()
    for update in range(settings.updates):
        _set_rate(optimizer, settings.learning_rate, update / settings.updates)
        chosen = torch.from_numpy(rng.integers(observations.shape[0], size=settings.batch))
        loss = _loss(encoder, observations[chosen], parameters[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), _GRADIENT_NORM)
        optimizer.step()
        report(update + 1, loss.item())
    return encoder


def embed(encoder: Encoder, observations: FloatArray) -> FloatArray:
    """The embeddings of workloads, [B, E], from their pasts [B, T, O]."""
    with torch.no_grad():
        pooled = pool(encoder(torch.from_numpy(observations).float()))
    return pooled.double().numpy()


def forecast_errors(
    encoder: Encoder, observations: FloatArray, first: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Mean absolute errors of the next interval's fields, by the encoder and by persistence.

    Persistence forecasts that nothing changes. Both are [F], over all workloads and the intervals
    first ... T-1, in the units of the normalised observation.

    Args:
        encoder: a trained encoder.
        observations: trajectories [B, T, O] that it wasn't trained on, from interval `first` on.
        first: the first interval to be foreseen, at least 1.
    """
    seen = torch.from_numpy(observations).float()
    columns = list(encoder.shape.predicted_columns)
    with torch.no_grad():
        predicted = encoder.predict(seen, encoder(seen))
    observed, before = seen[:, 1:, columns], seen[:, :-1, columns]
    errors = [
        (forecast - observed)[:, first - 1 :].abs().mean(dim=(0, 1))
        for forecast in (predicted, before)
    ]
    return errors[0].double().numpy(), errors[1].double().numpy()


def _loss(encoder: Encoder, observations: Tensor, parameters: Tensor) -> Tensor:
    embeddings = encoder(observations)
    predicted = encoder.predict(observations, embeddings)
    loss = prediction_loss(predicted, observations[:, 1:, list(encoder.shape.predicted_columns)])
    known = ~torch.isnan(parameters).any(dim=1)
    if known.any():
        estimated = encoder.estimate_parameters(pool(embeddings[known]))
        loss = loss + _PARAMETER_WEIGHT * parameter_loss(estimated, parameters[known])
    return loss


def _set_rate(optimizer: torch.optim.Optimizer, highest: float, done: float) -> None:
    cosine = 0.5 * (1.0 + np.cos(np.pi * done))
    share = _FINAL_LEARNING_RATE_SHARE + (1.0 - _FINAL_LEARNING_RATE_SHARE) * cosine
    for group in optimizer.param_groups:
        group["lr"] = highest * share
