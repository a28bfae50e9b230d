"""From what the recording's Prometheus holds to Parquet, by the product's own ingestion."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from components.artifacts.files import write_bytes, write_text
from components.ingestion import stage
from components.ingestion.config import SETTLED, IngestionConfig
from components.progress import Progress
from components.workload.spec import Bounds, MetricSource, Slo, Workload, dump_workloads
from components.workload.telemetry import STEP_S, telemetry_file
from tests.recorder.events import incidents_page, read_events
from tests.recorder.exporter import CONTAINER
from tests.recorder.podman import RigError
from tests.recorder.services import Service

RATE_WINDOW_S = 30
WORKLOADS_FILE = "workloads.yaml"
INCIDENTS_FILE = "incidents.md"


def write_recording(
    url: str, services: Sequence[Service], start_s: int, end_s: int, work: Path, folder: Path
) -> None:
    """Write a Parquet file per service, workloads.yaml and incidents.md, each whole or not at all.

    The rows are the steps of 15 s that end between `start_s` (seconds since 1970) and a full rate
    window, and `end_s`. Raises RigError when a service left too little, UserError.
    """
    # Ingestion leaves out what may still be on its way, and the last minute is wanted here too.
    time.sleep(max(0.0, end_s + SETTLED.total_seconds() + STEP_S - time.time()))
    workloads = [workload_of(service) for service in services]
    first_s = -(-(start_s + RATE_WINDOW_S) // STEP_S) * STEP_S
    with tempfile.TemporaryDirectory() as temporary:
        named = Path(temporary) / WORKLOADS_FILE
        write_text(named, dump_workloads(workloads))
        config = IngestionConfig(
            prometheus_url=url,
            workloads=str(named),
            start=datetime.fromtimestamp(first_s, UTC).isoformat(),
            end=datetime.fromtimestamp(end_s, UTC).isoformat(),
            rate_window_s=RATE_WINDOW_S,
        )
        dataset = Path(temporary) / "dataset"
        summary = stage.run(config, dataset, Progress("recorder"))
        for key, reason in summary.excluded.items():
            raise RigError(f"the recording of {key} isn't usable: {reason}")
        for workload in workloads:
            data = telemetry_file(dataset, workload).read_bytes()
            write_bytes(telemetry_file(folder, workload), data)
        write_text(folder / WORKLOADS_FILE, (dataset / WORKLOADS_FILE).read_text())
        page = incidents_page(read_events(work), start_s, end_s)
        write_text(folder / INCIDENTS_FILE, page)


def workload_of(service: Service) -> Workload:
    """Return the service as a user of the product would describe it."""
    return Workload(
        namespace=service.namespace,
        name=service.name,
        kind="Deployment",
        container=CONTAINER,
        slo=Slo(service.latency_percentile, service.latency_slo_ms),
        bounds=Bounds(
            1,
            service.replicas_max,
            service.cpu_min_m,
            service.cpu_max_m,
            service.memory_min_bytes,
            service.memory_max_bytes,
        ),
        metrics=MetricSource("ingress-nginx", ingress=service.name),
    )
