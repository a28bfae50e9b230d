"""How fast range answers become arrays, beside prometheus-api-client's MetricRangeDataFrame.

python -m tests.benchmarks.ingestion [--quick]; the last line is JSON. A loopback server answers
each range query with ready-made JSON, so that what is measured is the client: reading, decoding and
laying out. Then a whole run of 500 workloads, a day each, with its peak memory.
"""

import argparse
import json
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
from prometheus_api_client import MetricRangeDataFrame, PrometheusConnect

from components.metrics.grid import Grid
from components.metrics.prometheus import PrometheusClient
from components.metrics.scrape import take_from_prometheus
from components.workload.spec import Bounds, MetricSource, Slo, Workload

METRICS, SERIES, STEPS = 5, 20, 5760
FIRST_MS = 1_767_225_600_000


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


def answer(query: str, first_s: int, last_s: int, count: int) -> bytes:
    """Return a matrix of `count` series, one a workload, labelled as any of our queries needs."""
    values = np.random.default_rng(len(query)).random(97).astype(str)
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


@contextmanager
def serving(count: int) -> Iterator[str]:
    """Serve answers of `count` series; each distinct query and page is made once."""
    made: dict[tuple[int, int], bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            body = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
            if "start" in asked:
                page = (int(asked["start"][0]), int(asked["end"][0]))
                if page not in made:
                    made.clear()
                    made[page] = answer("", *page, count)
                body = made[page]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


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


def seconds_of_ours(url: str, page: Grid) -> float:
    """Return how long ours takes from query to arrays for all metrics."""
    client = PrometheusClient(url, 60.0)
    start = time.perf_counter()
    for metric in range(METRICS):
        series = client.over(f"metric_{metric}", page)
        assert sum(len(one.values) for one in series) == SERIES * page.steps
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer workloads and a shorter day")
    quick = parser.parse_args().quick
    page = Grid(FIRST_MS, 960 if quick else STEPS)
    with serving(SERIES) as url:
        seconds_of_ours(url, page)
        pairs = [(seconds_of_ours(url, page), seconds_of_client(url, page)) for _ in range(3)]
    ours, client = (min(column) for column in zip(*pairs, strict=True))
    samples = METRICS * SERIES * page.steps
    print(f"{samples} samples: ours {ours:.2f} s, client {client:.2f} s, {client / ours:.1f} times")
    count = 50 if quick else 500
    with serving(count) as url:
        start = time.perf_counter()
        taken = take_from_prometheus(
            PrometheusClient(url, 120.0), workloads_of(count), page, 60, lambda *_: None
        )
        whole_s = time.perf_counter() - start
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(taken)} workloads x {page.steps} steps: {whole_s:.1f} s, peak {peak_mib:.0f} MiB")
    keys = {
        "seconds_ours": round(ours, 3),
        "seconds_client": round(client, 3),
        "speedup": round(client / ours, 2),
        "samples_per_s": round(samples / ours),
        "peak_mib": round(peak_mib),
        "workloads": count,
        "seconds_workloads": round(whole_s, 1),
    }
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
