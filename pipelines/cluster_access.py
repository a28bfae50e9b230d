"""Which cluster a person at a terminal means: as kubectl, KUBECONFIG, then ~/.kube/config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def user_kubeconfig(environment: Mapping[str, str], home: Path) -> Path | None:
    """Return the kubeconfig to use; None inside a cluster or where there is none."""
    if named := environment.get("KUBECONFIG"):
        return Path(named)
    default = home / ".kube" / "config"
    return default if default.is_file() else None
