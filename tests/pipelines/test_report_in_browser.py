"""The report in a real browser: accessible, nothing wider than the window, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from pipelines.facts import Facts
from pipelines.report import write_report
from pipelines.runs import RunFolder
from tests.chromium import running_chromium
from tests.pipelines.test_report import NOTHING, PNG, path_facts


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_is_accessible_and_fits_the_window(
    browser: Browser, tmp_path: Path, scheme: str, width: int
) -> None:
    drift = {
        "shop/checkout": {
            "drifted": True,
            "recommendation": "adapt again",
            "reasons": ["CPU per request is 1.8 times what it was"],
            "tests": {"dynamics": {"p_value": 0.001}},
        }
    }
    run = RunFolder(tmp_path)
    write_report(run, Facts({"seed": 3}, path_facts(), drift, PNG, NOTHING))
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto(run.report.as_uri())
    wrong = [
        (one["id"], one["nodes"][0]["html"])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
