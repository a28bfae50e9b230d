import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster.applications import sample_applications
from components.cluster.foresight import foresight
from components.cluster.horizontal import KEDA_QUEUE, KEDA_REQUESTS, KNATIVE
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.cluster.rollout import Rollout, rollout_hpa, rollout_hpa_vpa
from components.cluster.tuning import Scenarios, tune_hpa, tune_hpa_vpa
from components.cluster.vpa import bucket_of, bucket_start, empty_history

BATCH, STEPS = 5, 80
RNG = np.random.default_rng(6)
PARAMETERS, LIMITS, MEANS = sample_applications(RNG, BATCH)
RATES = synthetic_rates(RNG, BATCH, STEPS, MEANS)
NOISE = draw_noise(RNG, STEPS, BATCH)
START = clip_allocation(0.5 * (LIMITS[:, [2, 4, 6]] + LIMITS[:, [3, 5, 7]]), LIMITS)
HISTORY = np.tile(empty_history(), (BATCH, 1))
WORLD = (PARAMETERS, LIMITS, RATES, NOISE, START)


def hpa(rows: slice = slice(None), target: float = 0.4, keep: bool = False) -> Rollout:
    world = [array[rows] for array in WORLD]
    return rollout_hpa(*world, np.full(len(world[0]), target), keep=keep)


def hpa_vpa(rows: slice = slice(None), keep: bool = False, vpa_cpu: bool = False) -> Rollout:
    world = [array[rows] for array in WORLD]
    count = len(world[0])
    return rollout_hpa_vpa(
        *world, np.full(count, 0.4), np.full(count, 0.15), HISTORY[rows], 0.0, vpa_cpu, keep
    )


@pytest.mark.parametrize("controller", [hpa, hpa_vpa])
def test_a_batch_gives_the_bits_of_single_workloads(controller) -> None:
    whole = controller().metrics
    for row in range(BATCH):
        np.testing.assert_array_equal(controller(slice(row, row + 1)).metrics[0], whole[row])


def test_hpa_moves_replicas_alone_and_keeps_the_bounds() -> None:
    course = hpa(keep=True).allocations
    assert course is not None
    np.testing.assert_array_equal(course[:, :, 1:], np.repeat(START[:, None, 1:], STEPS, axis=1))
    assert (course[:, :, 0] >= LIMITS[:, None, lim.REPLICAS_MIN]).all()
    assert (course[:, :, 0] <= LIMITS[:, None, lim.REPLICAS_MAX]).all()
    assert (course[:, 1:, 0] != course[:, :-1, 0]).any()


def test_a_lower_target_takes_more_cores_and_violates_less() -> None:
    careful, lean = hpa(target=0.2), hpa(target=0.9)
    assert careful.metric("core_hours").mean() > lean.metric("core_hours").mean()
    assert careful.metric("violation").mean() <= lean.metric("violation").mean()


def test_vpa_sizes_memory_by_the_peak_that_it_saw() -> None:
    outcome = hpa_vpa(keep=True)
    assert outcome.allocations is not None
    assert outcome.samples is not None
    first = outcome.allocations[:, 4]
    peak = outcome.samples[:, :4, smp.MEMORY_WORKING_SET_BYTES].max(axis=1)
    kills = outcome.samples[:, :4, smp.OOM_KILLS].sum(axis=1)
    calm = (kills == 0.0) & (first[:, lim.MEMORY_BYTES] != START[:, lim.MEMORY_BYTES])
    assert calm.any()
    ends = [bucket_start(bucket_of(value, 1e7) + 1, 1e7) for value in peak[calm]]
    expected = np.clip(1.15 * np.array(ends), *LIMITS[calm][:, [6, 7]].T)
    np.testing.assert_allclose(first[calm, lim.MEMORY_BYTES], expected, atol=1.0)
    np.testing.assert_array_equal(outcome.allocations[:, :, 1], np.repeat(START[:, 1:2], STEPS, 1))


def test_vpa_on_cpu_too_changes_its_size() -> None:
    course = hpa_vpa(keep=True, vpa_cpu=True).allocations
    assert course is not None
    assert (course[:, -1, lim.CPU_M] != START[:, lim.CPU_M]).any()


def scenarios() -> Scenarios:
    rng = np.random.default_rng(12)
    rates = synthetic_rates(rng, BATCH * 3, STEPS, np.repeat(MEANS, 3)).reshape(BATCH, 3, STEPS)
    noise = draw_noise(rng, STEPS, BATCH * 3).reshape(BATCH, 3, STEPS, -1)
    return Scenarios(np.repeat(PARAMETERS[:, None], 3, axis=1), LIMITS, rates, noise)


def test_tuned_settings_beat_the_defaults_on_other_traces() -> None:
    tuned = tune_hpa(scenarios(), START)
    with_vpa = tune_hpa_vpa(scenarios(), START, HISTORY)
    default = rollout_hpa(*WORLD, np.full(BATCH, 0.7)).metric("reward").mean()
    alone = rollout_hpa(PARAMETERS, LIMITS, RATES, NOISE, tuned.allocation, tuned.target)
    both = rollout_hpa_vpa(
        PARAMETERS,
        LIMITS,
        RATES,
        NOISE,
        with_vpa.allocation,
        with_vpa.target,
        with_vpa.margin,
        HISTORY,
        with_vpa.minimum_bytes,
    )
    assert alone.metric("reward").mean() > default + 0.02
    assert both.metric("reward").mean() > default + 0.02


@pytest.mark.parametrize("horizontal", [KEDA_REQUESTS, KEDA_QUEUE, KNATIVE])
def test_rules_on_requests_are_tuned_in_their_own_unit_to_beat_the_untuned_hpa(
    horizontal: int,
) -> None:
    tuned = tune_hpa_vpa(scenarios(), START, HISTORY, horizontal=horizontal)
    assert tuned.horizontal == horizontal
    usual = scenarios().usual(horizontal)
    assert usual is not None
    assert (tuned.target > 0.5 * usual / LIMITS[:, lim.REPLICAS_MAX]).all()
    rolled = rollout_hpa_vpa(
        *WORLD[:4], tuned.allocation, tuned.target, tuned.margin, HISTORY,
        tuned.minimum_bytes, horizontal=horizontal,
    )  # fmt: skip
    assert rolled.metric("reward").mean() > hpa(target=0.7).metric("reward").mean()


def test_requests_per_replica_decide_alone_whatever_the_cpu() -> None:
    target = RATES.mean(axis=1) / 3.0
    courses = []
    for factor in (1.0, 1.3):
        slower = PARAMETERS.copy()
        slower[:, par.SERVICE_DEMAND_MS] *= factor
        rolled = rollout_hpa(slower, *WORLD[1:], target, keep=True, horizontal=KEDA_REQUESTS)
        assert rolled.allocations is not None
        courses.append(rolled.allocations[:, :, lim.REPLICAS])
    np.testing.assert_array_equal(*courses)


def test_foresight_never_ends_below_its_start() -> None:
    began = hpa(keep=True)
    assert began.allocations is not None
    plan = began.allocations[:, ::4]
    none = foresight(*WORLD[:4], plan, np.random.default_rng(0), 0, START)
    some = foresight(*WORLD[:4], plan, np.random.default_rng(0), 200, START)
    more = foresight(*WORLD[:4], plan, np.random.default_rng(0), 2000, START, keep=True)
    assert (some.metric("reward") >= none.metric("reward") - 1e-12).all()
    assert more.metric("reward").mean() > some.metric("reward").mean()
    assert more.allocations is not None
    low, high = LIMITS[:, None, [2, 4, 6]], LIMITS[:, None, [3, 5, 7]]
    assert ((more.allocations >= low) & (more.allocations <= high)).all()


def test_a_price_on_oom_kills_tunes_the_hpa_to_fewer_of_them():
    world = scenarios()

    def kills_tuned_at(price):
        tuned = tune_hpa(world, START, kill_penalty=price)
        total = 0.0
        for variant in range(world.rates.shape[1]):
            parts = (world.parameters, world.rates, world.noise)
            parameters, rates, noise = (np.ascontiguousarray(part[:, variant]) for part in parts)
            played = rollout_hpa(
                parameters, world.limits, rates, noise, tuned.allocation, tuned.target
            )
            total += played.metric("oom_kills").sum()
        return total

    assert kills_tuned_at(10.0) <= kills_tuned_at(0.0)
    assert kills_tuned_at(10.0) == 0.0
