"""The parts that the comparison of tests/benchmarks/baselines.py is made of."""

from dataclasses import replace

import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray
from components.cluster.environment import ServiceVectorEnv
from components.cluster.environment_episode import Episode, synthetic_episode
from components.policy.prices import Prices
from components.policy.rule import default_rule, from_unit
from components.policy.rule_parameters import PEAK_WEIGHT, SLACK_GAIN, TARGET_UTILISATION
from tests.baselines.learners import OOM_KILLED, StableBaselinesBatch
from tests.baselines.planning import Effort, Planner
from tests.baselines.planning_futures import Futures
from tests.baselines.rules import (
    VIOLATION_PENALTY,
    figures_of,
    play_rule,
    search_common,
    watched,
)
from tests.baselines.worlds import QUICK, World, draw_world, hand_set


def test_no_trace_is_both_tuned_on_and_scored() -> None:
    world = draw_world(0, QUICK)
    for scored, tuning in zip(world.scored.rates, world.tuning.rates, strict=True):
        assert not any(np.array_equal(scored, trace) for trace in tuning)
    # The same applications are tuned and scored; what is one for all comes from others.
    np.testing.assert_array_equal(world.scored.parameters, world.tuning.parameters[:, 0])
    assert not np.isin(world.others.parameters[:, 0], world.scored.parameters[:, 0]).any()


def test_hand_set_requests_lie_between_the_bounds_by_logarithm() -> None:
    limits = np.zeros((1, lim.LIMITS_COUNT))
    limits[0, 2:] = [1, 9, 100, 3200, 1e6, 1e8]
    # 9 ** .5; 100 * 32 ** .6 = 800; 1e6 * 100 ** .9 = 63.1e6.
    np.testing.assert_allclose(hand_set(limits)[0], [3, 800, 63095734], rtol=1e-6)


def test_what_vpa_watched_is_one_trace_of_the_tuning_part() -> None:
    world = draw_world(1, QUICK)
    history = watched(world.tuning, world.scored.allocation)
    # Its first field is the time seen, in s.
    np.testing.assert_array_equal(history[:, 0], QUICK.steps * 15.0)


def test_the_batch_for_stable_baselines_prices_violations_and_kills() -> None:
    drawn = synthetic_episode(np.random.default_rng(0), 8, 16)
    plain = ServiceVectorEnv(8, decisions=3, draw=lambda *_: drawn)
    plain.reset(seed=0)
    batch = StableBaselinesBatch(
        ServiceVectorEnv(8, decisions=3, draw=lambda *_: drawn), 0, Prices(0.3, 0.05)
    )
    batch.reset()
    violated, killed = 0.0, 0.0
    for index in range(3):
        actions = np.full((8, 3), -0.9)
        observations, rewards, _, _, info = plain.step(actions)
        _, priced, ended, infos = batch.step(actions)
        kills = info.get("final_obs", observations)[:, OOM_KILLED]
        # A kill in a minute is 60 an hour, at .05 each.
        np.testing.assert_allclose(
            priced, rewards - 0.3 * info["violation"] - 3.0 * kills, rtol=1e-5, atol=1e-6
        )
        violated += info["violation"].sum()
        killed += kills.sum()
        assert ended.all() == (index == 2)
    assert violated > 0
    assert killed > 0
    assert all(entry["TimeLimit.truncated"] for entry in infos)


def planned(world: World, rules: FloatArray, effort: Effort) -> dict[str, FloatArray]:
    planner = Planner(world.scored, rules, world.tuning.rates, np.random.default_rng(0), effort)
    return planner.play(world.scored.allocation)


def test_a_planner_that_nothing_convinces_is_the_rule_itself() -> None:
    world = draw_world(2, replace(QUICK, applications=3, decisions=16))
    rules = np.tile(default_rule(), (3, 1))
    never = planned(world, rules, Effort(2, 2, 6, certainty=1e6))
    ruled = figures_of(play_rule(world.scored, rules, world.scored.allocation))
    for name, values in ruled.items():
        np.testing.assert_allclose(never[name], values, err_msg=name)


def test_planning_mends_a_rule_that_holds_too_little() -> None:
    world = draw_world(2, replace(QUICK, applications=3, decisions=24))
    rules = np.tile(default_rule(), (3, 1))
    # It aims at nearly all of the CPU in use, without a reserve.
    rules[:, [TARGET_UTILISATION, SLACK_GAIN, PEAK_WEIGHT]] = [0.9, 0.0, 0.0]
    better = planned(world, rules, Effort(6, 4, 40))
    ruled = figures_of(play_rule(world.scored, rules, world.scored.allocation))
    for figures, sign in ((better, 1.0), (ruled, -1.0)):
        figures["gain"] = sign * (figures["reward"] - VIOLATION_PENALTY * figures["violation"])
    assert (better["gain"] + ruled["gain"]).mean() > 0.01


def test_futures_begin_at_the_present_rate_and_go_on_as_a_trace_that_looked_alike() -> None:
    steps = np.arange(80.0)
    calm, rising = np.full(80, 5.0), 5.0 * np.exp(0.02 * steps)
    futures = Futures(np.stack([calm, rising])[None], rising[None, :60] * 1.1, 8)
    after = futures.after(50, 1)[0, 0]
    # The rate of step 49, rising by 2 % a step as the second trace does.
    expected = 1.1 * 5.0 * np.exp(0.02 * (49 + 1 + np.arange(8)))
    np.testing.assert_allclose(after, expected)


def test_the_common_search_improves_on_the_rule_it_starts_from() -> None:
    world = draw_world(3, QUICK)
    others, start = world.others, world.others_allocation
    found = search_common(others, start, 6, np.random.default_rng(0))
    assert ((found >= 0) & (found <= 1)).all()

    def score(rule: FloatArray) -> float:
        scored = Episode(
            others.parameters[:, 0], others.limits, others.rates[:, 0], others.noise[:, 0], start
        )
        figures = figures_of(play_rule(scored, np.tile(rule, (len(start), 1)), start))
        return float((figures["reward"] - VIOLATION_PENALTY * figures["violation"]).mean())

    assert score(from_unit(found)) > score(default_rule())
