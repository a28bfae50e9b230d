"""What rollout can be told."""

from __future__ import annotations

from dataclasses import dataclass

from components.errors import UserError


@dataclass(frozen=True, slots=True)
class RolloutConfig:
    """`store_url`: a folder or minio://bucket/prefix (components.artifacts.open).

    A dry run leaves the store alone: bundles and channels go to `store/` in the stage's own
    output, where they can be looked at. Raises UserError when neither is chosen.
    """

    store_url: str = ""
    dry_run: bool = True

    def __post_init__(self) -> None:
        if not self.dry_run and not self.store_url:
            raise UserError("rollout needs a store_url (a folder or minio://...) unless dry_run")
