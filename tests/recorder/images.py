"""The service's image, built here: a base by debootstrap (once) and the service on top."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.recorder.podman import CACHE, RigError, call

APP_FOLDER = Path(__file__).parents[2] / "images" / "synthetic_app"
BASE_IMAGE = "localhost/aware-rig-python:bookworm"
_APP_FILES = ("Containerfile", "app.py", "memory.py", "settings.py", "work.py")
_BUILD_OPTIONS = (
    "--isolation", "chroot", "--runtime", "/usr/sbin/runc",
    "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000",
)  # fmt: skip


def app_image() -> str:
    """Return the service image's name; its tag is the digest of its files."""
    digest = hashlib.sha256()
    for name in _APP_FILES:
        digest.update((APP_FOLDER / name).read_bytes())
    return f"localhost/synthetic-app:{digest.hexdigest()[:16]}"


def _exists(image: str) -> bool:
    try:
        call("podman", "image", "exists", image)
    except RigError:
        return False
    return True


def build() -> str:
    """Build what is missing of the base (minutes) and the service (seconds); returns its name.

    Raises RigError.
    """
    image = app_image()
    if not _exists(BASE_IMAGE):
        _build_base()
    if not _exists(image):
        call(
            "buildah", "bud", "-q", *_BUILD_OPTIONS, "--build-arg", f"BASE={BASE_IMAGE}",
            "-t", image, "-f", str(APP_FOLDER / "Containerfile"), str(APP_FOLDER),
        )  # fmt: skip
    return image


def _build_base() -> None:
    root = CACHE / "rootfs"
    if not (root / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        packages = "--include=python3,ca-certificates"
        call("debootstrap", "--variant=minbase", packages, "bookworm", str(root))
        (root / "complete").touch()
    container = call("buildah", "from", "scratch")
    try:
        call("buildah", "add", "-q", container, str(root), "/")
        call("buildah", "commit", "-q", container, BASE_IMAGE)
    finally:
        call("buildah", "rm", container)


def trial() -> str | None:
    """Return in one line why a limited container of the image doesn't run here, or None."""
    try:
        call(
            "podman", "run", "--rm", "--network=host", "--read-only", "--user", "1000:1000",
            "--cpus", "0.5", "--memory", "64m", "--memory-swap", "64m",
            "--entrypoint", "python3", build(), "-c", "pass",
        )  # fmt: skip
    except RigError as error:
        return f"no container with limits runs here: {error}"
    return None
