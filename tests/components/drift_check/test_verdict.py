"""Many tests at once: the false discovery rate, by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from components.drift_check.config import DriftConfig
from components.drift_check.findings import Finding
from components.drift_check.shift import minimum_effect
from components.drift_check.verdict import Checked, judge, untested

TIMES = (pd.Timestamp("2026-01-01T00:00:00Z"), pd.Timestamp("2026-01-01T00:02:30Z"))
CONFIG = DriftConfig(false_discovery_rate=0.05)


def _checked(*p_values: float) -> Checked:
    shift = minimum_effect(0.7, error=0.1, freedom=9.0, floor=0.2, since=1)
    names = ("input", "dynamics", "outcome")
    return Checked(
        {
            name: Finding(f"the {name}", p_value, shift)
            for name, p_value in zip(names, p_values, strict=False)
        },
        TIMES,
    )


def test_p_values_are_adjusted_over_all_workloads_and_tests() -> None:
    # Sorted .006 .012 .018 .9; times 4 over the rank: .024 .024 .024 .9 after the running minimum;
    # times 1 + 1/2 + 1/3 + 1/4 for tests that may depend on each other.
    verdicts = judge({"a": _checked(0.006, 0.9), "b": _checked(0.012, 0.018)}, CONFIG)
    q_values = [verdicts[key].q_values[name] for key in "ab" for name in ("input", "dynamics")]
    assert [round(q, 10) for q in q_values] == [0.05, 1.0, 0.05, 0.05]
    assert verdicts["a"].alarms == ("input",)
    assert verdicts["b"].alarms == ("input", "dynamics")


def test_one_small_p_value_among_many_workloads_is_no_discovery() -> None:
    workloads = {f"w{index}": _checked(0.5, 0.5, 0.5) for index in range(9)}
    assert judge({"a": _checked(0.01)}, CONFIG)["a"].drifted
    assert not judge({"a": _checked(0.01), **workloads}, CONFIG)["a"].drifted


def test_false_discoveries_are_bounded_where_all_tests_of_a_workload_say_the_same() -> None:
    rng, false = np.random.default_rng(0), 0.0
    for _ in range(400):
        shared = rng.uniform(size=20)
        verdicts = judge({f"w{i}": _checked(p, p, p) for i, p in enumerate(shared)}, CONFIG)
        false += any(one.drifted for one in verdicts.values())
    # Without any drift each discovery is false: the share of checks with one is the rate.
    assert false / 400 <= 0.05


def test_an_alarm_says_what_how_large_how_sure_and_since_when() -> None:
    (reason,) = judge({"a": _checked(0.001)}, CONFIG)["a"].reasons
    assert reason == (
        "input: the input is 2.01 times what it was (95 % interval 1.61 to 2.52)"
        " since 2026-01-01 00:02 UTC (q = 0.001)"
    )


def test_verdicts_are_json() -> None:
    verdict = judge({"a": _checked(0.001, 0.2, 1.0)}, CONFIG)["a"]
    text = json.dumps(verdict.to_json(), allow_nan=False)
    tests = json.loads(text)["tests"]
    assert tests["dynamics"]["q_value"] == pytest.approx(0.55)
    assert tests["dynamics"]["since"] is None
    assert tests["input"]["since"] == "2026-01-01T00:02:30+00:00"
    assert json.loads(json.dumps(untested("new").to_json())) == {
        "drifted": False,
        "recommendation": "nothing",
        "reasons": ["new"],
        "reference": "",
        "tests": {},
    }


def test_nothing_checked_gives_no_verdict() -> None:
    assert judge({}, CONFIG) == {}
