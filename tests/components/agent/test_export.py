from pathlib import Path

import numpy as np
import pytest
import torch

from components.agent.actor_critic import ActorCritic
from components.agent.checkpoint import save_encoder, save_meta_policy
from components.agent.encoder import EMBEDDING_SIZE, Encoder, EncoderShape, pool, workload_shape
from components.agent.initialisation import generator_of
from components.errors import UserError
from components.policy.network import MetaPolicy, TrajectoryEncoder
from components.policy.network_file import ENCODER_KIND, META_POLICY_KIND, read_arrays

SHAPE = EncoderShape(7, action_columns=(1, 4), predicted_columns=(0, 2, 3), parameter_count=3)


def _network() -> ActorCritic:
    network = ActorCritic(7, EMBEDDING_SIZE, torch.tensor([0.2, 0.5, 0.9]), generator_of(1))
    # Weights as large as trained ones, so that the tanh layers are exercised.
    with torch.no_grad():
        network.actor[4].weight.mul_(100.0)
    return network


def _policy(path: Path) -> MetaPolicy:
    return MetaPolicy.from_arrays(read_arrays(path, META_POLICY_KIND))


def test_numpy_embedding_and_proposal_agree_with_torch(tmp_path: Path) -> None:
    encoder, network = Encoder(SHAPE, generator_of(0)), _network()
    save_encoder(tmp_path / "encoder.safetensors", encoder)
    save_meta_policy(tmp_path / "meta_policy.safetensors", encoder, network)
    rng = np.random.default_rng(5)
    observations = rng.normal(size=(6, 1, 7)) + rng.normal(size=(6, 40, 7))

    seen = torch.from_numpy(observations).float()
    with torch.no_grad():
        embeddings = pool(encoder(seen))
        context = torch.cat([seen.mean(dim=1), embeddings], dim=1)
        proposals = network.mean(context).numpy()

    alone = TrajectoryEncoder.from_arrays(
        read_arrays(tmp_path / "encoder.safetensors", ENCODER_KIND)
    )
    policy = _policy(tmp_path / "meta_policy.safetensors")
    np.testing.assert_allclose(alone.embed(observations), embeddings.numpy(), atol=1e-5, rtol=0)
    np.testing.assert_allclose(policy.embed(observations), embeddings.numpy(), atol=1e-5, rtol=0)
    np.testing.assert_allclose(policy.propose(observations), proposals, atol=1e-5, rtol=0)
    assert np.ptp(proposals, axis=0).min() > 0.01  # the proposals do depend on the workload


def test_a_batch_gets_what_each_workload_gets_alone(tmp_path: Path) -> None:
    save_meta_policy(
        tmp_path / "meta_policy.safetensors", Encoder(SHAPE, generator_of(0)), _network()
    )
    policy = _policy(tmp_path / "meta_policy.safetensors")
    observations = np.random.default_rng(6).normal(size=(5, 12, 7))
    single = np.concatenate([policy.propose(observations[index : index + 1]) for index in range(5)])
    np.testing.assert_allclose(policy.propose(observations), single, atol=1e-12)


def test_an_untrained_actor_proposes_the_start() -> None:
    network = ActorCritic(7, EMBEDDING_SIZE, torch.tensor([0.2, 0.5, 0.9]), generator_of(1))
    with torch.no_grad():
        proposals = network.mean(torch.randn(50, 7 + EMBEDDING_SIZE, generator=generator_of(2)))
    torch.testing.assert_close(
        proposals, torch.tensor([0.2, 0.5, 0.9]).expand(50, 3), atol=0.02, rtol=0
    )


def test_networks_of_another_version_are_refused(tmp_path: Path) -> None:
    encoder = Encoder(SHAPE, generator_of(0))
    save_encoder(tmp_path / "encoder.safetensors", encoder)
    save_meta_policy(tmp_path / "meta_policy.safetensors", encoder, _network())
    with pytest.raises(UserError, match="another version \\(7 observation fields"):
        TrajectoryEncoder.load(tmp_path / "encoder.safetensors")
    with pytest.raises(UserError, match="another version \\(7 observation fields"):
        MetaPolicy.load(tmp_path / "meta_policy.safetensors")
    shape = workload_shape()
    narrow = ActorCritic(
        shape.observation_count, EMBEDDING_SIZE, torch.tensor([0.2, 0.5, 0.9]), generator_of(1)
    )
    save_meta_policy(tmp_path / "meta_policy.safetensors", Encoder(shape, generator_of(0)), narrow)
    with pytest.raises(UserError, match="another version \\(3 rule parameters"):
        MetaPolicy.load(tmp_path / "meta_policy.safetensors")
