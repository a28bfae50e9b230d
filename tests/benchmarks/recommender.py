"""One whole tick of the recommender for 100, 1,000 and 10,000 workloads, half with a policy.

The API server and the store are in memory, the API's answers as JSON text. A Prometheus' answers
come over HTTP from a process that makes them up: 14 queries a tick, two pods a workload, 20 steps
a series. Measured is the product's own work, from decoding answers to comparing statuses, in ticks
that follow one another with new telemetry; `query` is the part until telemetry is in columns, the
wait for the server within it. `first` is the tick of a recommender that has just started. Writes
are measured by themselves: what a status costs to make and to send to an API in memory, and how
many are sent in a later tick, when nothing is news.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np

from components.kubernetes_api.client import Json
from components.metrics.prometheus import PrometheusClient
from components.recommender.telemetry_prometheus import PrometheusSource
from components.recommender.telemetry_source import Recent
from components.recommender.tick import uncollected
from components.workload.spec import Workload
from tests.answering_process import Asked, answer_for_ever, serving
from tests.components.recommender.recommending import (
    GATE,
    MI,
    MemoryApi,
    MemoryStore,
    World,
    let_in,
    versioned,
    world,
)

SIZES = (100, 1_000, 10_000)
AIM_TICK_S, AIM_DECIDE_MS = 2.0, 50.0
PODS = 2
_ANNOTATIONS = GATE | {"aware.autoscaling/metrics": '{"source": "istio"}'}
# What is measured of a pod, by a part of its query; else the values are a workload's.
_OF_PODS = (
    ("container_cpu_usage_seconds_total", 0.14),
    ("container_memory_working_set_bytes", 50.0 * MI),
    ('resource="cpu"', 0.2),
    ('resource="memory"', 64.0 * MI),
    ("cfs_periods_total", 10.0),
    ("cfs_throttled_periods_total", 0.0),
    ("restarts_total", 1.0),
)
_OF_WORKLOADS = (
    ("kube_deployment", 2.0),
    ("histogram_quantile(0.5", 15.0),
    ("histogram_quantile", 40.0),
    ("istio_requests_total", 50.0),
)


def answer(query: str, first_s: int, last_s: int, count: int) -> bytes:
    """A matrix for one of the recommender's queries about `count` workloads."""
    by_pod = "namespace, pod, container" in query
    known = [value for part, value in (_OF_PODS if by_pod else _OF_WORKLOADS) if part in query]
    if not known or "OOMKilled" in query or "oom_events" in query or "5.." in query:
        return _matrix(())
    moves = "rate(" in query
    rng = np.random.default_rng(0)
    times = range(first_s, last_s + 1, 15)
    values = known[0] * (1.0 + 0.02 * moves * rng.standard_normal(len(times)))
    samples = ",".join(f'[{at},"{value}"]' for at, value in zip(times, values, strict=True))
    if by_pod:
        labels: Iterator[str] = (
            f'"namespace":"shop","container":"app","pod":"w{index}-5d4f8c7b9-abcd{pod}"'
            for index in range(count)
            for pod in range(PODS)
        )
    else:
        labels = (
            f'"namespace":"shop","destination_workload_namespace":"shop",'
            f'"destination_workload":"w{index}","deployment":"w{index}"'
            for index in range(count)
        )
    return _matrix(f'{{"metric":{{{one}}},"values":[{samples}]}}' for one in labels)


def _matrix(series: Iterator[str] | Sequence[str]) -> bytes:
    text = ",".join(series)
    body = f'{{"status":"success","data":{{"resultType":"matrix","result":[{text}]}}}}'
    return body.encode()


def serve(port: int, count: int) -> None:
    """Answers for ever."""

    def answered(asked: Asked) -> bytes:
        first_s, last_s = (int(float(asked[name][0])) for name in ("start", "end"))
        return answer(asked["query"][0], first_s, last_s, count)

    answer_for_ever(port, answered)


@dataclass
class ListedApi(MemoryApi):
    """Answers lists by decoding their text, as a client does; written objects change theirs."""

    texts: dict[str, str] = field(default_factory=dict)

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        """As the client's list."""
        group, _, plural = path.rpartition("/")
        wanted = [at for at in self.objects if at.startswith(group) and f"/{plural}/" in at]
        for at in wanted:
            if at not in self.texts:
                self.texts[at] = json.dumps(versioned(self.objects[at]))
        answer: list[Json] = json.loads(f"[{','.join(self.texts[at] for at in wanted)}]")
        return answer

    def patch(self, path: str, body: Json, content_type: str = "") -> Json:
        """As the client's patch."""
        self.texts.pop(path.removesuffix("/status"), None)
        return super().patch(path, body, content_type)


@dataclass
class TimedSource:
    """Telemetry from a Prometheus, and how long it took."""

    source: PrometheusSource
    took_s: float = 0.0
    cpu_s: float = 0.0

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Recent:
        """As a TelemetrySource."""
        started_s, cpu_s = time.perf_counter(), time.process_time()
        recent = self.source.recent(workloads, now_s)
        self.took_s, self.cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
        assert np.isfinite(recent.values[:, -1, 0]).all(), "the answers fit no workload"
        return recent


@dataclass(frozen=True, slots=True)
class Tick:
    """Seconds of one tick without its writes, and of its writes; `written`: how many statuses."""

    took_s: float
    cpu_s: float
    query_s: float
    query_cpu_s: float
    read_s: float
    decide_ms: float
    write_s: float
    written: int


def measure(size: int, folder: Path, repeats: int) -> tuple[Tick, Tick]:
    """(The first tick, the least of each figure of later ticks)."""
    names = [f"w{index}" for index in range(size)]
    made = world(folder, names, annotations=_ANNOTATIONS)
    made.api = ListedApi(made.api.objects)
    made.store = MemoryStore()
    with serving(serve, size) as url:
        timed = TimedSource(PrometheusSource(PrometheusClient(url, 600.0)))
        made.telemetry = timed  # type: ignore[assignment]
        made.restart()
        for name in names[::2]:
            let_in(made.store, name)
        first = timed_tick(made, timed)
        # The statuses settle; the phases' evidence is stored in some of the ticks.
        rounds = [timed_tick(made, timed) for _ in range(8 + repeats)][8:]
    return first, Tick(*(min(figures) for figures in zip(*map(astuple, rounds), strict=True)))


def timed_tick(made: World, timed: TimedSource) -> Tick:
    """One tick, a minute later than the last."""
    made.now_s += 60.0
    recommender = made.recommender
    decided_s = total_decided_s(made)
    with uncollected():
        started_s, cpu_s = time.perf_counter(), time.process_time()
        reading = recommender.reader.read(recommender.client, recommender.capabilities)
        read_s = time.perf_counter() - started_s
        recommendations = recommender.decide(reading, made.now_s)
        news = recommender.told.news(recommendations)
        took_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    decide_ms = 1e3 * (total_decided_s(made) - decided_s)
    started_s = time.perf_counter()
    written = recommender.write(recommender.explain(news), reading.refused, made.now_s)
    write_s = time.perf_counter() - started_s
    return Tick(took_s, cpu_s, timed.took_s, timed.cpu_s, read_s, decide_ms, write_s, written)


def total_decided_s(made: World) -> float:
    """What the recommender's own metric says of its batched decisions so far."""
    registry = made.recommender.figures.registry
    return registry.get_sample_value("aware_recommender_decide_seconds_sum") or 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two ticks of 100 and 1,000 each")
    quick = parser.parse_args().quick
    # Compiles, or loads what is compiled.
    with tempfile.TemporaryDirectory() as folder:
        measure(2, Path(folder), 1)
    keys: dict[str, float] = {}
    print(
        "workloads  first s  tick s  its CPU s  query s  its CPU s  cluster s  decide ms"
        "  writes  in s  later writes"
    )
    for size in SIZES[: 2 if quick else 3]:
        with tempfile.TemporaryDirectory() as folder:
            first, later = measure(size, Path(folder), 2 if quick else 6)
        keys[f"tick_s_{size}"] = round(later.took_s, 3)
        keys[f"tick_cpu_s_{size}"] = round(later.cpu_s, 3)
        print(
            f"{size:9,d} {first.took_s:8.2f} {later.took_s:7.2f} {later.cpu_s:10.2f}"
            f" {later.query_s:8.2f} {later.query_cpu_s:10.2f} {later.read_s:10.2f}"
            f" {later.decide_ms:10.1f} {first.written:7,d} {first.write_s:5.2f}"
            f" {later.written:13,d}"
        )
        if size == SIZES[-1]:
            keys |= {
                f"query_s_{size}": round(later.query_s, 3),
                f"query_cpu_s_{size}": round(later.query_cpu_s, 3),
                f"decide_ms_{size}": round(later.decide_ms, 1),
                f"first_tick_s_{size}": round(first.took_s, 3),
                f"write_s_{size}": round(first.write_s, 3),
                f"later_writes_{size}": later.written,
            }
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if not quick:
        keys[f"peak_mib_{SIZES[-1]}"] = round(peak_kib / 1024)
    print(f"aims at 10,000: {AIM_TICK_S:g} s a tick, {AIM_DECIDE_MS:g} ms for the decision")
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
