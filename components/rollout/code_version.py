"""Which code made a policy."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import components


def code_version() -> str:
    """The release and a digest of the rooms' source, like "0.1.0+3f9a12c0b4de".

    The digest tells two builds of one release apart, and is the same wherever the same files run.
    """
    digest = hashlib.sha256()
    for root in sorted(Path(entry) for entry in components.__path__):
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    try:
        release = version("aware-kubeflow")
    except PackageNotFoundError:
        release = "0"
    return f"{release}+{digest.hexdigest()[:12]}"
