"""The smallest images, really built and run: what only a build and a container can show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.images.prove import prove
from tests.recorder import images, podman


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the container's user can enter. In CI a program that isn't there fails."""
    if missing := podman.missing_programs():
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    if reason := podman.missing_rights() or images.trial():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("built")
    folder.chmod(0o755)
    return folder


@pytest.mark.rig
def test_the_trigger_answers_on_a_read_only_root_without_network_and_ends_on_sigterm(
    work: Path,
) -> None:
    # Its statuses are in trigger_container.EXPECTED; a wrong one raises.
    proof = prove("trigger", work)
    podman.call("podman", "rmi", "localhost/aware-python-proof/trigger:latest")
    assert proof.over_base_mb < 100
