"""What one service does, read from JSON: the environment's APP_SETTINGS or the file it names."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping

from work import KINDS, WAITS

MAXIMUM_SEGMENTS = 3


class SettingsError(Exception):
    """The settings are wrong; the message is one line for the person who wrote them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """One step of a request: CPU work of `units`, or, for a wait, `mean_ms` of sleep.

    Either varies from request to request by a gamma factor of mean 1 and this squared coefficient
    of variation (0: constant, 1: exponential).
    """

    kind: str
    units: float = 0.0
    mean_ms: float = 0.0
    variability: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in WAITS and self.kind not in KINDS:
            raise SettingsError(f"segment kind {self.kind!r}: use {', '.join((*WAITS, *KINDS))}")
        if min(self.units, self.mean_ms, self.variability) < 0:
            raise SettingsError(f"segment {self.kind}: give no negative number")


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """One service's behaviour; README.md explains every field."""

    name: str = "service"
    segments: tuple[Segment, ...] = (Segment("hash", units=10),)
    work_factor: float = 1.0
    concurrency: int = 16
    queue: int = 200
    base_memory_bytes: int = 8 << 20
    request_memory_bytes: int = 0
    memory_release_per_s: float = 1.0
    cache_entry_bytes: int = 0
    cache_entries: int = 0
    start_delay_s: float = 0.0
    warm_up_units: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= len(self.segments) <= MAXIMUM_SEGMENTS:
            raise SettingsError(f"segments: give 1 to {MAXIMUM_SEGMENTS}, not {len(self.segments)}")
        if self.work_factor <= 0 or self.concurrency < 1 or self.queue < 0:
            raise SettingsError("work_factor and concurrency must be positive, queue at least 0")
        if not 0 < self.memory_release_per_s <= 1:
            raise SettingsError("memory_release_per_s is the share released a second: (0, 1]")


def settings_from_json(text: str) -> Settings:
    """Return the settings in a JSON object. Raises SettingsError with one line."""
    try:
        fields = json.loads(text)
        if "segments" in fields:
            fields["segments"] = tuple(Segment(**segment) for segment in fields["segments"])
        return Settings(**fields)
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingsError(f"settings: {error}") from error


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that APP_SETTINGS holds (JSON, or the path of a JSON file)."""
    value = environment.get("APP_SETTINGS", "{}")
    if value.lstrip().startswith("{"):
        return settings_from_json(value)
    try:
        with open(value, encoding="utf-8") as file:
            return settings_from_json(file.read())
    except OSError as error:
        raise SettingsError(f"settings file {value}: {error.strerror}") from error
