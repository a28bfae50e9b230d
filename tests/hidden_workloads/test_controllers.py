"""The rows of the benchmark `control`, their table and its last line."""

import json

import numpy as np
import pytest

from components.policy.rule_parameters import default_rule
from components.policy.watched import watched
from tests.baselines.planning import Effort
from tests.benchmarks.control import keys_of, played
from tests.hidden_workloads.controllers import (
    FORESIGHT,
    HPA_TUNED,
    OURS,
    VPA_DEFAULT,
    VPA_TUNED,
    ZERO_SHOT,
    Learned,
)
from tests.hidden_workloads.picture import write_picture
from tests.hidden_workloads.plan import QUICK
from tests.hidden_workloads.planned import hidden_plan
from tests.hidden_workloads.rebuilt import hidden_rule
from tests.hidden_workloads.scoring import Table, over_seeds, worst_decile
from tests.hidden_workloads.world import Sizes, draw_hidden_world

WORLD = draw_hidden_world(1, Sizes(2, 30, 10, 2, 2), None)


def test_a_planner_that_nothing_convinces_plays_the_rule() -> None:
    past = WORLD.spread(watched([case.measured for case in WORLD.cases]))
    rules = np.tile(default_rule(), (len(WORLD.limits), 1))
    ruled = hidden_rule(rules, *WORLD.course, WORLD.usual, past=past)
    never = Effort(2, 2, 6, certainty=1e6)
    rng = np.random.default_rng(0)
    planned = hidden_plan(WORLD, rules, past, WORLD.usual, 0.4, 0.3, rng, never)
    np.testing.assert_allclose(planned.metrics, ruled.metrics)


def table() -> Table:
    """Two seeds of two workloads; every figure is the reward but where the test says otherwise."""
    rewards = {
        VPA_DEFAULT: [[0.5, 0.6], [0.7, 0.8]],
        HPA_TUNED: [[0.6, 0.6], [0.6, 0.6]],
        VPA_TUNED: [[0.7, 0.8], [0.7, 0.8]],
        ZERO_SHOT: [[0.6, 0.5], [0.8, 0.9]],
        OURS: [[0.8, 0.7], [0.9, 1.0]],
        FORESIGHT: [[0.95, 0.95], [0.95, 0.95]],
    }
    fields = ("reward", "violation", "cost", "oom_kills")
    return {
        name: [{field: np.array(seed) for field in fields} for seed in seeds]
        for name, seeds in rewards.items()
    }


def test_the_last_line_compares_with_the_better_one_of_the_tuned_incumbents() -> None:
    keys = keys_of(table())
    assert keys["reward_tuned"] == 0.75
    # From .75 to .85 of the way to .95.
    assert keys["gap_closed"] == pytest.approx(0.5)
    assert keys["better_than_tuned_share"] == 0.75
    assert keys["better_than_default_share_zero_shot"] == 0.75
    assert (keys["cost_tuned"], keys["cost_ours"]) == (0.75, 0.85)


def test_what_violates_more_may_be_worse_at_the_price_although_its_reward_is_higher() -> None:
    rows = table()
    for seed in rows[VPA_TUNED]:
        seed["violation"], seed["oom_kills"] = np.zeros(2), np.zeros(2)
    # .8 * .55 = .44 and .7 * .55 against .7 and .8; .9 * .55 and .55 against the same.
    assert keys_of(rows)["better_than_tuned_share_priced"] == 0.0


def test_an_interval_is_over_the_seeds_and_the_worst_decile_over_all_workloads() -> None:
    mean, half = over_seeds(table()[OURS], "reward")
    # Seeds .75 and .95: t of one degree of freedom 12.706, standard error .1.
    assert (mean, half) == (pytest.approx(0.85), pytest.approx(1.2706, abs=1e-4))
    assert worst_decile(table()[OURS]) == 0.7


def test_the_picture_is_a_png(tmp_path) -> None:
    write_picture(table(), tmp_path / "control.png")
    assert (tmp_path / "control.png").read_bytes().startswith(b"\x89PNG")


def test_a_seed_that_was_played_before_is_not_played_again(tmp_path) -> None:
    def never() -> Learned:
        raise AssertionError("nothing is to be learned")

    kept = {OURS: {"reward": [0.8, 0.9]}}
    (tmp_path / "seed-100.json").write_text(json.dumps(kept))
    found = played(100, QUICK, never, tmp_path)
    np.testing.assert_array_equal(found[OURS]["reward"], [0.8, 0.9])
