from __future__ import annotations

import pytest

from components.rollout.code_version import code_version
from components.rollout.reference import reference_statistics, training_data_digest
from tests.components.rollout.stage_inputs import CART, CHECKOUT, telemetry


def test_statistics_by_hand() -> None:
    """Rates 0..6 and one missing: mean 3, deviation 2, median 3; latency is missing throughout."""
    statistics = reference_statistics(telemetry())

    assert statistics["rows"] == 8
    rate = statistics["request_rate_per_s"]
    assert rate["missing"] == pytest.approx(1 / 8)
    assert rate["mean"] == pytest.approx(3.0)
    assert rate["deviation"] == pytest.approx(2.0)
    assert rate["quantiles"] == pytest.approx([0.06, 0.3, 1.5, 3.0, 4.5, 5.7, 5.94])
    assert statistics["latency_ms"] == {"missing": 1.0}


def test_the_digest_names_the_spec_and_every_value() -> None:
    frame = telemetry()
    changed = frame.copy()
    changed.loc[3, "cpu_usage_m"] += 1e-9

    assert training_data_digest(CART, frame) == training_data_digest(CART, telemetry())
    assert training_data_digest(CART, frame) != training_data_digest(CHECKOUT, frame)
    assert training_data_digest(CART, frame) != training_data_digest(CART, changed)


def test_the_code_version_is_the_same_for_the_same_files() -> None:
    assert code_version() == code_version()
    release, digest = code_version().split("+")
    assert release
    assert len(digest) == 12
