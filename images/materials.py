"""What an image holds, as a CycloneDX bill of materials: written from its locks, beside it."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from images.catalogue import ROOT, SERVICES
from images.lock import blocks, needed_by

# So that the same locks give the same document.
_NAMESPACE = uuid.UUID("8d5c9f0e-6a43-4f0f-9d53-6f0b8f3a2f6e")
_LICENCE_CLASSIFIER = "License :: OSI Approved :: "


def locks(name: str) -> list[Path]:
    """Return the files that pin what is in the image (what only builds it isn't)."""
    found = [ROOT / "images" / name / "requirements.lock"]
    text = (ROOT / "images" / name / "Containerfile").read_text(encoding="utf-8")
    if name not in SERVICES:
        found.append(ROOT / "images" / "kfp.lock")
    if "torch.lock" in text:
        found.append(ROOT / "images" / "torch.lock")
    return found


def pins(name: str) -> dict[str, tuple[str, list[str]]]:
    """Return distribution to its version and the SHA-256 digests, one of which was installed."""
    found = {}
    for lock in locks(name):
        for distribution, text in blocks(lock.read_text(encoding="utf-8")).items():
            version = text.split("==")[1].split()[0]
            found[distribution] = (version, re.findall(r"sha256:([0-9a-f]{64})", text))
    return found


def bill_of_materials(name: str, version: str, base: str, made: datetime) -> str:
    """Return the image's CycloneDX 1.6 document as JSON: packages, licences, who needs whom.

    `base` is the base image's name, with its digest where that is known. What Debian's packages
    there are, its own makers say.
    """
    found = pins(name)
    image = Component(
        name=f"aware/{name}", version=version, type=ComponentType.CONTAINER, bom_ref="image",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )  # fmt: skip
    bom = Bom(metadata=BomMetaData(component=image, timestamp=made))
    parts = {each: _component(each, *pinned) for each, pinned in found.items()}
    foundation = Component(
        name=base.split("@", maxsplit=1)[0], type=ComponentType.CONTAINER, bom_ref="base",
        hashes=_digests(re.findall(r"@sha256:([0-9a-f]{64})$", base)),
    )  # fmt: skip
    for part in (foundation, *parts.values()):
        bom.components.add(part)
    bom.register_dependency(image, [foundation, *parts.values()])
    for distribution, part in parts.items():
        needed = [parts[each] for each in needed_by(distribution) if each in parts]
        bom.register_dependency(part, needed)
    told = "\n".join([name, version, base, *(f"{each} {pin}" for each, pin in found.items())])
    bom.serial_number = uuid.uuid5(_NAMESPACE, told)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _component(distribution: str, version: str, digests: list[str]) -> Component:
    url = PackageURL("pypi", name=distribution, version=version)
    return Component(
        name=distribution, version=version, purl=url, bom_ref=url.to_string(),
        licenses=_licences(distribution), hashes=_digests(digests[:1] if len(digests) == 1 else []),
    )  # fmt: skip


def _digests(digests: list[str]) -> list[HashType]:
    """Return the digests in CycloneDX's terms.

    A package with a file for each platform has a digest for each, and which one a build takes is
    not known here: then none is given.
    """
    return [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in digests]


def _licences(distribution: str) -> list[License]:
    """Return the licence that the distribution itself declares; nothing is guessed."""
    told = metadata.metadata(distribution)
    text = told.get("License-Expression") or ""
    if not text:
        classified = [
            each.removeprefix(_LICENCE_CLASSIFIER)
            for each in told.get_all("Classifier") or []
            if each.startswith(_LICENCE_CLASSIFIER)
        ]
        text = classified[0] if len(classified) == 1 else ""
    return [LicenseFactory().make_from_string(text)] if text else []
