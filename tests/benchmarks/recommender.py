"""One tick of the recommender for 100, 1,000 and 10,000 workloads, half of them with a policy.

The API server, the store and telemetry are in memory: measured is the product's own work, from
API objects and telemetry frames to guarded recommendations, without the writes.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

from components.recommender.cluster_reading import read_cluster
from tests.components.recommender.recommending import (
    CAPABILITIES,
    GATE,
    LOAD,
    START_S,
    MemoryStore,
    World,
    frame_of,
    let_in,
    world,
)

SIZES = (100, 1_000, 10_000)
AIM_TICK_S, AIM_DECIDE_MS = 2.0, 50.0


def measure(size: int, folder: Path, repeats: int) -> tuple[float, float, float]:
    """The least of several ticks: (seconds without writes, of it reading, decision in ms)."""
    names = [f"w{index}" for index in range(size)]
    made = world(folder, names, annotations=GATE)
    made.store = MemoryStore()
    made.restart()
    for name in names[::2]:
        let_in(made.store, name)
    rounds = [one_tick(made, names, START_S + 60.0 * tick) for tick in range(repeats + 1)]
    # The first compiles, or loads what is compiled.
    took_s, read_s, decide_ms = zip(*rounds[1:], strict=True)
    return min(took_s), min(read_s), min(decide_ms)


def one_tick(made: World, names: list[str], now_s: float) -> tuple[float, float, float]:
    """One tick without the writes, on telemetry that is one minute younger."""
    made.telemetry.frames = {f"shop/{name}": frame_of(LOAD, now_s - 15.0) for name in names}
    recommender = made.recommender
    decided_s = total_decided_s(made)
    started_s = time.perf_counter()
    reading = read_cluster(recommender.client, CAPABILITIES)
    read_s = time.perf_counter() - started_s
    recommender.decide(reading, now_s)
    took_s = time.perf_counter() - started_s
    return took_s, read_s, 1e3 * (total_decided_s(made) - decided_s)


def total_decided_s(made: World) -> float:
    """What the recommender's own metric says of its batched decisions so far."""
    registry = made.recommender.figures.registry
    return registry.get_sample_value("aware_recommender_decide_seconds_sum") or 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two ticks of each size")
    repeats = 2 if parser.parse_args().quick else 5
    keys: dict[str, float] = {}
    print("workloads   tick s   of it reading s   decision ms")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            took_s, read_s, decide_ms = measure(size, Path(folder), repeats)
        keys[f"tick_s_{size}"] = round(took_s, 3)
        if size == SIZES[-1]:
            keys[f"decide_ms_{size}"] = round(decide_ms, 1)
        print(f"{size:9,d} {took_s:8.3f} {read_s:17.3f} {decide_ms:13.1f}")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    keys[f"peak_mib_{SIZES[-1]}"] = round(peak_kib / 1024)
    print(f"aims at 10,000: {AIM_TICK_S:g} s a tick, {AIM_DECIDE_MS:g} ms for the decision")
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
