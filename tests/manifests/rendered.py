"""The manifests as `kubectl kustomize` renders them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAYS = sorted(path.name for path in (MANIFESTS / "overlays").iterdir())
# The other one is an example of what Argo CD follows.
APPLIED = [name for name in OVERLAYS if name != "argocd"]


def rendered(overlay: str) -> list[dict[str, Any]]:
    """All objects of an overlay; skips where kubectl isn't installed."""
    return rendered_folder(MANIFESTS / "overlays" / overlay)


def rendered_folder(folder: Path) -> list[dict[str, Any]]:
    """All objects of a kustomization; skips where kubectl isn't installed."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: it renders the overlays")
    return list(yaml.safe_load_all(_text(folder)))


@cache
def _text(folder: Path) -> str:
    done = subprocess.run(
        ["kubectl", "kustomize", folder], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
