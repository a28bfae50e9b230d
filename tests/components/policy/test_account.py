import pytest

from components.policy.account import account
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
