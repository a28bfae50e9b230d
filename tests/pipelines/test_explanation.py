"""What `aware explain` tells, from a run's facts."""

import pytest

from components.errors import UserError
from components.policy.rule import default_rule
from components.policy.rule_parameters import RULE_PARAMETERS
from pipelines.comparison import COLUMNS
from pipelines.explanation import explanation
from pipelines.facts import Facts, PathFacts

KEY = "shop/checkout"
EMPTY = PathFacts({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, b"", b"")


def learned(accepted):
    figures = {column.field: {"mean": 0.5, "low": 0.4, "high": 0.6} for column in COLUMNS}
    rule = dict(zip((spec.name for spec in RULE_PARAMETERS), default_rule(), strict=True))
    return PathFacts(
        quality={},
        errors={},
        embeddings={},
        twins={
            KEY: {
                "members": [{"service_demand_ms": 8.0, "wait_ms": 3.0}, {"service_demand_ms": 9.0}],
                "identified": {"wait_ms": False},
                "errors": {"cpu": 0.04},
            }
        },
        curve={},
        adapted={KEY: {"rule": rule}},
        validation={
            "workloads": {
                KEY: {
                    "rows": {"policy": figures, "hpa": figures},
                    "verdict": {"accepted": accepted, "opponent": "hpa", "reasons": ["why"]},
                }
            }
        },
        traces={},
        rollout={KEY: {"reasons": [f"accepted is {accepted}"]}},
        manifests={},
        map_png=b"",
        curve_png=b"",
    )


def sections(facts):
    return {part.heading: part.lines for part in explanation(facts, KEY)}


def test_it_tells_verdict_figures_traits_and_every_parameter_of_the_rule():
    told = sections(Facts({}, learned(True), {}, b"", EMPTY))
    assert told["Verdict"] == ("accepted is True",)
    figures = told["Figures (held-out telemetry, mean and 95 % interval)"]
    assert figures[0].startswith("policy: reward 0.500 [0.400, 0.600]")
    assert len(told["The policy's rule"]) == len(RULE_PARAMETERS)
    traits = told["The workload, as its twin has it"]
    assert "CPU a request: 8.0 to 9.0 ms" in traits
    assert any("waiting on others: 3.0 ms (a guess" in line for line in traits)


def test_the_rule_is_told_beside_what_the_incumbent_has_in_its_place():
    facts = learned(True)
    facts.validation["workloads"][KEY]["incumbent"] = {
        "cpu_target": 0.46,
        "cpu_m": 820.0,
        "memory_margin": 0.15,
    }
    told = sections(Facts({}, facts, {}, b"", EMPTY))["The policy's rule"]
    assert told[0].startswith("instead of HPA at 46 % of 820 m CPU")
    assert any(
        line.startswith("target_utilisation 0.27") and line.endswith("incumbent's 0.46")
        for line in told
    )


def test_it_tells_how_to_pause_and_how_to_stop_in_one_command_each():
    lines = sections(Facts({}, learned(True), {}, b"", EMPTY))["What to do"]
    assert any("annotate mpa checkout aware.autoscaling/pause=true" in line for line in lines)
    assert any("delete mpa checkout" in line for line in lines)


def test_what_was_retrained_later_is_told_instead():
    told = sections(Facts({}, learned(True), {}, b"", learned(False)))
    assert told["Verdict"] == ("accepted is False",)


def test_without_later_telemetry_drift_was_not_checked():
    told = sections(Facts({}, learned(True), {}, b"", EMPTY))
    assert told["Drift"] == ("not checked: the run had no later telemetry",)


def test_an_unknown_workload_is_named_beside_those_there_are():
    with pytest.raises(UserError, match="no workload shop/cart; it has shop/checkout"):
        explanation(Facts({}, learned(True), {}, b"", EMPTY), "shop/cart")
