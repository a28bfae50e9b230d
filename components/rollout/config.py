"""What rollout can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.artifacts.bundle import Signer
from components.errors import UserError

# The private key as PEM text, from a Secret.
SIGNING_KEY_VARIABLE = "AWARE_SIGNING_KEY"


@dataclass(frozen=True, slots=True)
class RolloutConfig:
    """`store_url`: a folder or minio://bucket/prefix (components.artifacts.open).

    A dry run leaves the store alone: bundles and channels go to `store/` in the stage's own
    output, where they can be looked at. `signer` signs what is published; without it nothing is
    signed. Raises UserError when neither store nor dry run is chosen.
    """

    store_url: str = ""
    dry_run: bool = True
    signer: Signer | None = None

    def __post_init__(self) -> None:
        if not self.dry_run and not self.store_url:
            raise UserError("rollout needs a store_url (a folder or minio://...) unless dry_run")


def signer_from(environment: Mapping[str, str]) -> Signer | None:
    """Return what signs with the environment's key; None where it has none.

    Raises UserError for what is no ed25519 key.
    """
    pem = environment.get(SIGNING_KEY_VARIABLE, "")
    if not pem:
        return None
    # Whoever signs nothing needs no cryptography.
    from components.artifacts.signature import read_private_key, signer_of  # noqa: PLC0415

    return signer_of(read_private_key(pem.encode()))
