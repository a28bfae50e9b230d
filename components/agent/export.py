"""Torch networks as named arrays: what files hold and components.policy.network reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from components.agent.actor_critic import ActorCritic
from components.agent.encoder import Encoder

ENCODER_PREFIX = "encoder."
ACTOR_PREFIX = "actor."
_SERVED_BY_ENCODER = ("gru.", "embedding.")


def module_arrays(module: nn.Module, prefix: str) -> dict[str, NDArray[np.float32]]:
    """All weights and buffers of the module: `prefix` and torch's name, float32."""
    return {
        prefix + name: tensor.detach().numpy().astype(np.float32)
        for name, tensor in module.state_dict().items()
    }


def module_tensors(
    arrays: Mapping[str, NDArray[np.float32]], prefix: str
) -> dict[str, torch.Tensor]:
    """The inverse of module_arrays: what begins with `prefix`, under torch's own names."""
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(array))
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def meta_policy_arrays(encoder: Encoder, network: ActorCritic) -> dict[str, NDArray[np.float32]]:
    """What proposes a rule from a workload's past: embedding and actor.

    Left out is what only training needs: the encoder's heads and the critic.
    """
    served = tuple(ENCODER_PREFIX + name for name in _SERVED_BY_ENCODER)
    arrays = {
        name: array
        for name, array in module_arrays(encoder, ENCODER_PREFIX).items()
        if name.startswith(served)
    }
    arrays |= module_arrays(network.actor, ACTOR_PREFIX)
    arrays[ACTOR_PREFIX + "start_logit"] = network.start_logit.numpy().astype(np.float32)
    return arrays
