"""The table of figures as text."""

from pipelines.comparison import header, named_rows, verdicts

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


def test_verdicts_come_by_name_with_their_reasons() -> None:
    workloads = {
        "shop/b": {"verdict": {"accepted": False, "reasons": ["costs more"]}},
        "shop/a": {"verdict": {"accepted": True, "reasons": ["as safe", "cheaper"]}},
    }
    assert verdicts(workloads) == [
        ("shop/a", True, ["as safe", "cheaper"]),
        ("shop/b", False, ["costs more"]),
    ]
