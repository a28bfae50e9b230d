import math

import pytest
import torch

from components.agent.losses import (
    clipped_policy_loss,
    gaussian_entropy,
    gaussian_log_probability,
    generalised_advantages,
    parameter_loss,
    prediction_loss,
    value_loss,
)


def test_advantages_follow_the_recursion_by_hand() -> None:
    rewards = torch.tensor([[1.0, 2.0, 3.0]])
    values = torch.tensor([[0.5, 1.0, 1.5, 2.0]])
    # discount .5, decay .5: deltas 1 + .5 - .5 = 1; 2 + .75 - 1 = 1.75; 3 + 1 - 1.5 = 2.5.
    # A_2 = 2.5; A_1 = 1.75 + .25 * 2.5 = 2.375; A_0 = 1 + .25 * 2.375 = 1.59375.
    advantages = generalised_advantages(rewards, values, discount=0.5, decay=0.5)
    assert advantages.tolist() == [[1.59375, 2.375, 2.5]]


def test_without_decay_an_advantage_is_the_temporal_difference() -> None:
    advantages = generalised_advantages(
        torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 4.0, 8.0]]), discount=0.5, decay=0.0
    )
    assert advantages.tolist() == [[1.0, 0.0]]


def test_the_tail_counts_with_full_decay() -> None:
    # Sum of discounted rewards and tail minus the value: 1 + .5 * 1 + .25 * 4 - 0 = 2.5.
    advantages = generalised_advantages(
        torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 0.0, 4.0]]), discount=0.5, decay=1.0
    )
    assert advantages[0, 0].item() == 2.5


def test_advantages_refuse_values_without_a_tail() -> None:
    with pytest.raises(AssertionError, match="expected"):
        generalised_advantages(torch.zeros(1, 3), torch.zeros(1, 3), 0.9, 0.9)


def test_log_probability_of_two_gaussians_by_hand() -> None:
    # One deviation of 1 at scale 1, one of 1 at scale 2: -(0.5 + 0.125 + ln 2 + ln 2 pi).
    log_probability = gaussian_log_probability(
        torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 2.0]]), torch.tensor([0.0, math.log(2.0)])
    )
    expected = -(0.5 + 0.125 + math.log(2.0) + math.log(2.0 * math.pi))
    assert log_probability.shape == (1,)
    assert log_probability.item() == pytest.approx(expected, abs=1e-6)


def test_log_probability_agrees_with_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(3)
    actions, mean = torch.randn(2, 5, 4, generator=generator).unbind(0)
    log_scale = torch.randn(4, generator=generator)
    expected = torch.distributions.Normal(mean, log_scale.exp()).log_prob(actions).sum(-1)
    torch.testing.assert_close(gaussian_log_probability(actions, mean, log_scale), expected)


def test_entropy_of_a_unit_gaussian_is_half_of_one_plus_log_two_pi() -> None:
    assert gaussian_entropy(torch.zeros(1)).item() == pytest.approx(1.4189385, abs=1e-6)
    assert gaussian_entropy(torch.tensor([0.0, math.log(2.0)])).item() == pytest.approx(
        2 * 1.4189385 + math.log(2.0), abs=1e-6
    )


def test_policy_loss_clips_gains_but_not_losses() -> None:
    # Ratios 1.5, 1.5, .5 with advantages 1, -1, 1 and clip .2:
    # min(1.5, 1.2) = 1.2; min(-1.5, -1.2) = -1.5; min(.5, .8) = .5; minus the mean: -.2 / 3.
    new = torch.log(torch.tensor([[1.5, 1.5, 0.5]]))
    loss = clipped_policy_loss(new, torch.zeros(1, 3), torch.tensor([[1.0, -1.0, 1.0]]), clip=0.2)
    assert loss.item() == pytest.approx(-0.2 / 3, abs=1e-6)


def test_policy_loss_has_no_gradient_beyond_the_clip() -> None:
    new = torch.log(torch.tensor([[1.5]])).requires_grad_()
    clipped_policy_loss(new, torch.zeros(1, 1), torch.ones(1, 1), clip=0.2).backward()
    assert new.grad is not None
    assert new.grad.item() == 0.0


def test_value_loss_is_half_the_mean_square() -> None:
    assert value_loss(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]])).item() == 1.25


def test_prediction_loss_is_square_near_and_linear_far() -> None:
    # Threshold .2, errors .1 and 3: .01 / .4 = .025 and 3 - .1 = 2.9; mean 1.4625.
    loss = prediction_loss(torch.tensor([[[0.1, 3.0]]]), torch.zeros(1, 1, 2))
    assert loss.item() == pytest.approx(1.4625)


def test_parameter_loss_is_the_mean_square_over_workloads_and_parameters() -> None:
    estimated = torch.tensor([[0.0, 0.5], [1.0, 0.5]])
    # Squares 0, .25, .25, 0.
    assert parameter_loss(estimated, torch.tensor([[0.0, 1.0], [0.5, 0.5]])).item() == 0.125


def test_losses_refuse_tensors_of_different_shapes() -> None:
    with pytest.raises(AssertionError, match="expected"):
        parameter_loss(torch.zeros(2, 3), torch.zeros(2, 1))
    with pytest.raises(AssertionError, match="expected"):
        prediction_loss(torch.zeros(2, 3, 4), torch.zeros(2, 3, 1))
