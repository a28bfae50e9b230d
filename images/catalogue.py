"""Which images there are, and what each one's program imports."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
STAGES = (
    "ingestion", "embedding", "meta_training", "fine_tuning", "validation", "rollout",
    "drift_check",
)  # fmt: skip
SERVICES = ("actuator", "recommender", "trigger")
# Import name to distribution, where the two differ.
_DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "prometheus_api_client": "prometheus-api-client",
    "prometheus_client": "prometheus-client",
    "kfp_server_api": "kfp-server-api",
}
# Published as source alone: built where the image is, by tools that images/build.lock pins.
SOURCE_ONLY = ("kfp-server-api",)
# Whoever calls Kubeflow needs kfp whole: the import `kfp.kubernetes` is another distribution's.
_CLIENT = ["kfp", "kfp-kubernetes"]
_FACE = re.compile(r"components\.(\w+)\.component")


def entry(image: str) -> str:
    """Return the module that the image is for."""
    if image == "trigger":
        return "pipelines.trigger"
    return f"components.{image}.{'main' if image in SERVICES else 'component'}"


def closure(graph: grimp.ImportGraph, module: str) -> set[str]:
    """Return every module that importing `module` may load, packages' own files included.

    What a stage's face imports is loaded in that stage's image alone: kfp ships the body of the
    function.
    """
    seen, waiting = {module}, [module]
    while waiting:
        current = waiting.pop()
        found = set(graph.find_modules_directly_imported_by(current))
        if _FACE.fullmatch(current) and current != module:
            found = {"kfp"}
        if "." in current:
            found.add(current.rsplit(".", 1)[0])
        waiting.extend(found - seen)
        seen |= found
    return seen


def import_graph() -> grimp.ImportGraph:
    """Return who imports whom among the rooms, third-party packages included."""
    return grimp.build_graph(
        "components", "pipelines", include_external_packages=True, cache_dir=None
    )


def rooms(graph: grimp.ImportGraph, image: str) -> list[str]:
    """Return the rooms and single files of `components/` that the image's program needs."""
    loaded = closure(graph, entry(image))
    return sorted(
        {
            name.split(".")[1]
            for name in loaded
            if name.startswith("components.") and not _is_only_a_face(name, loaded)
        }
    )


def faces(graph: grimp.ImportGraph, image: str) -> list[str]:
    """Return the stages of which the image's program needs the face alone."""
    loaded = closure(graph, entry(image))
    known = {found[1] for name in loaded if (found := _FACE.fullmatch(name))}
    return sorted(known - set(rooms(graph, image)))


def wiring(graph: grimp.ImportGraph, image: str) -> list[str]:
    """Return the modules of `pipelines/` that the image's program needs."""
    loaded = closure(graph, entry(image))
    return sorted(name.split(".")[1] for name in loaded if name.startswith("pipelines."))


def _is_only_a_face(name: str, loaded: set[str]) -> bool:
    room = f"components.{name.split('.')[1]}"
    inside = {each for each in loaded if each.startswith(f"{room}.")}
    return inside == {f"{room}.component"}


def requirements(graph: grimp.ImportGraph, image: str) -> list[str]:
    """Return the distributions that the image's own code imports.

    A stage needs kfp without what kfp depends on: that is left out, see `images/kfp.lock`.
    """
    names = {name for name in closure(graph, entry(image)) if "." not in name}
    client = _CLIENT if image in SERVICES and "kfp" in names else []
    names -= {"components", "pipelines", "kfp", *sys.stdlib_module_names}
    # pandas reads and writes Parquet through pyarrow without an import that a graph can see.
    if "pandas" in names:
        names.add("pyarrow")
    return sorted([*client, *(_DISTRIBUTIONS.get(name, name) for name in names)])
