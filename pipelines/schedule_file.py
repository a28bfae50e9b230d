"""The file of recurring runs: what a team wants scheduled, checked before the server is asked.

```yaml
set: production            # whose schedules these are; others are never touched
experiment: aware
schedules:
  - name: nightly-drift
    pipeline: retraining
    cron: "0 30 2 * * *"   # seconds first: at 02:30:00 every day, the server's time zone
    parameters: {prometheus_url: https://prometheus.example}
```
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import yaml
from croniter import CroniterError, croniter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from components.errors import UserError
from pipelines.compile import PIPELINES
from pipelines.pipeline_arguments import checked_arguments

MOST_BYTES = 1_000_000
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Schedule(_Strict):
    """One recurring run.

    `version` is the pipeline's version by name, empty for the newest at the time of applying.
    `no_catchup`: after a pause only the latest missed run is made up for, not each of them.
    """

    name: Name
    pipeline: str
    cron: str
    version: str = ""
    parameters: dict[str, Any] = {}
    max_concurrency: int = Field(default=1, ge=1, le=10)
    no_catchup: bool = True
    enabled: bool = True
    service_account: str = ""
    pipeline_root: str = ""

    @field_validator("cron")
    @classmethod
    def _readable(cls, cron: str) -> str:
        fields = cron.split()
        # At most once a minute: a run takes minutes, and a replacement needs a quiet moment.
        if len(fields) != 6 or not re.fullmatch(r"[0-5]?\d", fields[0]):
            raise ValueError("six fields, the first a second from 0 to 59, such as '0 30 2 * * *'")
        try:
            croniter(cron, datetime(2026, 1, 1, tzinfo=UTC), second_at_beginning=True).get_next()
        except CroniterError as error:
            raise ValueError(f"not readable as a cron expression: {error}") from error
        return " ".join(fields)


class ScheduleFile(_Strict):
    """All recurring runs of one set; what the server has of the set beside them is removed."""

    set: Name
    experiment: str = Field(default="aware", min_length=1)
    schedules: tuple[Schedule, ...] = Field(default=(), max_length=500, strict=False)


def read_schedules(path: Path) -> ScheduleFile:
    """Return the file's schedules.

    Raises UserError for a file that can't be read, an unknown field or pipeline, a parameter that
    the pipeline doesn't take, a cron expression that isn't one, and a name used twice.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise UserError(f"{path} is larger than {MOST_BYTES} bytes: give a file of schedules")
    try:
        wanted = ScheduleFile.model_validate(yaml.safe_load(data))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UserError(f"{path}: {where}: {first['msg']}") from error
    names = [one.name for one in wanted.schedules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"{path}: two schedules are named {twice}: give each its own name")
    for one in wanted.schedules:
        if one.pipeline not in PIPELINES:
            known = ", ".join(PIPELINES)
            raise UserError(f"{path}: {one.name}: no pipeline {one.pipeline}; there are {known}")
        try:
            checked_arguments(PIPELINES[one.pipeline], one.parameters)
        except UserError as error:
            raise UserError(f"{path}: {one.name}: {error}") from error
    return wanted
