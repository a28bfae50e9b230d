"""What ingestion is told: from where, of which workloads, of which time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from components.errors import UserError
from components.workload.shard import WHOLE, parse_shard
from components.workload.telemetry import STEP_S

# What is younger may still be on its way (a scrape that runs, a remote write): asked for again
# later it would be another value.
SETTLED = timedelta(seconds=60)
MOST_DAYS = 366
MOST_STREAMS = 32


@dataclass(frozen=True, slots=True)
class IngestionConfig:
    """Where telemetry comes from: a folder (`telemetry`) or a Prometheus (`prometheus_url`).

    `workloads` is the YAML file that names them; a folder has its own unless told otherwise.
    `start` and `end` are ISO 8601 times (UTC unless they say otherwise), both included; empty
    means all of a folder, or `days` up to a minute ago of a Prometheus. A rate is taken over
    `rate_window_s`; it needs two scrapes at least. `shard` is the part of the workloads to read.

    `journal` is a folder, or a place in a store (minio://bucket/prefix), that keeps what a
    Prometheus has said: an interrupted run goes on from it and a later one asks for what is new
    only. Without it a run begins anew. `streams` requests are
    under way at once. A server that fails is waited for, `patience_s` at most.
    """

    telemetry: str = ""
    prometheus_url: str = ""
    workloads: str = ""
    start: str = ""
    end: str = ""
    rate_window_s: int = 60
    timeout_s: float = 30.0
    journal: str = ""
    days: float = 1.0
    streams: int = 4
    patience_s: float = 300.0
    shard: str = WHOLE

    def __post_init__(self) -> None:
        if bool(self.telemetry) == bool(self.prometheus_url):
            raise UserError("ingestion reads one source: give either telemetry or prometheus_url")
        if self.prometheus_url:
            _check_url(self.prometheus_url)
            if not self.workloads:
                raise UserError("prometheus_url needs workloads: the YAML file that lists them")
        self._check_numbers()
        parse_shard(self.shard)
        if self.journal and self.telemetry:
            raise UserError("a journal is of a Prometheus; leave it out with a telemetry folder")
        start, end = parse_time("start", self.start), parse_time("end", self.end)
        if start and end and start >= end:
            raise UserError(f"start {self.start} isn't before end {self.end}; swap them")

    def _check_numbers(self) -> None:
        if self.rate_window_s < 2 * STEP_S:
            raise UserError(
                f"rate_window_s is {self.rate_window_s}; a rate needs two scrapes, give at least"
                f" {2 * STEP_S}"
            )
        if not 0 < self.timeout_s < float("inf"):
            raise UserError(f"timeout_s is {self.timeout_s}; give seconds above zero")
        if not 0 <= self.patience_s < float("inf"):
            raise UserError(f"patience_s is {self.patience_s}; give seconds, 0 for none")
        if not 0 < self.days <= MOST_DAYS:
            raise UserError(f"days is {self.days}; give more than 0 and at most {MOST_DAYS}")
        if not 1 <= self.streams <= MOST_STREAMS:
            raise UserError(f"streams is {self.streams}; give 1 to {MOST_STREAMS}")


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
    """Return the first and last moment to ask a Prometheus for; `now` is its own clock."""
    settled = now - SETTLED
    end = min(parse_time("end", config.end) or settled, settled)
    start = parse_time("start", config.start) or end - timedelta(days=config.days)
    if start >= end:
        raise UserError(f"start {config.start} isn't before {end.isoformat()}; give an earlier one")
    if end - start > timedelta(days=MOST_DAYS):
        raise UserError(f"start to end is more than {MOST_DAYS} days; ask for less")
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
