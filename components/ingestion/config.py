"""What ingestion is told: from where, of which workloads, of which time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from components.errors import UserError
from components.workload.telemetry import STEP_S

DEFAULT_SPAN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class IngestionConfig:
    """Where telemetry comes from: a folder (`telemetry`) or a Prometheus (`prometheus_url`).

    `workloads` is the YAML file that names them; a folder has its own unless told otherwise.
    `start` and `end` are ISO 8601 times (UTC unless they say otherwise), both included; empty
    means all of a folder, or the 24 hours up to now of a Prometheus. A rate is taken over
    `rate_window_s`; it needs two scrapes at least.
    """

    telemetry: str = ""
    prometheus_url: str = ""
    workloads: str = ""
    start: str = ""
    end: str = ""
    rate_window_s: int = 60
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if bool(self.telemetry) == bool(self.prometheus_url):
            raise UserError("ingestion reads one source: give either telemetry or prometheus_url")
        if self.prometheus_url:
            _check_url(self.prometheus_url)
            if not self.workloads:
                raise UserError("prometheus_url needs workloads: the YAML file that lists them")
        if self.rate_window_s < 2 * STEP_S:
            raise UserError(
                f"rate_window_s is {self.rate_window_s}; a rate needs two scrapes, give at least"
                f" {2 * STEP_S}"
            )
        if not 0 < self.timeout_s < float("inf"):
            raise UserError(f"timeout_s is {self.timeout_s}; give seconds above zero")
        start, end = parse_time("start", self.start), parse_time("end", self.end)
        if start and end and start >= end:
            raise UserError(f"start {self.start} isn't before end {self.end}; swap them")


def parse_time(name: str, text: str) -> datetime | None:
    """Return the time, or None for an empty text; raises UserError for what is no ISO time."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            f"{name} is {text!r}, which is no ISO time; write it like 2026-01-31T12:00:00Z"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def time_range(config: IngestionConfig, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and last moment to ask a Prometheus for."""
    end = parse_time("end", config.end) or now
    start = parse_time("start", config.start) or end - DEFAULT_SPAN
    if start >= end:
        raise UserError(f"start {config.start} isn't before {end.isoformat()}; give an earlier one")
    return start, end


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        complete = False
    if not complete:
        raise UserError(f"prometheus_url is {url!r}; write it like http://prometheus:9090")
