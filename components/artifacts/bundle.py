"""A policy as it is published: tensors and a manifest, under the digest of both."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from components.artifacts.files import json_bytes
from components.artifacts.store import MissingObjectError, Store
from components.errors import UserError

SCHEMA_VERSION = 1
# Of a digest, by whoever holds the key (components.artifacts.signature).
Signer = Callable[[str], bytes]
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that serving one workload needs, and what it was decided on.

    `rule_parameters` are the rule's named parameters; `arrays` are the tensors of the exported
    networks; `manifest` is what bundle.json holds beside them (training_data_digest,
    code_version, metrics, reference statistics, verdict), as JSON values.
    """

    workload: str
    rule_parameters: Mapping[str, float]
    arrays: Mapping[str, NDArray[Any]]
    manifest: Mapping[str, Any]


def encode(bundle: Bundle) -> tuple[bytes, bytes, str]:
    """policy.safetensors, bundle.json and the digest over both; equal bundles give equal bytes.

    Raises ValueError when a parameter or a value of the manifest is not finite.
    """
    for name, value in bundle.rule_parameters.items():
        if not math.isfinite(value):
            raise ValueError(f"rule parameter {name} of {bundle.workload} is {value}")
    tensors = {name: np.ascontiguousarray(bundle.arrays[name]) for name in sorted(bundle.arrays)}
    policy = save_tensors(tensors)
    document = json_bytes(
        {
            **bundle.manifest,
            "schema_version": SCHEMA_VERSION,
            "workload": bundle.workload,
            "rule_parameters": dict(bundle.rule_parameters),
        }
    )
    return policy, document, _digest(policy, document)


def publish(store: Store, bundle: Bundle, signer: Signer | None = None) -> str:
    """Stores the bundle under policies/<digest>/, signed if there is a signer; returns the digest.

    bundle.json is written last: a bundle that has one is complete. The same bundle again changes
    nothing. Raises UserError when it is there signed by another key.
    """
    policy, document, digest = encode(bundle)
    store.write_once(f"policies/{digest}/policy.safetensors", policy)
    if signer is not None:
        store.write_once(signature_key(digest), signer(digest))
    store.write_once(f"policies/{digest}/bundle.json", document)
    return digest


def load(store: Store, digest: str) -> Bundle:
    """The bundle with this digest.

    Raises UserError when it is missing, incomplete, altered, or of a later schema.
    """
    if not _DIGEST.fullmatch(digest):
        raise UserError(f"{digest!r} is not a bundle's digest (64 hexadecimal digits)")
    try:
        document = store.read(f"policies/{digest}/bundle.json")
        policy = store.read(f"policies/{digest}/policy.safetensors")
    except MissingObjectError as error:
        raise UserError(f"bundle {digest} is missing or incomplete: publish it again") from error
    if _digest(policy, document) != digest:
        raise UserError(f"bundle {digest} was altered or truncated: delete it, publish it again")
    try:
        manifest = json.loads(document)
        arrays = load_tensors(policy)
    except (ValueError, SafetensorError) as error:
        raise UserError(f"bundle {digest} cannot be read: {error}") from error
    version = manifest.pop("schema_version")
    if version != SCHEMA_VERSION:
        raise UserError(
            f"bundle {digest} has schema {version}, this release reads {SCHEMA_VERSION}: use the"
            " release that published it"
        )
    return Bundle(manifest.pop("workload"), manifest.pop("rule_parameters"), arrays, manifest)


def signature_key(digest: str) -> str:
    """Where the bundle's signature lies in the store."""
    return f"policies/{digest}/signature.ed25519"


def stored_signature(store: Store, digest: str) -> bytes | None:
    """The bundle's signature as it lies in the store, whoever made it; None where there is none."""
    tagged = store.read_tagged(signature_key(digest))
    return None if tagged is None else tagged[0]


def _digest(policy: bytes, document: bytes) -> str:
    """SHA-256 over the SHA-256 of each part, so that no byte can move from one to the other."""
    parts = hashlib.sha256(policy).digest() + hashlib.sha256(document).digest()
    return hashlib.sha256(parts).hexdigest()
