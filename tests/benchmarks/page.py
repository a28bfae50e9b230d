"""The page at 10,000 workloads in headless Chromium: load, filter, sort, scroll.

`python -m tests.benchmarks.page [--quick]` (needs Debian's package chromium).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import threading
import time
from collections.abc import Callable

from playwright.sync_api import Page, sync_playwright

from components.page.documents import LIST_PATH, Row, Size, list_document
from components.page.server import page_server

WORKLOADS = 10_000
MIB = 1 << 20


def row(index: int) -> Row:
    """Return one made-up workload; only their number matters here."""
    trend = [float(1 + (index + step) % 7) for step in range(45)]
    size = Size(1 + index % 6, 100.0 + index % 500, (64 + index % 200) * MIB)
    name = f"team-{index % 50:02d}/service-{index:05d}"
    return Row(name, "SHADOW", "accepted", "steady", size, size, 0.01, 0.01, 1.0, "why", trend)


def seconds(page: Page, act: Callable[[], object], until: str) -> float:
    """Return how long it takes from the act until the condition in the page holds."""
    began_s = time.perf_counter()
    act()
    page.wait_for_function(until)
    return time.perf_counter() - began_s


def measured(page: Page, address: str, rounds: int) -> dict[str, float]:
    """Return the medians over some rounds, in seconds."""
    times: dict[str, list[float]] = {"load_s": [], "filter_s": [], "sort_s": []}
    for _ in range(rounds):
        page.goto("about:blank")
        ready = "document.body.dataset.ready === '1'"
        times["load_s"].append(seconds(page, lambda: page.goto(address), ready))
        narrowed = "document.getElementById('count').textContent.startsWith('200 of')"
        find = page.get_by_label("Find")
        times["filter_s"].append(seconds(page, lambda: find.fill("team-07/"), narrowed))  # noqa: B023
        find.fill("")
        chosen = "document.querySelector('th[aria-sort=ascending]')"
        ordered = f"{chosen}.textContent.startsWith('CPU')"
        sort = page.get_by_role("button", name="CPU")
        times["sort_s"].append(seconds(page, sort.click, ordered))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Serve, look, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 3 if parser.parse_args().quick else 15
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("needs chromium (Debian's package chromium)")
    document = list_document("benchmark", "2026-01-01", [row(index) for index in range(WORKLOADS)])
    answers = {LIST_PATH: document}
    with (
        page_server("127.0.0.1", 0, answers.get) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        # Waiting for a condition evaluates text, which the page's own policy forbids.
        result = measured(browser.new_page(bypass_csp=True), address, rounds)
        browser.close()
        server.shutdown()
    print(f"{WORKLOADS:,} workloads, {len(document) / MIB:.1f} MiB, median of {rounds} rounds")
    for name, value in result.items():
        print(f"  {name:10s} {value:6.3f}")
    print(json.dumps({"workloads": WORKLOADS, "document_mib": len(document) / MIB, **result}))


if __name__ == "__main__":
    main()
