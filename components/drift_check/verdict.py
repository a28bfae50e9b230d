"""From findings of all workloads to verdicts: which drifted, why, and what to do (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd
from scipy import stats

from components.drift_check.config import DriftConfig
from components.drift_check.findings import LATENCY, Finding
from components.drift_check.history import MARGIN

NOTHING = "nothing"
FINE_TUNE = "refit the twin and fine-tune"
META_TRAIN = "meta-train"


@dataclass(frozen=True, slots=True)
class Checked:
    """One workload's findings by test, and the times of its recent blocks."""

    findings: Mapping[str, Finding]
    block_times: tuple[pd.Timestamp, ...]
    live: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a workload drifted, by which tests, in words, and what to do.

    `q_values` are the tests' p-values adjusted for all tests of all workloads; `reference` says in
    words with what the workload was compared, where a retraining has moved that.
    """

    drifted: bool
    recommendation: str
    reasons: tuple[str, ...]
    checked: Checked | None
    q_values: Mapping[str, float]
    alarms: tuple[str, ...] = ()
    reference: str = ""

    def is_alarm(self, test: str) -> bool:
        """Return whether this test found drift."""
        return test in self.alarms

    def since(self, test: str) -> pd.Timestamp | None:
        """Return from when on this test's drift holds; None without drift."""
        shift = self.checked.findings[test].shift if self.checked else None
        if self.checked is None or shift is None or not self.is_alarm(test):
            return None
        return self.checked.block_times[shift.since]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON's types."""
        tests = {}
        if self.checked is not None:
            for name, finding in self.checked.findings.items():
                since = self.since(name)
                tests[name] = _test_json(finding, self.q_values[name], since)
        return {
            "drifted": self.drifted,
            "recommendation": self.recommendation,
            "reasons": list(self.reasons),
            "reference": self.reference,
            "tests": tests,
        }


def judge(
    checked: Mapping[str, Checked],
    config: DriftConfig,
    references: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Verdict]:
    """Return the verdicts by workload key; `references` are theirs in words, where one moved.

    False discoveries are bounded over all tests of all workloads, however these depend on each
    other: those of one workload see the same load (Benjamini and Yekutieli 2001).
    """
    names = [(key, name) for key, one in checked.items() for name in one.findings]
    if not names:
        return {}
    p_values = [checked[key].findings[name].p_value for key, name in names]
    adjusted = stats.false_discovery_control(p_values, method="by")
    q_values: dict[str, dict[str, float]] = {key: {} for key in checked}
    for (key, name), q_value in zip(names, adjusted, strict=True):
        q_values[key][name] = float(q_value)
    return {
        key: _verdict(one, q_values[key], config, references.get(key, ""))
        for key, one in checked.items()
    }


def untested(reason: str) -> Verdict:
    """Return the verdict on a workload that can't be compared."""
    return Verdict(
        drifted=False, recommendation=NOTHING, reasons=(reason,), checked=None, q_values={}
    )


def _verdict(
    checked: Checked, q_values: Mapping[str, float], config: DriftConfig, reference: str
) -> Verdict:
    alarms = [name for name, q in q_values.items() if q <= config.false_discovery_rate]
    shown = alarms or list(q_values)
    return Verdict(
        drifted=bool(alarms),
        recommendation=_recommendation([checked.findings[name] for name in alarms], config),
        reasons=tuple(
            f"{name}: {account(checked.findings[name], q_values[name], checked, name in alarms)}"
            for name in shown
        ),
        checked=checked,
        q_values=q_values,
        alarms=tuple(alarms),
        reference=reference,
    )


def _recommendation(alarms: list[Finding], config: DriftConfig) -> str:
    if not alarms:
        return NOTHING
    # So far from what it was, the workload is another one: where the meta-policy itself was
    # trained may no longer cover it. Latency says nothing of that: it multiplies by queueing.
    far = math.log(config.meta_train_factor)
    for one in alarms:
        if (
            one.shift
            and one.logarithmic
            and one.measure not in (LATENCY, MARGIN)
            and abs(one.shift.size) >= far
        ):
            return META_TRAIN
    return FINE_TUNE


def account(finding: Finding, q_value: float, checked: Checked, drifted: bool) -> str:
    """Return a finding in words: what, how large, how sure, since when."""
    shift = finding.shift
    if shift is None:
        return f"too little telemetry to compare the {finding.measure}"
    size, low, high = (scaled(value, finding) for value in (shift.size, shift.low, shift.high))
    if not drifted:
        return f"{finding.measure} as before (q = {q_value:.2g})"
    since = checked.block_times[shift.since]
    if finding.logarithmic:
        change = f"{size:.2f} times what it was (95 % interval {low:.2f} to {high:.2f})"
    else:
        promised = "promised" if checked.live else "it was"
        change = f"{size:+.2f} against what {promised} (95 % interval {low:+.2f} to {high:+.2f})"
    return f"{finding.measure} is {change} since {since:%Y-%m-%d %H:%M} UTC (q = {q_value:.2g})"


def scaled(value: float, finding: Finding) -> float:
    """Return a size as people read it: a factor, or a difference of shares."""
    return math.exp(min(value, 50.0)) if finding.logarithmic else value


def _test_json(finding: Finding, q_value: float, since: pd.Timestamp | None) -> dict[str, Any]:
    shift = finding.shift
    common = {"measure": finding.measure, "p_value": finding.p_value, "q_value": q_value}
    if shift is None:
        nothing = dict.fromkeys(("statistic", "size", "low", "high", "since"))
        return {**common, **nothing, "unit": ""}
    return {
        **common,
        "statistic": shift.statistic,
        "size": scaled(shift.size, finding),
        "low": scaled(shift.low, finding),
        "high": scaled(shift.high, finding),
        "unit": "factor" if finding.logarithmic else "share",
        "since": since.isoformat() if since is not None else None,
    }
