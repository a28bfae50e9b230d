import numpy as np
import pytest
import torch

from components.agent.encoder import EMBEDDING_SIZE, Encoder, workload_shape
from components.agent.encoder_training import (
    EncoderSettings,
    Trajectories,
    embed,
    forecast_errors,
    train_encoder,
)
from components.agent.histories import parameters_unit, simulated_histories
from components.agent.initialisation import generator_of
from components.cluster.applications import sample_applications
from components.cluster.observation import OBSERVATION_FIELDS
from components.cluster.parameters import SERVICE_DEMAND_MS

INTERVALS = 20


def _pasts(seed: int, count: int) -> Trajectories:
    rng = np.random.default_rng(seed)
    parameters, limits, rates = sample_applications(rng, count)
    observations = simulated_histories(parameters, limits, rates, INTERVALS, rng)
    return Trajectories(observations, parameters_unit(parameters))


def _train(pasts: Trajectories, updates: int, seed: int = 0) -> Encoder:
    return train_encoder(
        workload_shape(),
        pasts,
        EncoderSettings(updates=updates, batch=48),
        np.random.default_rng(seed),
        lambda update, loss: None,
    )


@pytest.fixture(scope="module")
def trained() -> Encoder:
    return _train(_pasts(1, 400), updates=250)


@pytest.fixture(scope="module")
def unseen() -> Trajectories:
    return _pasts(2, 80)


def test_it_foresees_unseen_applications_better_than_persistence(trained, unseen) -> None:
    pairs = [
        [errors.mean() for errors in forecast_errors(trained, past[None])]
        for past in unseen.observations
    ]
    ours, persistence = np.array(pairs).T
    gain = persistence - ours
    assert gain.mean() > 4.0 * gain.std(ddof=1) / np.sqrt(len(gain))
    assert ours.mean() < 0.93 * persistence.mean()


def test_its_estimate_of_the_service_demand_is_right_for_unseen_applications(
    trained, unseen
) -> None:
    with torch.no_grad():
        pooled = torch.from_numpy(embed(trained, unseen.observations)).float()
        estimated = trained.estimate_parameters(pooled)[:, SERVICE_DEMAND_MS].numpy()
    true = unseen.parameters_unit[:, SERVICE_DEMAND_MS]
    assert np.corrcoef(estimated, true)[0, 1] > 0.8


def test_an_untrained_encoder_forecasts_about_persistence(unseen) -> None:
    encoder = Encoder(workload_shape(), generator_of(0))
    ours, persistence = forecast_errors(encoder, unseen.observations)
    np.testing.assert_allclose(ours, persistence, atol=0.15)


def test_errors_count_only_from_the_first_interval_asked_for() -> None:
    """Persistence of a field that jumps once, by 1, at interval 3 of 5."""
    field = OBSERVATION_FIELDS.index("cpu_utilisation")
    observations = np.zeros((1, 5, len(OBSERVATION_FIELDS)))
    observations[0, 3:, field] = 1.0
    encoder = Encoder(workload_shape(), generator_of(0))
    column = encoder.shape.predicted_columns.index(field)
    assert forecast_errors(encoder, observations)[1][column] == pytest.approx(1.0 / 4.0)
    assert forecast_errors(encoder, observations, first=3)[1][column] == pytest.approx(1.0 / 2.0)
    assert forecast_errors(encoder, observations, first=4)[1][column] == 0.0


def test_a_forecast_sees_the_action_but_nothing_else_of_the_interval(unseen) -> None:
    encoder = Encoder(workload_shape(), generator_of(3))
    past = torch.from_numpy(unseen.observations[:4]).float()
    changed = {}
    for name in ("cpu_position", "cpu_utilisation"):
        other = past.clone()
        other[:, -1, OBSERVATION_FIELDS.index(name)] += 1.0
        with torch.no_grad():
            before = encoder.predict(past, encoder(past))[:, -1]
            after = encoder.predict(other, encoder(other))[:, -1]
        changed[name] = (before - after).abs().max().item()
    assert changed["cpu_position"] > 0.0
    assert changed["cpu_utilisation"] == 0.0


def test_pasts_of_unknown_parameters_are_learned_from_too() -> None:
    pasts = _pasts(1, 30)
    unknown = np.full_like(pasts.parameters_unit, np.nan)
    losses: list[float] = []
    encoder = train_encoder(
        workload_shape(),
        Trajectories(pasts.observations, unknown),
        EncoderSettings(updates=25, batch=16),
        np.random.default_rng(0),
        lambda update, loss: losses.append(loss),
    )
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert embed(encoder, pasts.observations).shape == (30, EMBEDDING_SIZE)


def test_the_same_generator_trains_the_same_encoder() -> None:
    pasts = _pasts(1, 16)
    first, again, other = (_train(pasts, 3, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
