"""Where real containers can't run, the tests that need them are skipped, and say why."""

import os

import pytest

from tests.recorder import images, podman


@pytest.fixture(scope="session")
def rig() -> str:
    """The service's image, ready to run with limits. In CI a program that isn't there fails."""
    if missing := podman.missing_programs():
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    if reason := podman.missing_rights() or images.trial():
        pytest.skip(reason)
    return images.app_image()
