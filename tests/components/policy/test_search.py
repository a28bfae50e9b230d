import numpy as np

from components.cluster.applications import sample_applications
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.policy.prices import Prices, PricesInForce
from components.policy.rule_parameters import (
    RULE_COUNT,
    RULE_NAMES,
    default_rule,
    from_unit,
    to_unit,
)
from components.policy.rule_rollout import rollout_rule
from components.policy.search import SearchResult, cautious_gain, search_rule

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


def test_a_kill_costs_its_price_beside_the_violation_that_it_is() -> None:
    prices = PricesInForce(Prices(violation=0.4, kill_per_h=0.05), 2)
    measured = np.array([[[[0.9, 0.1, 0.0]]], [[[0.9, 0.1, 2.0]]]])
    np.testing.assert_allclose(prices.score(measured), [[[0.86]], [[0.76]]])


def test_the_price_of_a_violation_follows_its_budget_between_its_bounds() -> None:
    prices = PricesInForce(Prices(violation=0.4, budget=0.02, step=2.0, highest=1.0), 3)
    prices.follow(np.array([[[0.9, 0.12, 0.0]], [[0.9, 0.02, 0.0]], [[0.9, 0.0, 0.0]]]))
    np.testing.assert_allclose(prices.violation, [0.6, 0.4, 0.4])
    prices.follow(np.array([[[0.9, 0.0, 0.0]], [[0.9, 0.9, 0.0]], [[0.9, 0.07, 0.0]]]))
    np.testing.assert_allclose(prices.violation, [0.56, 1.0, 0.5])


def test_without_a_budget_the_price_stays() -> None:
    prices = PricesInForce(Prices(violation=0.4), 1)
    prices.follow(np.array([[[0.9, 1.0, 0.0]]]))
    np.testing.assert_array_equal(prices.violation, [0.4])


def test_a_budget_makes_the_search_violate_less_where_violations_are_nearly_free() -> None:
    start = np.tile(to_unit(default_rule()), (BATCH, 1))

    def found(prices: Prices) -> SearchResult:
        rng = np.random.default_rng(11)
        return search_rule(MEMBERS, LIMITS, RATES, START, start, 0.2, rng, 10, 32, 6, prices)

    free = found(Prices(violation=0.0))
    held = found(Prices(violation=0.0, budget=0.01, step=4.0))
    assert held.violation.mean() < free.violation.mean()
    assert (held.violation_price >= 0.0).all()
    assert held.violation_price.max() > 0.0


def test_priced_kills_become_fewer() -> None:
    """Services whose smallest size is too small for them, where only a kill costs anything."""
    start = np.tile(to_unit(default_rule()), (BATCH, 1))
    start[:, [RULE_NAMES.index("memory_margin"), RULE_NAMES.index("memory_floor_share")]] = 0.0

    def kills(price: float) -> float:
        rng = np.random.default_rng(12)
        prices = Prices(violation=0.0, kill_per_h=price)
        return float(
            search_rule(
                MEMBERS, LIMITS, RATES, START, start, 0.2, rng, 10, 32, 6, prices
            ).kills_per_h.mean()
        )

    assert kills(0.2) < kills(0.0)


def test_caution_counts_the_worlds_in_which_a_rule_gains_least() -> None:
    scores = np.array([[[0.5, 0.6, 0.7, 0.8], [0.9, 0.5, 0.8, 0.6]]])
    # The second gains .4, -.1, .1 and -.2.
    np.testing.assert_allclose(cautious_gain(scores, 0, 1.0), [[0.0, 0.05]])
    np.testing.assert_allclose(cautious_gain(scores, 0, 0.5), [[0.0, -0.15]])
    np.testing.assert_allclose(cautious_gain(scores, 1, 0.25), [[-0.4, 0.0]])


def reckless() -> np.ndarray:
    """Nearly full replicas without a reserve, and without feedback: bad for every service."""
    unit = np.tile(to_unit(default_rule()), (BATCH, 1))
    for name, value in {
        "target_utilisation": 1.0,
        "peak_weight": 0.0,
        "burst_reserve": 0.0,
        "slack_gain": 0.0,
    }.items():
        unit[:, RULE_NAMES.index(name)] = value
    return unit


def with_rivals(start: np.ndarray, rivals: np.ndarray, iterations: int) -> SearchResult:
    rng = np.random.default_rng(5)
    return search_rule(
        MEMBERS, LIMITS, RATES, START, start, 0.01, rng, iterations, 12, 3,
        rivals=rivals, held_back=2,
    )  # fmt: skip


def test_the_search_begins_at_a_rival_that_is_better_than_the_start() -> None:
    bad = reckless()
    good = np.tile(to_unit(default_rule()), (BATCH, 1))
    result = with_rivals(bad, good[:, None], 1)
    assert (np.abs(result.unit - good).max(axis=1) < np.abs(result.unit - bad).max(axis=1)).all()
    assert (result.score > result.start_score).all()


def test_where_nothing_better_is_found_the_start_stays() -> None:
    good = np.tile(to_unit(default_rule()), (BATCH, 1))
    result = with_rivals(good, reckless()[:, None], 1)
    np.testing.assert_array_equal(result.score >= result.start_score, True)
    assert np.abs(result.unit - good).max() < 0.1


def test_nothing_is_searched_in_the_worlds_held_back() -> None:
    """Rates of no requests there: were they met, the first iteration's curve would differ."""
    start = np.tile(to_unit(default_rule()), (BATCH, 1))
    other = RATES.copy()
    other[:, -2:] *= 0.01

    def curve(rates: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(5)
        return search_rule(
            MEMBERS, LIMITS, rates, START, start, 0.1, rng, 3, 12, 3, held_back=2
        ).curve

    np.testing.assert_array_equal(curve(RATES), curve(other))
