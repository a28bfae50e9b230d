"""The images that the stages run in: by digest on a cluster, since a tag may mean another tomorrow.

Kubeflow's cache knows an image by its name alone: changed code under the same tag would give
stale results (kubeflow/pipelines#13862).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.errors import UserError

LOCAL_IMAGE = re.compile(r"aware-python/(?P<stage>[a-z_]+):[^@]+")
_BY_DIGEST = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")


def read_images(path: Path) -> dict[str, str]:
    """Return {stage: image by digest} of a YAML or JSON file.

    Raises UserError for a file that can't be read and for a reference without a digest.
    """
    try:
        images = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} is no YAML of images: write STAGE: NAME@sha256:DIGEST") from error
    if not isinstance(images, dict):
        raise UserError(f"{path} holds no images: write a line STAGE: NAME@sha256:DIGEST for each")
    for stage, reference in images.items():
        if not isinstance(reference, str) or not _BY_DIGEST.fullmatch(reference):
            raise UserError(
                f"{path}: {stage} is {reference}, a name that can change its meaning: "
                "give NAME@sha256:DIGEST"
            )
    return {str(stage): reference for stage, reference in images.items()}


def with_images(spec: dict[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    """Return the pipeline spec with each stage's image replaced; raises UserError for a gap."""
    executors = {}
    for name, executor in spec["deploymentSpec"]["executors"].items():
        executors[name] = executor
        if "container" not in executor:
            continue
        found = LOCAL_IMAGE.fullmatch(executor["container"]["image"])
        stage = found["stage"] if found else name
        if stage not in images:
            raise UserError(f"no image for stage {stage}: add {stage}: NAME@sha256:DIGEST")
        executors[name] = {
            **executor,
            "container": {**executor["container"], "image": images[stage]},
        }
    return {**spec, "deploymentSpec": {**spec["deploymentSpec"], "executors": executors}}
