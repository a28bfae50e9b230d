"""The alerts, evaluated by promtool on series as a recommender shows them."""

import shutil
import subprocess

import pytest
import yaml

from tests.manifests.rendered import MANIFESTS

SPEC = yaml.safe_load((MANIFESTS / "prometheus" / "rules.yaml").read_text())["spec"]
RULES = {rule["alert"]: rule for group in SPEC["groups"] for rule in group["rules"]}
LAST = "aware_recommender_last_tick_timestamp_seconds"
HELD = 'aware_recommender_workloads{phase="LIVE",decided="HeldLastGood"}'
DECIDED = 'aware_recommender_workloads{phase="LIVE",decided="PolicyDecided"}'
TICKS = "aware_recommender_ticks_total"
GUARD = 'aware_recommender_guard_total{reason="StepLimited"}'
FAILURES = 'aware_recommender_failures_total{what="store"}'

# alert, series (an hour, a sample a minute), whether it fires after an hour, its own labels
CASES = [
    ("AwareRecommenderSilent", {LAST: "0+60x60"}, False, {}),
    ("AwareRecommenderSilent", {LAST: "0+60x20 1200x40"}, True, {}),
    ("AwareRecommenderAbsent", {LAST: "0+60x60"}, False, {}),
    ("AwareRecommenderAbsent", {"up": "1x60"}, True, {}),
    ("AwareWorkloadsHeld", {HELD: "10x60", DECIDED: "90x60"}, False, {}),
    ("AwareWorkloadsHeld", {HELD: "11x60", DECIDED: "89x60"}, True, {}),
    ("AwareGuardKeepsCorrecting", {TICKS: "0+1x90", DECIDED: "4x90", GUARD: "0+1x90"}, False, {}),
    (
        "AwareGuardKeepsCorrecting",
        {TICKS: "0+1x90", DECIDED: "4x90", GUARD: "0+3x90"},
        True,
        {"reason": "StepLimited"},
    ),
    ("AwareStepsFail", {FAILURES: "0x60"}, False, {}),
    ("AwareStepsFail", {FAILURES: "0+1x60"}, True, {"what": "store"}),
]


def promtool(*arguments):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: it comes with Prometheus")
    return subprocess.run(
        ["promtool", *arguments], check=False, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    return path


def test_promtool_accepts_the_rules(rules):
    done = promtool("check", "rules", str(rules))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_that_fires_and_one_that_does_not():
    assert {(alert, fires) for alert, _, fires, _ in CASES} == {
        (alert, fires) for alert in RULES for fires in (False, True)
    }


def test_each_alert_fires_when_it_should_and_only_then(rules, tmp_path):
    tests = []
    for alert, series, fires, labels in CASES:
        rule = RULES[alert]
        text = {
            key: value.replace("{{ $labels.reason }}", labels.get("reason", "")).replace(
                "{{ $labels.what }}", labels.get("what", "")
            )
            for key, value in rule["annotations"].items()
        }
        expected = {"exp_labels": rule["labels"] | labels, "exp_annotations": text}
        tests.append(
            {
                "interval": "1m",
                "input_series": [{"series": key, "values": it} for key, it in series.items()],
                "alert_rule_test": [
                    {"alertname": alert, "eval_time": "60m", "exp_alerts": [expected] * fires}
                ],
            }
        )
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": tests}))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
