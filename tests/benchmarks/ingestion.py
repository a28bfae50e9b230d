"""How fast range answers become arrays, beside prometheus-api-client's MetricRangeDataFrame.

python -m tests.benchmarks.ingestion [--quick]; the last line is JSON. Three parts:
- a loopback server answers with ready-made JSON, so that what is measured is the client: reading,
  decoding and laying out;
- the same samples from a real Prometheus, whose own time counts on both sides (without --quick, and
  where `prometheus` and `promtool` are installed);
- a whole ingestion of 500 workloads, a day each, in a process of its own, with its peak memory.
"""

import argparse
import json
import multiprocessing
import resource
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_api_client import MetricRangeDataFrame, PrometheusConnect

from components.ingestion import stage
from components.ingestion.config import IngestionConfig
from components.metrics.grid import Grid
from components.metrics.prometheus import PrometheusClient
from components.metrics.scrape import STREAMS
from components.metrics.streams import in_order
from components.progress import Progress
from components.workload.spec import Bounds, MetricSource, Slo, Workload, dump_workloads
from tests.answering_process import Asked, answer_for_ever, serving
from tests.prometheus_server import openmetrics, running_prometheus

METRICS, SERIES, STEPS = 5, 20, 5760
FIRST_MS = 1_767_225_600_000
ROUNDS = 5


def workloads_of(count: int) -> list[Workload]:
    """Return workloads of one namespace, w0 and on, with one pod each."""
    first = Workload(
        "bench",
        "w0",
        "Deployment",
        "app",
        Slo(0.95, 200.0),
        Bounds(1, 6, 50, 600, 2**25, 2**28),
        MetricSource("istio"),
    )
    return [replace(first, name=f"w{index}") for index in range(count)]


def answer(first_s: int, last_s: int, count: int, *, rises: bool) -> bytes:
    """Return a matrix of `count` series, one a workload, labelled as any of our queries needs.

    Without `rises` the values stay the same, as a count of restarts does.
    """
    values = np.random.default_rng(0).random(97).astype(str) if rises else ["3"] * 97
    samples = ",".join(
        f'[{time_s},"{values[index % 97]}"]'
        for index, time_s in enumerate(range(first_s, last_s + 1, 15))
    )
    series = (
        '{"metric":{"namespace":"bench","destination_workload_namespace":"bench",'
        f'"destination_workload":"w{index}","deployment":"w{index}","container":"app",'
        f'"pod":"w{index}-5d8c-x7k2"}},"values":[{samples}]}}'
        for index in range(count)
    )
    body = f'{{"status":"success","data":{{"resultType":"matrix","result":[{",".join(series)}]}}}}'
    return body.encode()


def serve(port: int, count: int) -> None:
    """Serve answers of `count` series for ever; each distinct page is made once."""
    made: dict[tuple[int, int], dict[bool, bytes]] = {}
    making = threading.Lock()

    def answered(asked: Asked) -> bytes:
        if "start" not in asked:
            return b'{"status":"success","data":{"resultType":"vector","result":[]}}'
        page = (int(asked["start"][0]), int(asked["end"][0]))
        with making:
            if page not in made:
                made.clear()
                made[page] = {rises: answer(*page, count, rises=rises) for rises in (True, False)}
            return made[page]["rate(" in asked["query"][0] or count == SERIES]

    answer_for_ever(port, answered)


def seconds_of_client(url: str, page: Grid) -> float:
    """Return how long the client library takes from query to data frame for all metrics."""
    connection = PrometheusConnect(url)
    start = time.perf_counter()
    for metric in range(METRICS):
        found = connection.custom_query_range(
            f"metric_{metric}",
            datetime.fromtimestamp(page.first_ms / 1000, UTC),
            datetime.fromtimestamp(page.last_ms / 1000, UTC),
            "15s",
        )
        assert len(MetricRangeDataFrame(found)) == SERIES * page.steps
    return time.perf_counter() - start


def seconds_of_ours(url: str, page: Grid, streams: int = STREAMS) -> float:
    """Return how long ours takes from query to arrays for all metrics."""
    client = PrometheusClient(url, 60.0)
    start = time.perf_counter()
    tasks = [partial(client.over, f"metric_{metric}", page) for metric in range(METRICS)]
    for series in in_order(tasks, streams):
        assert sum(len(one.values) for one in series) == SERIES * page.steps
    return time.perf_counter() - start


def compared(url: str, page: Grid) -> tuple[float, float, float]:
    """Return the best of some rounds of ours, of ours with one stream, and of the client."""
    seconds_of_ours(url, page)
    rounds = [
        (
            seconds_of_ours(url, page),
            seconds_of_ours(url, page, streams=1),
            seconds_of_client(url, page),
        )
        for _ in range(ROUNDS)
    ]
    ours, single, client = (min(column) for column in zip(*rounds, strict=True))
    return ours, single, client


def real_history(page: Grid) -> str:
    """Return the same amount of samples as OpenMetrics text."""
    values = np.random.default_rng(1).random(page.steps)
    points = [
        (time_ms / 1000, float(value))
        for time_ms, value in zip(page.times_ms.tolist(), values, strict=True)
    ]
    return openmetrics(
        {
            f"metric_{metric}": {f'pod="w{index}"': points for index in range(SERIES)}
            for metric in range(METRICS)
        }
    )


def ingest(url: str, count: int, page: Grid, told: Any) -> None:
    """Run a whole ingestion and tell its seconds and its process' peak memory in MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        specs = folder / "workloads.yaml"
        specs.write_text(dump_workloads(workloads_of(count)))
        config = IngestionConfig(
            prometheus_url=url,
            workloads=str(specs),
            start=datetime.fromtimestamp(page.first_ms / 1000, UTC).isoformat(),
            end=datetime.fromtimestamp(page.last_ms / 1000, UTC).isoformat(),
        )
        start = time.perf_counter()
        summary = stage.run(config, folder / "dataset", Progress("ingestion"))
        seconds = time.perf_counter() - start
        assert len(summary.usable) == count
    told.put((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def whole(count: int, page: Grid) -> tuple[float, float]:
    """Return seconds and peak MiB of an ingestion of so many workloads."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    with serving(serve, count) as url:
        process = context.Process(target=ingest, args=(url, count, page, told))
        process.start()
        seconds, peak_mib = told.get()
        process.join()
    return float(seconds), float(peak_mib)


def told_of(name: str, found: tuple[float, float, float], samples: int) -> None:
    """Print a line of the table."""
    ours, single, client = found
    print(
        f"{name:<22} {samples} samples: ours {ours:.3f} s ({single:.3f} s with one stream), client"
        f" {client:.3f} s: {client / ours:.1f} times ({client / single:.1f})"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer workloads and a shorter day")
    quick = parser.parse_args().quick
    page = Grid(FIRST_MS, 960 if quick else STEPS)
    samples = METRICS * SERIES * page.steps
    with serving(serve, SERIES) as url:
        made = compared(url, page)
    told_of("ready-made answers", made, samples)
    keys: dict[str, float] = {
        "seconds_ours": round(made[0], 3),
        "seconds_client": round(made[2], 3),
        "speedup": round(made[2] / made[0], 2),
        "speedup_one_stream": round(made[2] / made[1], 2),
        "samples_per_s": round(samples / made[0]),
    }
    if not quick and shutil.which("prometheus") and shutil.which("promtool"):
        with (
            tempfile.TemporaryDirectory() as name,
            running_prometheus(Path(name) / "prometheus", real_history(page)) as url,
        ):
            real = compared(url, page)
        told_of("Debian's Prometheus", real, samples)
        keys["speedup_prometheus"] = round(real[2] / real[0], 2)
        keys["seconds_ours_prometheus"] = round(real[0], 3)
        keys["seconds_client_prometheus"] = round(real[2], 3)
    count = 50 if quick else 500
    seconds, peak_mib = whole(count, page)
    print(f"{count} workloads x {page.steps} steps: {seconds:.1f} s, peak {peak_mib:.0f} MiB")
    keys |= {
        "peak_mib": round(peak_mib),
        "workloads": count,
        "seconds_workloads": round(seconds, 1),
    }
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
