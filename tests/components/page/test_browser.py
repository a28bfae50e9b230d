"""The page in a real browser: 10,000 workloads, filters, keyboard, states, accessibility."""

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from components.page.documents import (
    LIST_PATH,
    Chart,
    Detail,
    Row,
    Section,
    Size,
    detail_document,
    detail_path,
    list_document,
)
from components.page.server import page_server
from tests.chromium import running_chromium

MIB = 1 << 20
MANY = 10_000


def row(index):
    phase = ("INCUMBENT", "SHADOW", "CANARY", "LIVE")[index % 4]
    now, wanted = Size(2, 300, 256 * MIB), Size(2 + index % 3, 250, 200 * MIB)
    drift = "drifted" if index % 100 == 0 else "steady"
    trend = [float(1 + (index + step) % 7) for step in range(45)]
    name = f"team-{index % 20:02d}/service-{index:05d}"
    return Row(name, phase, "accepted", drift, now, wanted, 0.01, 0.005, index / 10, "why", trend)


def detail(name):
    time_s = [15.0 * step for step in range(40)]
    lines = {"policy": [1.0] * 40, "HPA, tuned": [2.0] * 39 + [None]}
    return Detail(
        workload=name,
        sections=[
            Section("Verdict", ["Accepted: <b>not markup</b>", "bundle " + 64 * "a"]),
            Section("Drift", ["none"]),
        ],
        charts=[Chart("Replicas", "", time_s, lines), Chart("Latency", "ms", time_s, lines, 3.0)],
        commands=[("Pause", "kubectl annotate"), ("Explain", "aware explain")],
    )


@pytest.fixture(scope="module")
def browser():
    with running_chromium() as opened:
        yield opened


@contextmanager
def page_of(browser, rows, path="", **context):
    answers = {LIST_PATH: list_document("a test", "2026-01-01T00:00:00+00:00", rows)}
    answers |= {
        detail_path(one.workload): detail_document(detail(one.workload)) for one in rows[:1]
    }
    with page_server("127.0.0.1", 0, answers.get) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        opened = browser.new_context(**context)
        try:
            page = opened.new_page()
            problems = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/{path}")
            page.wait_for_selector("body[data-ready]")
            yield page
            assert problems == []
        finally:
            opened.close()
            server.shutdown()
            thread.join()


def serious(page):
    found = json.loads(json.dumps(Axe().run(page).response))["violations"]
    return [
        (one["id"], one["nodes"][0]["html"])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_ten_thousand_workloads_are_listed_but_only_those_in_view_are_drawn(browser):
    with page_of(browser, [row(index) for index in range(MANY)]) as page:
        expect(page.locator("#count")).to_have_text("10,000 of 10,000")
        assert page.locator("#table").get_attribute("aria-rowcount") == str(MANY + 1)
        assert page.locator("tr[data-row]").count() < 80
        page.locator("#frame").evaluate("frame => { frame.scrollTop = frame.scrollHeight }")
        expect(page.get_by_text("team-19/service-09999")).to_be_visible()


def test_filters_and_sorting_narrow_and_order_the_list(browser):
    with page_of(browser, [row(index) for index in range(MANY)]) as page:
        page.get_by_label("Find").fill("team-03/")
        expect(page.locator("#count")).to_have_text("500 of 10,000")
        page.get_by_label("Find").fill("")
        page.get_by_label("Drift").select_option("drifted")
        expect(page.locator("#count")).to_have_text("100 of 10,000")
        page.get_by_role("button", name="Saves a month").click()
        page.get_by_role("button", name="Saves a month").click()
        expect(page.locator("tr[data-row] a").first).to_have_text("team-00/service-09900")
        expect(page.locator("th[aria-sort=descending]")).to_have_count(1)


def test_what_acts_saves_and_what_only_shows_could(browser):
    live = replace(row(3), saved_per_month=3.0)
    shadow = replace(row(1), saved_per_month=5.0, drift="unlike")
    with page_of(browser, [live, shadow, replace(row(0), saved_per_month=None)]) as page:
        expect(page.locator("#totals dd")).to_have_text(["1", "1", "2", "+3.00", "+5.00"])
        assert page.locator("td .bad").all_inner_texts() == ["drifted", "unlike"]


def test_a_list_that_is_looked_at_follows_and_keeps_its_place(browser):
    rows = [row(index) for index in range(100)]
    with page_of(browser, rows) as page:
        page.locator("#frame").evaluate("frame => { frame.scrollTop = 1000 }")
        page.get_by_label("Find").fill("")
        rows.append(row(100))
        page.route("**/workloads.json", lambda route: route.fulfill(body=document_of(rows)))
        page.locator("#frame").evaluate("frame => { frame.scrollTop = 1000 }")
        page.evaluate("refresh()")
        expect(page.locator("#count")).to_have_text("101 of 101")
        assert page.locator("#frame").evaluate("frame => frame.scrollTop") == 1000
        page.unroute("**/workloads.json")
        page.route("**/workloads.json", lambda route: route.abort())
        page.evaluate("refresh()")
        expect(page.locator("#message")).to_contain_text("What is shown may be old")
        expect(page.locator("#count")).to_have_text("101 of 101")


def document_of(rows):
    return list_document("a test", "2026-01-01T00:01:00+00:00", rows)


def test_a_workload_is_reached_and_left_by_keyboard_alone(browser):
    with page_of(browser, [row(0)]) as page:
        page.locator("tr[data-row] a").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="team-00/service-00000")).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("Latency"))).to_be_visible()
        expect(page.get_by_text("Accepted: <b>not markup</b>")).to_be_visible()
        page.get_by_role("link", name="all workloads").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#count")).to_have_text("1 of 1")


def test_without_workloads_it_says_how_to_get_one(browser):
    with page_of(browser, []) as page:
        expect(page.locator("#message")).to_contain_text("No workload yet")
        expect(page.locator("#table")).to_be_hidden()


def test_a_server_without_a_list_is_said_to_be_it(browser):
    with page_of(browser, [row(0)]) as page:
        page.route("**/workloads.json", lambda route: route.fulfill(status=404, body="not found"))
        page.evaluate("show()")
        expect(page.locator("#message")).to_contain_text("the server answers 404")


def test_an_unknown_workload_is_said_in_words(browser):
    with page_of(browser, [row(0)], "#/shop/none") as page:
        expect(page.locator("#message")).to_contain_text("there is no such workload")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "#/team-00/service-00000"])
def test_the_accessibility_checker_has_no_serious_finding(browser, scheme, path):
    rows = [row(index) for index in range(30)]
    with page_of(browser, rows, path, color_scheme=scheme) as page:
        assert serious(page) == []


@pytest.mark.parametrize("path", ["", "#/team-00/service-00000"])
def test_a_phone_s_screen_scrolls_within_the_list_only(browser, path):
    rows = [row(index) for index in range(30)]
    with page_of(browser, rows, path, viewport={"width": 390, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
