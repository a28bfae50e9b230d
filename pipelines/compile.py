"""Both pipelines as Kubeflow's IR YAML, from the objects that also run on this machine."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kfp import compiler
from kfp.dsl.graph_component import GraphComponent

from components.artifacts.files import write_bytes
from pipelines.autoscaling import autoscaling
from pipelines.retraining import retraining

PIPELINES: dict[str, GraphComponent] = {"autoscaling": autoscaling, "retraining": retraining}


def compile_pipelines(folder: Path) -> list[Path]:
    """Write `autoscaling.yaml` and `retraining.yaml` into `folder`; return their paths.

    A file holds one YAML document, or two where the pipeline has settings of a platform.
    Raises UserError when the folder can't be written.
    """
    paths = []
    for name, pipeline in PIPELINES.items():
        path = folder / f"{name}.yaml"
        write_bytes(path, _compiled(pipeline))
        paths.append(path)
    return paths


def _compiled(pipeline: GraphComponent) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline_func=pipeline, package_path=str(path))
        return path.read_bytes()
