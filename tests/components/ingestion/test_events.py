"""events.json beside a dataset, as the drift check reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from components.drift_check.events import read_events as read_by_drift_check
from components.errors import UserError
from components.ingestion.config import IngestionConfig
from components.ingestion.events import Events, read_events, together, write_events
from components.ingestion.gather import gather
from components.ingestion.stage import run
from components.progress import Progress
from tests.components.ingestion.fleet_history import (
    END,
    START,
    Series,
    healthy,
    pod_labels,
    points,
    text_of,
    workload_of,
    write_specs,
)
from tests.prometheus_server import running_prometheus

MAINTENANCE = "maintenance: [{start: 2026-01-01T00:10:00Z, end: 2026-01-01T00:12:00Z}]\n"
WINDOW = (pd.Timestamp("2026-01-01T00:10:00Z"), pd.Timestamp("2026-01-01T00:12:00Z"))
# The history's step 60.
ROLLED_OUT = pd.Timestamp("2026-01-01T00:15:00Z")


def _with_images(name: str, *, rolled_out: bool) -> Series:
    """One image, and from step 60 on another where it is rolled out."""
    series, info = healthy(name), "kube_pod_container_info"
    shown = points(0.0, 1.0)
    labels = f'{pod_labels(name)},image="shop:latest",image_id'
    series[info, f'{labels}="sha256:1"'] = shown[:60] if rolled_out else shown
    if rolled_out:
        series[info, f'{labels}="sha256:2"'] = shown[60:]
        # Pulled, but not running yet, at step 40: no id, no event.
        series[info, f'{labels.replace("x2k4z", "q7w2m")}=""'] = shown[40:60]
    return series


def _specs(folder: Path, *names: str) -> Path:
    path = write_specs(folder / "workloads.yaml", [workload_of(name) for name in names])
    path.write_text(MAINTENANCE + path.read_text())
    return path


def test_new_images_and_maintenance_are_written_for_the_drift_check(tmp_path: Path) -> None:
    fleet = [_with_images("old", rolled_out=False), _with_images("new", rolled_out=True)]
    with running_prometheus(tmp_path / "prometheus", text_of(*fleet)) as url:
        config = IngestionConfig(
            prometheus_url=url,
            workloads=str(_specs(tmp_path, "old", "new")),
            start=START,
            end=END,
        )
        run(config, tmp_path / "dataset", Progress("ingestion"))
        for part in (1, 2):
            shard = replace(config, shard=f"{part}/2")
            run(shard, tmp_path / f"part-{part}", Progress("ingestion"))
    events = read_by_drift_check(tmp_path / "dataset")
    assert events.new_images == {"fleet/new": (ROLLED_OUT,)}
    assert events.maintenance == (WINDOW,)
    # In shards, and as a folder once more, they are the same.
    gather([tmp_path / "part-1", tmp_path / "part-2"], tmp_path / "gathered")
    assert read_by_drift_check(tmp_path / "gathered") == events
    again = IngestionConfig(telemetry=str(tmp_path / "dataset"))
    run(again, tmp_path / "again", Progress("ingestion"))
    written = (tmp_path / "dataset" / "events.json").read_bytes()
    assert (tmp_path / "again" / "events.json").read_bytes() == written


def test_without_any_event_there_is_no_file(tmp_path: Path) -> None:
    write_events(tmp_path, Events())
    assert list(tmp_path.iterdir()) == []
    assert read_events(tmp_path) == Events()


def test_events_of_several_are_told_once(tmp_path: Path) -> None:
    window = ("2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00+00:00")
    one = Events((window,), {"a/b": ["2026-01-02T00:00:00+00:00"]})
    other = Events((window,), {"a/b": ["2026-01-01T00:00:00+00:00"], "c/d": []})
    write_events(tmp_path, together([one, other]))
    assert json.loads((tmp_path / "events.json").read_text()) == {
        "maintenance": [[*window]],
        "new_images": {
            "a/b": ["2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"],
            "c/d": [],
        },
    }


@pytest.mark.parametrize("content", ["[]", '{"maintenance": [1]}', '{"new_images": [1]}'])
def test_a_file_of_something_else_is_one_clear_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "events.json").write_text(content)
    with pytest.raises(UserError, match=r"events\.json holds no events"):
        read_events(tmp_path)
