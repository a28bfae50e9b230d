"""The bills of materials: valid, whole, and the same from the same locks."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images.catalogue import ROOT, SERVICES, STAGES
from images.materials import bill_of_materials

DIGEST = "a" * 64
BASE = f"docker.io/library/python@sha256:{DIGEST}"
MADE = datetime(2026, 1, 2, tzinfo=UTC)


def document(name: str) -> dict[str, Any]:
    return dict(json.loads(bill_of_materials(name, "0.1.0", BASE, MADE)))


@pytest.fixture(scope="module")
def validator() -> JsonStrictValidator:
    return JsonStrictValidator(SchemaVersion.V1_6)


@pytest.mark.parametrize("name", [*STAGES, *SERVICES])
def test_each_is_a_valid_document_of_all_that_the_image_s_locks_pin(
    validator: JsonStrictValidator, name: str
) -> None:
    text = bill_of_materials(name, "0.1.0", BASE, MADE)
    assert validator.validate_str(text) is None
    assert text == bill_of_materials(name, "0.1.0", BASE, MADE)
    lock = (ROOT / "images" / name / "requirements.lock").read_text()
    pins = re.findall(r"^(\S+)==(\S+)", lock, re.MULTILINE)
    pinned = {f"pkg:pypi/{each}@{version}" for each, version in pins}
    found = {one["purl"] for one in json.loads(text)["components"] if "purl" in one}
    assert pinned <= found
    # Stages have kfp beside their lock; who learns, torch.
    assert {one.split("@")[0] for one in found - pinned} <= {"pkg:pypi/kfp", "pkg:pypi/torch"}


def test_the_base_is_told_with_its_digest_and_packages_say_whom_they_need() -> None:
    told = document("actuator")
    parts = {one["bom-ref"]: one for one in told["components"]}
    assert parts["base"]["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    assert parts["base"]["name"] == "docker.io/library/python"
    needed = {one["ref"].split("@")[0]: one.get("dependsOn", []) for one in told["dependencies"]}
    client = {one.split("@")[0] for one in needed["pkg:pypi/kubernetes"]}
    assert {"pkg:pypi/pyyaml", "pkg:pypi/urllib3"} <= client
    assert told["metadata"]["component"]["name"] == "aware/actuator"


def test_a_licence_is_the_one_that_its_package_declares() -> None:
    parts = {one["name"]: one for one in document("trigger")["components"]}
    # By an expression, and by a classifier, which is no SPDX name.
    assert parts["pydantic"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert parts["kfp"]["licenses"] == [{"license": {"name": "Apache Software License"}}]


def test_another_pin_is_another_document() -> None:
    numbers = {document(name)["serialNumber"] for name in (*STAGES, *SERVICES)}
    assert len(numbers) == len((*STAGES, *SERVICES))
