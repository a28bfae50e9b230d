"""The page from the recommender's live state: what it answers, what it keeps, what it shows."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from components.artifacts.bundle import publish
from components.artifacts.channel import SHADOW, move_channel
from components.errors import UserError
from components.page.costs import Prices
from components.page.documents import LIST_PATH, detail_path
from components.page.server import PageServer
from components.recommender.history import MOST_TICKS
from components.recommender.live_page import LivePage, explanation_path
from components.recommender.main import page_served
from tests.chromium import running_chromium
from tests.components.recommender.recommending import GATE, LOAD, World, bundle, world

KEY = "shop/checkout"
WAITING = "This replica waits"


def showing(folder: Path, names: tuple[str, ...] = ("checkout", "other")) -> World:
    """A world with a page, a shadow policy that the gate let in for reasons."""
    made = world(folder, names=names, annotations=GATE)
    verdict = {"accepted": True, "reasons": ["better by +0.030 at least"]}
    rows = {"policy": {"violation": {"mean": 0.004}}}
    policy = bundle()
    policy = replace(policy, manifest={**policy.manifest, "verdict": verdict, "metrics": rows})
    digest = publish(made.store, policy)
    move_channel(made.store, "shop", "checkout", digest, SHADOW)
    made.page = LivePage("minio://aware/policies")
    made.restart()
    return made


def answered(made: World, path: str) -> Any:
    assert made.page is not None
    document = made.page.document(path)
    assert document is not None, path
    return json.loads(document)


def test_the_list_is_what_the_last_tick_left(tmp_path: Path) -> None:
    made = showing(tmp_path)
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0, "latency_ms": 400.0}

    made.ticks(3)

    found = answered(made, LIST_PATH)
    rows = {row["workload"]: row for row in found["workloads"]}
    assert rows.keys() == {KEY, "shop/other"}
    row = rows[KEY]
    assert (row["phase"], row["verdict"], row["drift"]) == ("SHADOW", "accepted", "steady")
    assert rows["shop/other"]["verdict"] == "no policy"
    assert row["current"] == {"replicas": 2.0, "cpu_m": 200.0, "memory_bytes": 64 * 2.0**20}
    assert row["recommended"]["replicas"] == made.sizes()[0]
    assert (row["violation"], row["promised"]) == (1.0, 0.004)
    assert row["trend"] == [50.0] * 3
    assert "HPA at 70%" in row["reason"]


def test_what_validation_measured_is_shown_with_what_it_saves_a_month(tmp_path: Path) -> None:
    made = world(tmp_path, annotations=GATE)
    names = ("violation", "reward", "core_hours", "gib_hours", "oom_kills")
    rows = {
        key: {name: {"mean": value} for name, value in zip(names, values, strict=True)}
        for key, values in (
            ("policy", (0.004, 0.85, 1.0, 2.0, 0.0)),
            ("hpa_tuned", (0.02, 0.8, 1.5, 2.0, 0.5)),
        )
    }
    verdict = {"accepted": True, "reasons": ["better"], "opponent": "hpa_tuned"}
    policy = bundle()
    policy = replace(policy, manifest={**policy.manifest, "verdict": verdict, "metrics": rows})
    move_channel(made.store, "shop", "checkout", publish(made.store, policy), SHADOW)
    made.page = LivePage("", Prices(core=0.04, gib=0.005))
    made.restart()
    made.ticks(1)
    row = answered(made, LIST_PATH)["workloads"][0]
    # Half a core for 730 hours at 0.04.
    assert row["saved_per_month"] == pytest.approx(14.6)
    lines = {
        part["heading"]: part["lines"] for part in answered(made, detail_path(KEY))["sections"]
    }
    assert lines["Gate"][1:] == [
        "better",
        "policy on held-out telemetry: violations 0.40%, reward 0.850, 1.00 cores, 2.00 GiB"
        " (36.50 a month), 0.00 OOM kills",
        "incumbent on held-out telemetry: violations 2.00%, reward 0.800, 1.50 cores, 2.00 GiB"
        " (51.10 a month), 0.50 OOM kills",
    ]


def test_an_address_that_is_taken_names_the_option_of_the_recommender() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(UserError, match=r"give another --page$"),
            page_served(f"127.0.0.1:{port}", LivePage("")),
        ):
            pass


def test_one_workload_shows_shadow_beside_what_acts_the_gate_and_what_to_type(
    tmp_path: Path,
) -> None:
    made = showing(tmp_path)
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0}

    made.ticks(4, apply=True)

    found = answered(made, detail_path(KEY))
    lines = {section["heading"]: section["lines"] for section in found["sections"]}
    assert "better by +0.030 at least" in lines["Gate"]
    moved = lines["What moved it most, when it changed last"]
    assert moved[0].startswith("memory in use and its history")
    assert lines["Drift"] == ["steady: the policy knows 10 to 100 requests a second"]
    replicas = next(chart for chart in found["charts"] if chart["title"] == "Replicas")
    assert replicas["lines"].keys() == {
        "in force",
        "recommended",
        "policy proposes",
        "incumbent proposes",
    }
    assert replicas["lines"]["in force"] == [2.0, 5.0, 5.0, 5.0]
    latency = next(chart for chart in found["charts"] if chart["unit"] == "ms")
    assert latency["limit"] == 100.0
    typed = dict(found["commands"])
    assert typed["Roll back"] == "aware rollback shop/checkout --store minio://aware/policies"
    assert typed["Pause"] == "kubectl -n shop annotate mpa checkout aware.autoscaling/pause=true"
    explained = answered(made, explanation_path(KEY))
    assert explained["explanation"]["effects"][0].keys() >= {"feature", "replicas", "cpu_m"}


def test_a_refused_bundle_and_an_unlike_load_are_said(tmp_path: Path) -> None:
    made = showing(tmp_path)
    made.telemetry.rows[KEY] = LOAD | {"request_rate_per_s": 900.0}
    made.ticks(1)
    move_channel(made.store, "shop", "checkout", "a" * 64, SHADOW)

    made.ticks(1)

    lines = [
        line for part in answered(made, detail_path(KEY))["sections"] for line in part["lines"]
    ]
    assert any(line.startswith("PolicyLoaded: bundle aaa") for line in lines)
    rows = {row["workload"]: row for row in answered(made, LIST_PATH)["workloads"]}
    assert rows[KEY]["drift"] == "unlike"


@pytest.mark.parametrize(
    "path",
    ["/workloads/shop/none.json", "/workloads/.json", "/explanations/shop/none.json", "/secret"],
)
def test_what_is_unknown_is_not_there(tmp_path: Path, path: str) -> None:
    made = showing(tmp_path)
    made.ticks(1)

    assert made.page is not None
    assert made.page.document(path) is None


def test_the_history_is_bounded_and_follows_its_workload(tmp_path: Path) -> None:
    made = showing(tmp_path)
    for tick in range(MOST_TICKS + 5):
        made.telemetry.rows[KEY] = LOAD | {"request_rate_per_s": 20.0 + tick % 50}
        made.ticks(1)
    del made.api.objects[
        "/apis/autoscaling.k8s.io/v1alpha1/namespaces/shop/multidimpodautoscalers/other"
    ]
    made.ticks(1)

    charts = {chart["title"]: chart for chart in answered(made, detail_path(KEY))["charts"]}
    load = charts["Load"]["lines"]["load"]
    assert len(load) == len(charts["Load"]["time_s"]) == MOST_TICKS
    assert load[-2:] == [20.0 + (MOST_TICKS + 4) % 50] * 2
    assert np.diff(charts["Load"]["time_s"]).tolist() == [60.0] * (MOST_TICKS - 1)


def test_a_replica_that_waits_says_so(tmp_path: Path) -> None:
    made = showing(tmp_path)
    made.ticks(1)
    assert made.page is not None

    made.page.wait(WAITING)

    found = answered(made, LIST_PATH)
    assert (found["workloads"], found["note"]) == ([], WAITING)
    assert made.page.document(detail_path(KEY)) is None


def test_a_broken_tick_leaves_the_page_as_it_was(tmp_path: Path) -> None:
    made = showing(tmp_path)
    made.ticks(1)
    before = answered(made, LIST_PATH)
    made.telemetry.error = RuntimeError("a fault of the recommender itself")

    with pytest.raises(RuntimeError):
        made.ticks(1)

    assert answered(made, LIST_PATH) == before


@contextmanager
def served(made: World) -> Iterator[str]:
    assert made.page is not None
    with page_served("127.0.0.1:0", made.page) as port:
        yield f"http://127.0.0.1:{port}"


def test_it_is_read_only_over_http(tmp_path: Path) -> None:
    made = showing(tmp_path)
    made.ticks(1)
    with served(made) as address:
        with urllib.request.urlopen(f"{address}/workloads.json", timeout=10) as answer:
            assert len(json.load(answer)["workloads"]) == 2
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            asked = urllib.request.Request(f"{address}/workloads.json", b"{}", method=method)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(asked, timeout=10)
            assert refused.value.code == 501
            refused.value.close()


def test_more_than_so_many_at_once_are_told_to_come_again() -> None:
    busy, free = threading.Event(), threading.Event()

    def slow(_: str) -> bytes:
        busy.set()
        assert free.wait(10)
        return b"{}"

    with PageServer("127.0.0.1", 0, slow) as server:
        while server.turns.acquire(blocking=False):
            pass
        server.turns.release()
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/workloads.json"
        first = threading.Thread(target=lambda: urllib.request.urlopen(address, timeout=10).close())
        first.start()
        try:
            assert busy.wait(10)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(address, timeout=10)
            assert refused.value.code == 503
            refused.value.close()
        finally:
            free.set()
            first.join()
            server.shutdown()
            serving.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as opened:
        yield opened


@contextmanager
def opened(browser: Browser, address: str, path: str = "") -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{address}/{path}")
    page.wait_for_function("document.body.dataset.ready === '1'")
    yield page
    context.close()
    assert failures == []


def test_in_a_browser_the_live_list_leads_to_a_workload_with_its_commands(
    tmp_path: Path, browser: Browser
) -> None:
    made = showing(tmp_path)
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0}
    made.ticks(5, apply=True)
    with served(made) as address, opened(browser, address) as page:
        expect(page.locator("#count")).to_have_text("2 of 2")
        page.get_by_role("link", name=KEY).click()
        expect(page.get_by_role("heading", name=KEY)).to_be_visible()
        expect(page.get_by_role("img", name="Replicas")).to_be_visible()
        expect(page.get_by_text("better by +0.030 at least")).to_be_visible()
        expect(page.get_by_text("aware rollback shop/checkout")).to_be_visible()
        expect(page.get_by_role("button", name="Copy: Pause")).to_be_visible()


def test_in_a_browser_a_waiting_replica_is_understood(tmp_path: Path, browser: Browser) -> None:
    made = showing(tmp_path)
    assert made.page is not None
    made.page.wait(WAITING)
    with served(made) as address, opened(browser, address) as page:
        expect(page.locator("#message")).to_contain_text(WAITING)
