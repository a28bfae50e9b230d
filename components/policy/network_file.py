"""Networks as named arrays in a safetensors file: read and written without torch, no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from components.artifacts.files import write_bytes
from components.errors import UserError

# What a file holds; here and not beside the networks, so that who copies one needs no more.
ENCODER_KIND = "aware-encoder-1"
META_POLICY_KIND = "aware-meta-policy-1"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[np.float32]], kind: str) -> None:
    """Writes the arrays, complete or not at all; `kind` says what they are.

    Raises UserError when the path can't be written.
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(path, save(contiguous, metadata={"kind": kind}))


def read_arrays(path: Path, kind: str) -> dict[str, NDArray[np.float32]]:
    """The arrays of a file that `write_arrays` made.

    Raises UserError when it is missing, truncated, or holds something else than `kind`.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            found = (file.metadata() or {}).get("kind", "nothing it names")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run the stage that writes it again") from error
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path} is not a complete safetensors file ({error}): "
            "delete it and run its stage again"
        ) from error
    if found != kind:
        raise UserError(f"{path} holds {found} instead of {kind}: give the right file")
    return arrays
