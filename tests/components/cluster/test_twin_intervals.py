"""The intervals of a twin's predictions, on telemetry whose noise is known."""

from __future__ import annotations

import numpy as np

from components.cluster.limits import limits_of
from components.cluster.twin import from_json, to_json
from components.cluster.twin_ensemble import fit_twin
from components.cluster.twin_evidence import evidence_of
from components.cluster.twin_fit import log_errors
from tests.components.cluster.test_twin import WORKLOAD, observed, service


def test_about_nine_of_ten_new_rows_lie_in_the_interval() -> None:
    shares = []
    for seed in range(4):
        training, new = observed(service(), seed), observed(service(), 50 + seed)
        twin = fit_twin(training, new, WORKLOAD, np.random.default_rng(0), members=1)
        evidence = evidence_of(new, WORKLOAD)
        off = np.exp(-log_errors(twin.members[0], limits_of([WORKLOAD])[0], evidence))
        for column, (low, high) in enumerate(twin.intervals.values()):
            seen = off[evidence.usable[:, column], column]
            shares.append(np.mean((seen >= low) & (seen <= high)))
    assert 0.8 < np.mean(shares) < 0.97


def test_noisier_cpu_has_a_wider_interval() -> None:
    calm = observed(service(), 1)
    noisy = calm.copy()
    noisy["cpu_usage_m"] *= np.exp(np.random.default_rng(0).normal(0.0, 0.3, len(calm)))
    widths = []
    for frame in (calm, noisy):
        low, high = fit_twin(frame, calm, WORKLOAD, np.random.default_rng(0), 1).intervals["cpu"]
        widths.append(np.log(high / low))
    # 90 % of a normal error of deviation 0.3 lie within 0.99 of width.
    assert widths[0] < 0.3
    assert 0.8 < widths[1] < 1.3


def test_what_was_not_measured_has_no_interval() -> None:
    frame = observed(service(), 2)
    frame["memory_working_set_bytes"] = np.nan
    twin = fit_twin(frame, frame, WORKLOAD, np.random.default_rng(0), members=1)
    assert "memory" not in twin.intervals
    assert "cpu" in twin.intervals


def test_json_keeps_the_intervals_and_reads_a_twin_without() -> None:
    frame = observed(service(), 3)
    document = to_json(fit_twin(frame, frame, WORKLOAD, np.random.default_rng(0), members=1))
    assert from_json(document).intervals["cpu"] == tuple(document["intervals"]["cpu"])
    del document["intervals"]
    assert from_json(document).intervals == {}
