"""A real headless Chromium for tests of pages: Debian's `chromium`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Yields the browser. Without the program the test is skipped; in CI it fails."""
    program = shutil.which("chromium")
    if program is None:
        problem = "a page's test needs Chromium (Debian's package chromium)"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
