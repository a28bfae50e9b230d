"""Images in a real registry, and what is pinned after that."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from images import push
from images.catalogue import ROOT
from pipelines.image_references import read_images
from tests.manifests.rendered import rendered_folder
from tests.recorder import podman
from tests.recorder.pod import free_port
from tests.recorder.podman import call

NAMES = ("rollout", "trigger", "recommender")
REPOSITORY = "localhost/aware-python-push"
SETTINGS = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry's address, images as small as can be beside it."""
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed: it takes the images")
    if missing := podman.missing_programs() or podman.missing_rights():
        pytest.skip(missing)
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    settings = folder / "settings.yaml"
    settings.write_text(SETTINGS.format(folder=folder, port=port))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", settings], stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/v2/")
        for name in NAMES:
            _import(folder, name)
        yield f"127.0.0.1:{port}/team"
    finally:
        process.terminate()
        process.wait(timeout=20)
        for name in NAMES:
            subprocess.run(
                ["podman", "rmi", "--force", f"{REPOSITORY}/{name}:0.1.0"],
                env=podman.environment(), capture_output=True, check=False,
            )  # fmt: skip


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"no registry at {url}")


def _import(folder: Path, name: str) -> None:
    archive = folder / f"{name}.tar"
    with tarfile.open(archive, "w") as made:
        content = tarfile.TarInfo("name")
        content.size = len(name)
        made.addfile(content, io.BytesIO(name.encode()))
    call("podman", "import", str(archive), f"{REPOSITORY}/{name}:0.1.0")


def settings(registry: str, tmp_path: Path) -> list[str]:
    manifests = tmp_path / "manifests"
    shutil.copytree(ROOT / "manifests", manifests)
    return [
        *NAMES, "--registry", registry, "--repository", REPOSITORY,
        "--manifests", str(manifests), "--output", str(tmp_path / "out"),
    ]  # fmt: skip


@pytest.mark.rig
def test_what_is_pushed_is_pinned_for_the_pipelines_and_in_the_overlays(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "CONTAINERS_CONF", podman.environment()["CONTAINERS_CONF"])
    given = settings(registry, tmp_path)
    assert push.main([*given, "--plain-http"]) == 0
    images = read_images(tmp_path / "out" / "images.yaml")
    assert set(images) == {"rollout"}
    deployed = {
        container["image"].split("@")[0].rsplit("/", 1)[1]: container["image"]
        for item in rendered_folder(tmp_path / "manifests" / "overlays" / "production")
        if item["kind"] == "Deployment"
        for container in item["spec"]["template"]["spec"]["containers"]
    }
    for image in (images["rollout"], deployed["trigger"], deployed["recommender"]):
        assert image.startswith(f"{registry}/")
        host, rest = image.split("/", 1)
        name, digest = rest.split("@")
        # The registry has that very manifest.
        url = f"http://{host}/v2/{name}/manifests/{digest}"
        kinds = "application/vnd.oci.image.manifest.v1+json"
        request = urllib.request.Request(url, headers={"Accept": kinds})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Docker-Content-Digest"] == digest
    # Not pushed: still the placeholder.
    assert deployed["actuator"].endswith("0" * 64)
    before = {path: path.read_bytes() for path in (tmp_path / "manifests").rglob("*.yaml")}
    assert push.main([*given, "--plain-http"]) == 0
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.rig
def test_a_registry_that_fails_leaves_everything_as_it_was(
    registry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = settings(f"127.0.0.1:{free_port()}/team", tmp_path)
    assert push.main([*given, "--plain-http"]) == 2
    assert capsys.readouterr().err.startswith("error: 127.0.0.1:")
    assert not (tmp_path / "out").exists()


def test_without_tls_only_this_machine_is_spoken_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = settings("registry.example/team", tmp_path)
    assert push.main([*given, "--plain-http"]) == 2
    assert "without TLS" in capsys.readouterr().err


def test_a_name_is_pinned_again_by_its_newest_digest() -> None:
    text = (
        "images:\n  - name: aware/trigger\n    digest: sha256:0\n  - name: other\n    digest: x\n"
    )
    once = push.pinned(text, {"trigger": "r.example/a/trigger@sha256:1"})
    assert "    newName: r.example/a/trigger\n    digest: sha256:1\n  - name: other\n" in once
    assert push.pinned(once, {"trigger": "r.example/a/trigger@sha256:2"}) == once.replace(
        "sha256:1", "sha256:2"
    )
