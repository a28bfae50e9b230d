import numpy as np

from components.cluster.applications import sample_applications
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.policy.rule_parameters import RULE_COUNT, default_rule, from_unit, to_unit
from components.policy.rule_rollout import rollout_rule
from components.policy.search import SearchResult, search_rule

BATCH, VARIANTS, STEPS = 4, 6, 80
RNG = np.random.default_rng(2)
PARAMETERS, LIMITS, MEANS = sample_applications(RNG, BATCH)
RATES = synthetic_rates(RNG, BATCH * VARIANTS, STEPS, np.repeat(MEANS, VARIANTS))
RATES = RATES.reshape(BATCH, VARIANTS, STEPS)
MEMBERS = np.repeat(PARAMETERS[:, None], VARIANTS, axis=1)
START = clip_allocation(0.5 * (LIMITS[:, [2, 4, 6]] + LIMITS[:, [3, 5, 7]]), LIMITS)


def search(start: np.ndarray, iterations: int = 6, seed: int = 5) -> SearchResult:
    return search_rule(
        MEMBERS, LIMITS, RATES, START, start, 0.2, np.random.default_rng(seed), iterations, 24, 4
    )


def test_the_rule_found_is_never_below_its_start_on_the_same_variants() -> None:
    result = search(np.tile(to_unit(default_rule()), (BATCH, 1)))
    assert (result.score >= result.start_score).all()
    assert result.curve.shape == (BATCH, 6)
    assert ((result.unit >= 0.0) & (result.unit <= 1.0)).all()
    assert result.cpu_seconds > 0.0


def test_a_search_from_a_bad_start_helps_on_traces_it_has_not_seen() -> None:
    bad = np.full((BATCH, RULE_COUNT), 0.9)
    result = search(bad, iterations=10)
    rng = np.random.default_rng(77)
    fresh = synthetic_rates(rng, BATCH, STEPS, MEANS)
    noise = draw_noise(rng, STEPS, BATCH)
    before = rollout_rule(from_unit(bad), PARAMETERS, LIMITS, fresh, noise, START)
    after = rollout_rule(result.rule, PARAMETERS, LIMITS, fresh, noise, START)
    assert after.metric("reward").mean() > before.metric("reward").mean() + 0.02


def test_a_search_is_repeated_by_its_seed() -> None:
    start = np.tile(to_unit(default_rule()), (BATCH, 1))
    first, again, other = search(start, 3), search(start, 3), search(start, 3, seed=6)
    np.testing.assert_array_equal(first.rule, again.rule)
    assert (first.rule != other.rule).any()


def test_progress_is_reported_after_each_iteration() -> None:
    seen: list[tuple[int, int]] = []
    search_rule(
        MEMBERS, LIMITS, RATES, START, np.full((BATCH, RULE_COUNT), 0.5), 0.1,
        np.random.default_rng(0), 3, 8, 2, on_iteration=lambda *counts: seen.append(counts),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]
