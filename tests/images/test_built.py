"""The smallest images, really built and run: what only a build and a container can show."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from images.build import digest_of
from images.materials import bill_of_materials
from tests.images.prove import prove, tag
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
    try:
        assert proof.over_base_mb < 100
        assert installed(tag("trigger")) == {
            one["purl"].removeprefix("pkg:pypi/")
            for one in json.loads(
                bill_of_materials("trigger", "0.1.0", images.BASE_IMAGE, datetime.now(UTC))
            )["components"]
            if "purl" in one
        }
        assert digest_of(images.BASE_IMAGE, podman.environment()).count("@sha256:") == 1
    finally:
        podman.call("podman", "rmi", tag("trigger"))


def installed(image: str) -> set[str]:
    """The distributions in the image, as name@version."""
    listing = podman.call(
        "podman", "run", "--rm", "--network=none", "--entrypoint", "python3", image, "-c",
        "import importlib.metadata as m\n"
        "for d in m.distributions(path=['/opt/aware/packages']): print(d.name, d.version)",
    )  # fmt: skip
    pairs = (line.split() for line in listing.splitlines())
    return {f"{canonicalize_name(name)}@{version}" for name, version in pairs}
