"""The manifests as `kubectl kustomize` renders them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAYS = sorted(path.name for path in (MANIFESTS / "overlays").iterdir())


def rendered(overlay: str) -> list[dict[str, Any]]:
    """All objects of an overlay; skips where kubectl isn't installed."""
    return rendered_folder(MANIFESTS / "overlays" / overlay)


def rendered_folder(folder: Path) -> list[dict[str, Any]]:
    """All objects of a kustomization; skips where kubectl isn't installed."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: it renders the overlays")
    done = subprocess.run(
        ["kubectl", "kustomize", folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
