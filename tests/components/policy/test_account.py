import pytest

from components.policy.account import account, incumbent_line
from components.policy.rule_parameters import RULE_NAMES, RULE_PARAMETERS, default_rule


def test_every_parameter_is_accounted_for_in_order() -> None:
    rows = account(dict(zip(RULE_NAMES, default_rule(), strict=True)))
    assert [row.name for row in rows] == list(RULE_NAMES)
    assert all(row.low <= row.value <= row.high for row in rows)
    assert all(row.description for row in rows)


def test_a_value_at_its_bound_is_told() -> None:
    values = dict(zip(RULE_NAMES, default_rule(), strict=True))
    spec = RULE_PARAMETERS[0]
    assert account(values | {spec.name: spec.high})[0].at_bound == "high"
    assert account(values | {spec.name: spec.low})[0].at_bound == "low"
    assert account(values | {spec.name: (spec.low + spec.high) / 2})[0].at_bound == ""


def test_a_missing_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        account({"target_utilisation": 0.5})


def test_what_the_incumbent_has_in_a_parameter_s_place_is_beside_it() -> None:
    values = dict(zip(RULE_NAMES, default_rule(), strict=True))
    tuned = {"cpu_target": 0.46, "cpu_m": 820.0, "memory_margin": 0.15, "memory_floor_bytes": 0.0}
    beside = {row.name: row.incumbent for row in account(values, tuned)}
    assert beside["target_utilisation"] == 0.46
    assert beside["memory_margin"] == 0.15
    # HPA's default stabilisation window; VPA's half-life of a day and its bump of a fifth.
    assert beside["scale_down_wait_min"] == 5.0
    assert beside["memory_half_life_min"] == 1440.0
    assert beside["oom_bump"] == 1.2
    # It has no feedback from latency.
    assert beside["slack_gain"] is None
    assert set(beside) == set(RULE_NAMES)
    assert all(row.incumbent is None for row in account(values))
    line = "HPA at 46 % of 820 m CPU requested, VPA on memory with 15 % margin"
    assert incumbent_line(tuned) == line
