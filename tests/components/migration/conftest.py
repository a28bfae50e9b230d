"""The CRD's own schema, as the API server would apply it."""

from pathlib import Path

import pytest
import yaml

CRD = Path(__file__).parents[3] / "manifests" / "crd" / "multidimpodautoscalers.yaml"


@pytest.fixture(scope="session")
def crd_schema():
    versions = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    return versions[0]["schema"]["openAPIV3Schema"]
