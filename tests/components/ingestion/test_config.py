"""What ingestion is told: wrong settings end in one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.errors import UserError
from components.ingestion.config import IngestionConfig, time_range

SERVER = {"prometheus_url": "http://localhost:9090", "workloads": "w.yaml"}


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({}, "give either telemetry or prometheus_url"),
        ({"telemetry": "a", **SERVER}, "give either telemetry or prometheus_url"),
        ({"prometheus_url": "http://localhost:9090"}, "needs workloads"),
        ({**SERVER, "prometheus_url": "localhost:9090"}, "write it like http://"),
        ({**SERVER, "prometheus_url": "ftp://localhost"}, "write it like http://"),
        ({**SERVER, "prometheus_url": "http://localhost:port"}, "write it like http://"),
        ({**SERVER, "rate_window_s": 15}, "give at least 30"),
        ({**SERVER, "timeout_s": float("nan")}, "seconds above zero"),
        ({**SERVER, "patience_s": -1.0}, "0 for none"),
        ({**SERVER, "days": 0.0}, "more than 0 and at most 366"),
        ({**SERVER, "days": float("nan")}, "more than 0 and at most 366"),
        ({**SERVER, "streams": 0}, "give 1 to 32"),
        ({"telemetry": "a", "journal": "b"}, "leave it out with a telemetry folder"),
        ({**SERVER, "start": "yesterday"}, "start is 'yesterday'"),
        ({**SERVER, "start": "2026-01-02", "end": "2026-01-01"}, "isn't before end"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        IngestionConfig(**settings)


def test_without_times_the_last_day_is_asked_for_but_not_the_last_minute() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    end = now - timedelta(seconds=60)
    assert time_range(IngestionConfig(**SERVER), now) == (end - timedelta(hours=24), end)
    assert time_range(IngestionConfig(**SERVER, days=14), now)[0] == end - timedelta(days=14)


def test_what_has_yet_to_settle_is_not_asked_for_even_if_told_to() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    config = IngestionConfig(**SERVER, end="2026-01-02T00:00:00Z")
    assert time_range(config, now)[1] == now - timedelta(seconds=60)


def test_more_than_a_year_is_refused() -> None:
    config = IngestionConfig(**SERVER, start="2024-01-01")
    with pytest.raises(UserError, match="more than 366 days"):
        time_range(config, datetime(2026, 1, 2, tzinfo=UTC))


def test_a_start_after_now_is_refused() -> None:
    config = IngestionConfig(**SERVER, start="2027-01-01T00:00:00Z")
    with pytest.raises(UserError, match="give an earlier one"):
        time_range(config, datetime(2026, 1, 1, tzinfo=UTC))
