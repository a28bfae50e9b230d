import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import reward as rew
from components.cluster import sample as smp

GIB = 1024.0**3
LIMITS = np.array([100.0, 0.95, 1, 6, 50, 600, 1e8, GIB])
IN_FORCE = np.array([2.0, 300.0, GIB / 2])


def step_of(**fields: float) -> np.ndarray:
    row = np.zeros(smp.SAMPLE_COUNT)
    row[smp.EXACT_LATENCY_MS] = 50.0
    row[smp.EXACT_CPU_USAGE_M] = 300.0
    row[smp.EXACT_MEMORY_BYTES] = 0.4 * GIB
    row[smp.REPLICAS_WANTED] = row[smp.REPLICAS_READY] = 2.0
    row[smp.CPU_REQUEST_M], row[smp.MEMORY_REQUEST_BYTES] = 300.0, GIB / 2
    for name, value in fields.items():
        row[smp.SAMPLE_FIELDS.index(name)] = value
    return row


def judge(
    rows: list[np.ndarray],
    before: np.ndarray = IN_FORCE,
    after: np.ndarray = IN_FORCE,
    memory: np.ndarray | None = None,
) -> tuple[float, float, np.ndarray]:
    totals = np.zeros(rew.EPISODE_COUNT)
    remembered = np.zeros(rew.REWARD_MEMORY_COUNT) if memory is None else memory
    reward, violation = rew.reward_one(
        np.array(rows), LIMITS, before, after, remembered, rew.RewardWeights().row(), totals
    )
    return reward, violation, totals


def test_a_met_objective_and_half_used_resources() -> None:
    reward, violation, _ = judge([step_of()] * 4)
    assert reward == pytest.approx(0.7 + 0.3 * 0.65)
    assert violation == 0.0


def test_latency_beyond_the_threshold_and_failures_lower_the_preservation() -> None:
    # Half of the threshold's speed for nine of ten requests: 0.45.
    reward, violation, _ = judge([step_of(exact_latency_ms=200.0, exact_failed_ratio=0.1)] * 4)
    assert reward == pytest.approx(0.7 * 0.45 + 0.3 * 0.65)
    assert violation == 1.0


@pytest.mark.parametrize(
    "fields",
    [
        {"exact_latency_ms": 100.1},
        {"exact_failed_ratio": 0.01},
        {"oom_kills": 1.0, "restarts": 1.0},
    ],
)
def test_late_failed_and_killed_steps_violate(fields: dict[str, float]) -> None:
    assert judge([step_of(**fields), step_of(), step_of(), step_of()])[1] == 0.25


def test_a_near_miss_is_no_clear_violation() -> None:
    totals = judge([step_of(exact_latency_ms=104.0)] * 4)[2]
    assert totals[rew.VIOLATION] == 4.0
    assert totals[rew.VIOLATION_5_PERCENT] == 0.0


def test_an_illegal_action_costs() -> None:
    legal = judge([step_of()] * 4)[0]
    beyond = judge([step_of()] * 4, after=np.array([7.0, 300.0, GIB / 2]))[0]
    assert beyond == pytest.approx(legal - 0.1 / 3)


def test_reversing_an_action_costs_and_repeating_it_does_not() -> None:
    memory = np.zeros(rew.REWARD_MEMORY_COUNT)
    up, top = np.array([3.0, 300.0, GIB / 2]), np.array([4.0, 300.0, GIB / 2])
    plain = judge([step_of()] * 4)[0]
    assert judge([step_of()] * 4, IN_FORCE, up, memory)[0] == pytest.approx(plain)
    assert judge([step_of()] * 4, up, top, memory)[0] == pytest.approx(plain)
    assert judge([step_of()] * 4, top, up, memory)[0] == pytest.approx(plain - 0.01)


def test_a_change_of_mind_after_five_quiet_decisions_is_no_oscillation() -> None:
    memory = np.zeros(rew.REWARD_MEMORY_COUNT)
    up = np.array([3.0, 300.0, GIB / 2])
    plain = judge([step_of()] * 4)[0]
    judge([step_of()] * 4, IN_FORCE, up, memory)
    for _ in range(5):
        judge([step_of()] * 4, up, up, memory)
    assert judge([step_of()] * 4, up, IN_FORCE, memory)[0] == pytest.approx(plain)


def test_a_restart_costs_unless_it_is_the_oom_kill_s_own() -> None:
    plain = judge([step_of()] * 4)[0]
    rows = [step_of(restarts=1.0), step_of(), step_of(), step_of()]
    # One of two replicas: half of the weight.
    assert judge(rows)[0] == pytest.approx(plain - 0.025)
    killed = [step_of(restarts=1.0, oom_kills=1.0), step_of(), step_of(), step_of()]
    assert judge(killed)[0] == pytest.approx(plain)


def test_costs_are_requested_core_and_gib_hours() -> None:
    totals = judge([step_of()] * 4)[2]
    # 2 replicas * 0.3 cores and 2 * 0.5 GiB for a minute
    assert totals[rew.CORE_HOURS] == pytest.approx(0.6 / 60)
    assert totals[rew.GIB_HOURS] == pytest.approx(1 / 60)


def test_an_episode_averages_and_counts_actions_an_hour() -> None:
    totals = judge([step_of()] * 4, IN_FORCE, np.array([3.0, 300.0, GIB / 2]))[2]
    rew.finish_totals(totals, 1, 4)
    assert totals[rew.ACTIONS_PER_HOUR] == pytest.approx(60.0)
    assert totals[rew.CPU_UTILISATION] == pytest.approx(0.5)
    assert totals[rew.CORE_HOURS] == pytest.approx(0.6 / 60)


def test_the_limits_rows_pair_lows_and_highs_by_dimension() -> None:
    # illegal_share relies on this order.
    assert [lim.REPLICAS_MIN, lim.CPU_MIN_M, lim.MEMORY_MIN_BYTES] == [2, 4, 6]
    assert rew.illegal_share(np.array([0.0, 700.0, 2 * GIB]), LIMITS) == 1.0
