from pathlib import Path

import pytest
import torch

from components.agent.checkpoint import load_encoder, save_encoder
from components.agent.encoder import Encoder, EncoderShape
from components.agent.initialisation import generator_of
from components.errors import UserError
from components.policy.network import MetaPolicy

SHAPE = EncoderShape(7, action_columns=(1, 4), predicted_columns=(0, 2, 3), parameter_count=3)


def test_a_saved_encoder_comes_back_with_every_weight(tmp_path: Path) -> None:
    encoder = Encoder(SHAPE, generator_of(4))
    save_encoder(tmp_path / "encoder.safetensors", encoder)
    loaded = load_encoder(tmp_path / "encoder.safetensors", SHAPE)
    assert encoder.state_dict().keys() == loaded.state_dict().keys()
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_encoder(tmp_path / name, Encoder(SHAPE, generator_of(4)))
    save_encoder(tmp_path / "other", Encoder(SHAPE, generator_of(5)))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("kept", [0, 4, 200, -1])
def test_a_truncated_file_is_one_clear_line(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, Encoder(SHAPE, generator_of(4)))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="not a complete safetensors file") as caught:
        load_encoder(path, SHAPE)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_which_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing: run the stage"):
        load_encoder(tmp_path / "encoder.safetensors", SHAPE)


def test_an_encoder_is_refused_as_a_meta_policy(tmp_path: Path) -> None:
    save_encoder(tmp_path / "encoder.safetensors", Encoder(SHAPE, generator_of(4)))
    with pytest.raises(UserError, match="holds aware-encoder-1 instead of aware-meta-policy-1"):
        MetaPolicy.load(tmp_path / "encoder.safetensors")


def test_an_encoder_of_other_observations_is_refused(tmp_path: Path) -> None:
    save_encoder(tmp_path / "encoder.safetensors", Encoder(SHAPE, generator_of(4)))
    wider = EncoderShape(8, action_columns=(1, 4), predicted_columns=(0, 2, 3), parameter_count=3)
    with pytest.raises(UserError, match="made by another version"):
        load_encoder(tmp_path / "encoder.safetensors", wider)


def test_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    torch.save(Encoder(SHAPE, generator_of(4)).state_dict(), path)
    with pytest.raises(UserError, match="not a complete safetensors file"):
        load_encoder(path, SHAPE)
