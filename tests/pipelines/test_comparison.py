"""The table of figures as text."""

from typing import Any

from pipelines.comparison import figures, header, named_rows, reason, verdicts

FIGURES = {
    "reward": {"mean": 0.8125, "low": 0.80, "high": 0.825},
    "violation": {"mean": 0.0123, "low": 0.01, "high": 0.0146},
    "cpu_utilisation": {"mean": 0.5, "low": 0.4, "high": 0.6},
    "memory_utilisation": {"mean": 0.25, "low": 0.2, "high": 0.3},
    "core_hours": {"mean": 1.5, "low": 1.25, "high": 1.75},
    "gib_hours": {"mean": 2.0, "low": 1.0, "high": 3.0},
    "actions_per_hour": {"mean": 4.0, "low": 4.0, "high": 4.0},
    "oom_kills": {"mean": 0.0, "low": 0.0, "high": 0.0},
}


def test_shares_are_per_cent_and_rows_keep_the_order_of_comparison() -> None:
    rows = named_rows({"foresight": FIGURES, "policy": FIGURES})
    assert [name for name, _ in rows] == ["policy", "foresight"]
    assert rows[0][1] == [
        "policy",
        "0.812",
        "1.23 %",
        "50.0 %",
        "25.0 %",
        "1.50",
        "2.00",
        "4.0",
        "0.0",
    ]
    assert len(header()) == len(rows[0][1])


def test_an_interval_stands_behind_its_mean() -> None:
    ((_, cells),) = named_rows({"hpa": FIGURES}, interval=True)
    assert cells[2] == "1.23 [1.00, 1.46] %"


def test_a_figure_that_is_missing_is_a_dash() -> None:
    ((_, cells),) = named_rows({"hpa": {"reward": {"mean": 0.5}}}, interval=True)
    assert cells[1:3] == ["0.500", "–"]


def verdict(violation: float, reward: float, cost: float, oom_kills: float = 0.0) -> dict[str, Any]:
    bounds = {
        "violation": (violation, 0.01),
        "reward": (reward, 0.0),
        "cost": (cost, 0.0),
        "oom_kills": (oom_kills, 0.1),
    }
    checks = [
        {
            "name": name,
            "bound": bound,
            "limit": limit,
            "passed": bound > limit if name in ("reward", "cost") else bound < limit,
        }
        for name, (bound, limit) in bounds.items()
    ]
    safe = checks[0]["passed"] and checks[3]["passed"]
    accepted = bool(safe and (checks[1]["passed"] or checks[2]["passed"]))
    return {"accepted": accepted, "opponent": "hpa", "checks": checks}


def test_a_refusal_for_violations_names_bound_and_limit() -> None:
    told = reason(verdict(0.0127, 0.05, 0.1))
    assert told == "violations at most +1.27 points, +1.00 points allowed"


def test_a_refusal_for_oom_kills_names_bound_and_limit() -> None:
    told = reason(verdict(0.001, 0.05, 0.1, oom_kills=0.3))
    assert told == "OOM kills at most +0.30 an hour, +0.10 allowed"


def test_a_refusal_for_want_of_a_gain_names_both_bounds() -> None:
    told = reason(verdict(0.001, -0.02, -0.54))
    assert told == (
        "neither proved: reward better by -0.020 at least, nor cheaper by -54.0 % at least"
    )


def test_a_better_reward_that_costs_too_much_says_how_much() -> None:
    dear = verdict(0.001, 0.019, -0.2)
    check = {"name": "price", "bound": 0.213, "limit": 0.02, "passed": False}
    told = reason({**dear, "checks": [*dear["checks"], check]})
    assert told == "reward better by +0.019 at least, but dearer by up to 21.3 %, 2 % allowed"


def test_an_acceptance_names_what_was_proved() -> None:
    told = reason(verdict(-0.002, 0.031, -0.1))
    assert told == "violations at most -0.20 points; reward better by +0.031 at least"


def test_the_figures_stand_against_the_incumbents() -> None:
    entry = {
        "rows": {"policy": FIGURES, "hpa": {**FIGURES, "core_hours": {"mean": 3.0}}},
        "verdict": verdict(0.0, 0.1, 0.5),
    }
    assert figures(entry) == (
        "HPA, tuned: reward 0.812 against 0.812, SLO violations 1.23 % against 1.23 %, "
        "core-hours 1.50 against 3.00, GiB-hours 2.00 against 2.00"
    )


def test_verdicts_come_by_name() -> None:
    rows = {"policy": FIGURES, "hpa": FIGURES}
    workloads = {
        "shop/b": {"rows": rows, "verdict": verdict(0.5, 0.1, 0.1)},
        "shop/a": {"rows": rows, "verdict": verdict(0.0, 0.1, 0.1)},
    }
    assert [(key, accepted) for key, accepted, _ in verdicts(workloads)] == [
        ("shop/a", True),
        ("shop/b", False),
    ]
