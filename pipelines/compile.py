"""Both pipelines as Kubeflow's IR YAML, from the objects that also run on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from croniter import croniter
from kfp import compiler
from kfp.dsl.graph_component import GraphComponent

from components.artifacts.files import write_text
from components.errors import UserError
from pipelines.argo import workflow_documents
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
    return _written(folder, {name: documents(one, images) for name, one in PIPELINES.items()})


def compile_for_argo(folder: Path, images: Mapping[str, str] | None, schedule: str) -> list[Path]:
    """Write each pipeline as a WorkflowTemplate and a suspended CronWorkflow; return the paths.

    `schedule` has the five fields of cron. Raises UserError as `compile_pipelines` does.
    """
    if not croniter.is_valid(schedule) or len(schedule.split()) != 5:
        raise UserError(f"--cron {schedule} is no time of five fields: write such as '30 2 * * *'")
    compiled = {}
    for name, pipeline in PIPELINES.items():
        spec, platform = documents(pipeline, images)
        compiled[name] = workflow_documents(spec, platform, schedule)
    return _written(folder, compiled)


def _written(folder: Path, compiled: Mapping[str, list[dict[str, Any]]]) -> list[Path]:
    paths = []
    for name, parts in compiled.items():
        path = folder / f"{name}.yaml"
        write_text(path, _text(parts))
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
