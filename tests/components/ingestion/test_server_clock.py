"""Which time is asked for: by the server's clock, whatever ours says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.errors import UserError
from components.ingestion.config import IngestionConfig
from components.ingestion.stage import run
from components.progress import Progress
from tests.components.ingestion.shop_history import write_workloads
from tests.components.metrics.answering_server import Answer, answering

# 2026-01-01T01:00:07Z
SERVER_NOW_S = 1_767_229_207.4


def test_up_to_a_minute_ago_by_the_servers_clock_is_asked_for(tmp_path: Path) -> None:
    value = {"metric": {}, "value": [SERVER_NOW_S, "1"]}
    body = {"status": "success", "data": {"resultType": "vector", "result": [value]}}
    with answering([Answer(json.dumps(body).encode())]) as (url, asked):
        config = IngestionConfig(
            prometheus_url=url, workloads=str(write_workloads(tmp_path)), days=1 / 24
        )
        with pytest.raises(UserError, match="Prometheus has no series of it in this time"):
            run(config, tmp_path / "dataset", Progress("ingestion"))
    ranges = {
        (one.parameters["start"], one.parameters["end"])
        for one in asked
        if "start" in one.parameters
    }
    first = min(int(start) for start, _ in ranges)
    last = max(int(end) for _, end in ranges)
    # 00:00:07 to 00:59:07, on the grid of 15 s.
    assert (first, last) == (1_767_225_600 - 45, 1_767_225_600 + 3540)
    assert not (tmp_path / "dataset").exists()
