"""A month's cost by hand, and only what may act counts as saved."""

import pytest

from components.page.costs import Prices
from pipelines.savings import savings


def entry(accepted, policy_cores, opponent="hpa"):
    def row(core_hours, gib_hours):
        return {"core_hours": {"mean": core_hours}, "gib_hours": {"mean": gib_hours}}

    rows = {
        "hpa_default": row(2.0, 1.0),
        "hpa": row(1.0, 4.0),
        "hpa_vpa": row(0.5, 4.0),
        "policy": row(policy_cores, 2.0),
    }
    return {"rows": rows, "verdict": {"accepted": accepted, "opponent": opponent}}


def test_a_month_is_730_hours_of_cores_and_gib():
    (row,) = savings({"shop/a": entry(True, 0.5)}, Prices(core=0.1, gib=0.01))
    assert row.default == pytest.approx(730 * (0.2 + 0.01))
    assert row.incumbent == pytest.approx(730 * (0.1 + 0.04))
    assert row.policy == pytest.approx(730 * (0.05 + 0.02))
    assert row.chosen == row.policy


def test_a_refused_policy_saves_nothing_and_a_dearer_one_that_may_act_is_told_as_such():
    rows = savings({"b": entry(False, 0.1), "a": entry(True, 3.0)}, Prices())
    assert [row.key for row in rows] == ["a", "b"]
    assert rows[1].chosen == rows[1].incumbent
    assert rows[0].incumbent - rows[0].chosen < 0


def test_the_incumbent_is_the_one_that_the_verdict_was_decided_against():
    (row,) = savings({"a": entry(True, 0.5, "hpa_vpa")}, Prices(core=1.0, gib=0.0))
    assert row.incumbent == pytest.approx(730 * 0.5)
