"""One whole tick of the recommender for 100, 1,000 and 10,000 workloads, half with a policy.

The API server, the store and telemetry are in memory, the API's answers as JSON text: measured is
the product's own work, from decoding API objects to comparing statuses, in ticks that follow one
another with new telemetry. `first` is the tick of a recommender that has just started, without
its writes.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.kubernetes_api.client import Json
from components.recommender.telemetry_source import STEPS, Recent
from components.recommender.tick import uncollected
from components.workload.spec import Workload
from tests.components.recommender.recommending import (
    GATE,
    LOAD,
    MemoryApi,
    MemoryStore,
    World,
    let_in,
    versioned,
    world,
)

SIZES = (100, 1_000, 10_000)
AIM_TICK_S, AIM_DECIDE_MS = 2.0, 50.0


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
class SteadyTelemetry:
    """The same load of every workload, always up to date."""

    def recent(self, workloads: list[Workload], now_s: float) -> Recent:
        """As a TelemetrySource."""
        row = np.array([LOAD[column] for column in MEASURED_COLUMNS])
        values = np.tile(row, (len(workloads), STEPS, 1))
        return Recent(values, np.full(len(workloads), now_s // 15 * 15))


def measure(size: int, folder: Path, repeats: int) -> tuple[float, ...]:
    """(first tick s, then the least of later ticks: s, CPU s, of it reading s, decision ms)."""
    names = [f"w{index}" for index in range(size)]
    made = world(folder, names, annotations=GATE)
    made.api = ListedApi(made.api.objects)
    made.telemetry = SteadyTelemetry()  # type: ignore[assignment]
    made.store = MemoryStore()
    made.restart()
    for name in names[::2]:
        let_in(made.store, name)
    first_s = timed_tick(made)[0]
    # The statuses settle; the phases' evidence is stored in some of the ticks.
    rounds = [timed_tick(made) for _ in range(8 + repeats)][8:]
    return first_s, *(min(figures) for figures in zip(*rounds, strict=True))


def timed_tick(made: World) -> tuple[float, float, float, float]:
    """One tick a minute later, without writes: (s, CPU s, of it reading s, decision ms)."""
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
    recommender.write(news, reading.refused, made.now_s)
    return took_s, cpu_s, read_s, 1e3 * (total_decided_s(made) - decided_s)


def total_decided_s(made: World) -> float:
    """What the recommender's own metric says of its batched decisions so far."""
    registry = made.recommender.figures.registry
    return registry.get_sample_value("aware_recommender_decide_seconds_sum") or 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two ticks of each size")
    repeats = 2 if parser.parse_args().quick else 6
    # Compiles, or loads what is compiled.
    with tempfile.TemporaryDirectory() as folder:
        measure(2, Path(folder), 1)
    keys: dict[str, float] = {}
    print("workloads   first tick s   later tick s   its CPU s   of it reading s   decision ms")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            first_s, took_s, cpu_s, read_s, decide_ms = measure(size, Path(folder), repeats)
        keys[f"tick_s_{size}"] = round(took_s, 3)
        if size == SIZES[-1]:
            keys[f"decide_ms_{size}"] = round(decide_ms, 1)
            keys[f"first_tick_s_{size}"] = round(first_s, 3)
        times = f"{first_s:14.3f} {took_s:14.3f} {cpu_s:11.3f} {read_s:17.3f}"
        print(f"{size:9,d} {times} {decide_ms:13.1f}")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    keys[f"peak_mib_{SIZES[-1]}"] = round(peak_kib / 1024)
    print(f"aims at 10,000: {AIM_TICK_S:g} s a tick, {AIM_DECIDE_MS:g} ms for the decision")
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
