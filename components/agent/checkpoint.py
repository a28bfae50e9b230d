"""The encoder and the meta-policy to and from files: complete or absent, and never pickle."""

from __future__ import annotations

from pathlib import Path

import torch

from components.agent.actor_critic import ActorCritic
from components.agent.encoder import Encoder, EncoderShape
from components.agent.export import ENCODER_PREFIX, meta_policy_arrays, module_arrays
from components.agent.initialisation import generator_of
from components.errors import UserError
from components.policy.network_file import (
    ENCODER_KIND,
    META_POLICY_KIND,
    read_arrays,
    write_arrays,
)


def save_encoder(path: Path, encoder: Encoder) -> None:
    """Writes the whole encoder; raises UserError when the path can't be written."""
    write_arrays(path, module_arrays(encoder, ENCODER_PREFIX), ENCODER_KIND)


def load_encoder(path: Path, shape: EncoderShape) -> Encoder:
    """The encoder of a file that `save_encoder` made.

    Raises UserError when the file is missing, truncated, something else, or made for other
    observations than `shape` says.
    """
    arrays = read_arrays(path, ENCODER_KIND)
    encoder = Encoder(shape, generator_of(0))
    expected = {name: array.shape for name, array in module_arrays(encoder, ENCODER_PREFIX).items()}
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        differing = min(
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        )
        raise UserError(
            f"{path} was made by another version ({differing} differs): run the embedding again"
        )
    encoder.load_state_dict(
        {name.removeprefix(ENCODER_PREFIX): torch.from_numpy(arrays[name]) for name in arrays}
    )
    return encoder


def save_meta_policy(path: Path, encoder: Encoder, network: ActorCritic) -> None:
    """Writes what serves of both; raises UserError when the path can't be written."""
    write_arrays(path, meta_policy_arrays(encoder, network), META_POLICY_KIND)
