"""Which images there are, and what each one's program imports."""

from __future__ import annotations

import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
STAGES = (
    "ingestion", "embedding", "meta_training", "fine_tuning", "validation", "rollout",
    "drift_check",
)  # fmt: skip
SERVICES = ("actuator", "recommender")
# Import name to distribution, where the two differ.
_DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "prometheus_api_client": "prometheus-api-client",
    "prometheus_client": "prometheus-client",
}


def entry(image: str) -> str:
    """Return the module that the image is for."""
    return f"components.{image}.{'main' if image in SERVICES else 'component'}"


def closure(graph: grimp.ImportGraph, module: str) -> set[str]:
    """Return every module that importing `module` may load, packages' own files included."""
    seen, waiting = {module}, [module]
    while waiting:
        current = waiting.pop()
        found = set(graph.find_modules_directly_imported_by(current))
        if "." in current:
            found.add(current.rsplit(".", 1)[0])
        waiting.extend(found - seen)
        seen |= found
    return seen


def import_graph() -> grimp.ImportGraph:
    """Return who imports whom among the rooms, third-party packages included."""
    return grimp.build_graph("components", include_external_packages=True)


def rooms(graph: grimp.ImportGraph, image: str) -> list[str]:
    """Return the rooms and single files of `components/` that the image's program needs."""
    loaded = closure(graph, entry(image))
    return sorted({name.split(".")[1] for name in loaded if name.startswith("components.")})


def requirements(graph: grimp.ImportGraph, image: str) -> list[str]:
    """Return the distributions that the image's own code imports, kfp left out.

    A stage needs kfp without what kfp depends on; see `images/kfp.lock`.
    """
    names = {name for name in closure(graph, entry(image)) if "." not in name}
    names -= {"components", "kfp", *sys.stdlib_module_names}
    # pandas reads and writes Parquet through pyarrow without an import that a graph can see.
    if "pandas" in names:
        names.add("pyarrow")
    return sorted(_DISTRIBUTIONS.get(name, name) for name in names)
