"""The parts that the bootstrapping benchmark is made of."""

import numpy as np
import pytest

from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.vpa import empty_history
from components.policy.rule_parameters import default_rule
from components.recommender.phase_settings import PhaseSettings
from tests.baselines.handover import Candidate, Day, Incumbent, play_day
from tests.baselines.worlds import hand_set
from tests.benchmarks.bootstrapping import handed_over_at, until
from tests.hidden_workloads.rebuilt import hidden_hpa_vpa
from tests.hidden_workloads.world import Sizes, draw_hidden_world

MINUTES = 60
WORLD = draw_hidden_world(3, Sizes(2, 20, 20, 2, 2), None)
LIMITS = limits_of([case.workload for case in WORLD.cases])
PARAMETERS = WORLD.parameters[::2]
RATES = WORLD.days[:, : 4 * MINUTES]
NOISE = draw_noise(np.random.default_rng(0), 4 * MINUTES, 2)
COURSE = (PARAMETERS, LIMITS, RATES, NOISE)
INCUMBENT = Incumbent(
    np.tile([0.7, 0.15, 0.0], (2, 1)), hand_set(LIMITS), np.tile(empty_history(), (2, 1))
)
# Enough of everything, so that no fault sends the policy back.
PHASES = PhaseSettings(
    shadow_intervals=10, canary_intervals=1000, shortest_reference=10, most_bad=1000,
    harm_alarm=1e9, most_oom_kills=1e9, most_reversals=1e9,
)  # fmt: skip


def candidate(accepted: list[float]) -> Candidate:
    twins = np.stack([case.training_twin.members[0] for case in WORLD.cases])
    return Candidate(20, np.tile(default_rule(), (2, 1)), twins, np.array(accepted))


@pytest.fixture(scope="module")
def alone() -> Day:
    return play_day(*COURSE, INCUMBENT, None, PHASES)


def test_without_a_policy_the_day_is_the_incumbent_s_rollout(alone: Day) -> None:
    rolled = hidden_hpa_vpa(
        *COURSE, INCUMBENT.allocation, np.full(2, 0.7), np.full(2, 0.15), INCUMBENT.history,
        minimum_bytes=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(alone.violations.mean(axis=1), rolled.metric("violation"))
    assert alone.phases == [["INCUMBENT"] * MINUTES] * 2


def test_until_it_acts_a_policy_changes_nothing_at_all(alone: Day) -> None:
    day = play_day(*COURSE, INCUMBENT, candidate([1.0, 0.0]), PHASES)
    # Known after minute 20, then 10 minutes and more in the shadow.
    shadowed = day.phases[0].index("SHADOW")
    assert shadowed == 21
    acting = day.phases[0].index("CANARY") if "CANARY" in day.phases[0] else MINUTES
    assert acting >= shadowed + 10
    np.testing.assert_array_equal(day.violations[0, :acting], alone.violations[0, :acting])
    # The other was refused by the gate.
    assert day.ends[1] == "INCUMBENT: GateClosed"
    np.testing.assert_array_equal(day.violations[1], alone.violations[1])


def test_hand_over_is_the_first_minute_live_or_the_end_of_the_day() -> None:
    violations = np.arange(8.0).reshape(2, 4)
    day = Day(violations, [["INCUMBENT", "CANARY", "LIVE", "LIVE"], ["SHADOW"] * 4], ["", ""])
    minutes = handed_over_at(day)
    np.testing.assert_array_equal(minutes, [2, 4])
    np.testing.assert_array_equal(until(violations, minutes), [0.0 + 1.0, 4.0 + 5.0 + 6.0 + 7.0])
