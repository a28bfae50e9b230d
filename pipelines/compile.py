"""Both pipelines as Kubeflow's IR YAML, from the objects that also run on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler
from kfp.dsl.graph_component import GraphComponent

from components.artifacts.files import write_text
from pipelines.autoscaling import autoscaling
from pipelines.image_references import with_images
from pipelines.retraining import retraining
from pipelines.stage_settings import with_retries

PIPELINES: dict[str, GraphComponent] = {"autoscaling": autoscaling, "retraining": retraining}


def compile_pipelines(folder: Path, images: Mapping[str, str] | None = None) -> list[Path]:
    """Write `autoscaling.yaml` and `retraining.yaml` into `folder`; return their paths.

    `images` names each stage's image by digest; without it the images keep the names that a build
    on this machine gives them. A file holds two YAML documents: the pipeline, and what concerns
    Kubernetes alone. Raises UserError when the folder can't be written or an image is missing.
    """
    texts = {name: _text(documents(pipeline, images)) for name, pipeline in PIPELINES.items()}
    paths = []
    for name, text in texts.items():
        path = folder / f"{name}.yaml"
        write_text(path, text)
        paths.append(path)
    return paths


def documents(
    pipeline: GraphComponent, images: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the compiled pipeline's YAML documents: its IR, then the settings of Kubernetes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline_func=pipeline, package_path=str(path))
        spec, *platform = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    spec = with_retries(spec)
    if images is not None:
        spec = with_images(spec, images)
    return [spec, *platform]


def _text(parts: list[dict[str, Any]]) -> str:
    return yaml.safe_dump_all(parts, sort_keys=True, width=100)
