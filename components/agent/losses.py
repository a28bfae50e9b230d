"""What the learner minimises, as short functions of tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

PREDICTION_THRESHOLD = 0.2
_LOG_2_PI = math.log(2.0 * math.pi)


def generalised_advantages(
    rewards: Tensor, values: Tensor, discount: float, decay: float
) -> Tensor:
    """Generalised advantage estimates of one uninterrupted stretch, [B, T].

    For t = T-1, ..., 0, with delta_t = r_t + discount * v_{t+1} - v_t:
        A_t = delta_t + discount * decay * A_{t+1},  A_T = 0.
    The stretch is cut, not ended, after T decisions: v_T is the tail's value.
    Schulman et al. 2016, "High-dimensional continuous control using generalized advantage
    estimation", equations 11, 16.

    Args:
        rewards: r_0 ... r_{T-1}, [B, T].
        values: v_0 ... v_T, [B, T + 1].
        discount: gamma in [0, 1].
        decay: lambda in [0, 1].
    """
    _assert_shape(values, (rewards.shape[0], rewards.shape[1] + 1))
    deltas = rewards + discount * values[:, 1:] - values[:, :-1]
    advantages = torch.zeros_like(deltas)
    following = torch.zeros_like(deltas[:, 0])
    for index in range(deltas.shape[1] - 1, -1, -1):
        following = deltas[:, index] + discount * decay * following
        advantages[:, index] = following
    return advantages


def gaussian_log_probability(actions: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log-density of independent Gaussians, summed over the last axis, [...].

    log p(a) = -sum_k ((a_k - m_k)^2 / (2 s_k^2) + log s_k + log(2 pi) / 2).

    Args:
        actions: a, [..., K].
        mean: m, [..., K].
        log_scale: log s, [K].
    """
    _assert_shape(actions, tuple(mean.shape))
    _assert_shape(log_scale, (mean.shape[-1],))
    deviation = (actions - mean) * torch.exp(-log_scale)
    return -(0.5 * deviation.square() + log_scale + 0.5 * _LOG_2_PI).sum(dim=-1)


def gaussian_entropy(log_scale: Tensor) -> Tensor:
    """Entropy in nats of independent Gaussians: sum_k (log s_k + (1 + log(2 pi)) / 2), scalar."""
    assert log_scale.ndim == 1, log_scale.shape
    return (log_scale + 0.5 * (1.0 + _LOG_2_PI)).sum()


def clipped_policy_loss(
    log_probabilities: Tensor, old_log_probabilities: Tensor, advantages: Tensor, clip: float
) -> Tensor:
    """Minus PPO's clipped surrogate objective, scalar.

    With q = p_new / p_old:  -mean(min(q A, clamp(q, 1 - clip, 1 + clip) A)).
    Schulman et al. 2017, "Proximal policy optimization algorithms", equation 7.

    Args:
        log_probabilities: log p_new of the actions taken, [B, T].
        old_log_probabilities: log p_old, when they were taken, [B, T].
        advantages: A, [B, T].
        clip: how far the ratio may move before its gradient stops.
    """
    _assert_shape(old_log_probabilities, tuple(log_probabilities.shape))
    _assert_shape(advantages, tuple(log_probabilities.shape))
    ratio = torch.exp(log_probabilities - old_log_probabilities)
    bounded = ratio.clamp(1.0 - clip, 1.0 + clip)
    return -torch.minimum(ratio * advantages, bounded * advantages).mean()


def value_loss(values: Tensor, returns: Tensor) -> Tensor:
    """Half the mean squared error of the critic against the returns, scalar; both [B, T]."""
    _assert_shape(values, tuple(returns.shape))
    return 0.5 * (values - returns).square().mean()


def prediction_loss(predicted: Tensor, observed: Tensor) -> Tensor:
    """Mean Huber loss over intervals and fields, divided by its threshold d, scalar.

    e^2 / (2 d) for |e| <= d, |e| - d / 2 beyond: a flash crowd, which nobody could foresee, pulls
    with bounded force, and what mostly stays as it is isn't foretold to change a little.

    Args:
        predicted: the next intervals' observations as predicted, [B, T, F].
        observed: the same as they came, [B, T, F].
    """
    assert predicted.ndim == 3, predicted.shape
    _assert_shape(observed, tuple(predicted.shape))
    error = (predicted - observed).abs()
    threshold = PREDICTION_THRESHOLD
    near = error.square() / (2.0 * threshold)
    return torch.where(error <= threshold, near, error - 0.5 * threshold).mean()


def parameter_loss(estimated: Tensor, parameters: Tensor) -> Tensor:
    """Mean squared error of the estimated simulator parameters in the unit box, scalar.

    Args:
        estimated: [B, P].
        parameters: the applications' true ones, [B, P].
    """
    assert estimated.ndim == 2, estimated.shape
    _assert_shape(parameters, tuple(estimated.shape))
    return (estimated - parameters).square().mean()


def _assert_shape(tensor: Tensor, shape: tuple[int, ...]) -> None:
    assert tuple(tensor.shape) == shape, f"shape {tuple(tensor.shape)}, expected {shape}"
