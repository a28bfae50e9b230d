"""The service's modules lie side by side, as in its image, and not in a package."""

import sys
from pathlib import Path

import pytest

APP_FOLDER = Path(__file__).parents[3] / "images" / "synthetic_app"
_MODULES = ("app", "memory", "settings", "work")


@pytest.fixture(autouse=True)
def modules_of_the_image(monkeypatch):
    """The modules can be imported by their names, and are forgotten afterwards."""
    monkeypatch.syspath_prepend(APP_FOLDER)
    yield
    for name in _MODULES:
        sys.modules.pop(name, None)
