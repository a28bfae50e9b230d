"""What the embedding stage may be told."""

from __future__ import annotations

from dataclasses import dataclass

from components.errors import require_at_least


@dataclass(frozen=True, slots=True)
class EmbeddingConfig:
    """Settings of the encoder's training and of the twins.

    seed: of everything drawn at random.
    applications: synthetic applications that the encoder learns from.
    held_out_applications: others that its error is measured on.
    intervals: decision intervals (60 s) in each past that the encoder learns from; fewer where no
        training part is as long.
    updates: gradient steps.
    twin_members: parameter sets in each twin's ensemble.

    Raises UserError for a value that can't be meant.
    """

    seed: int = 0
    applications: int = 2048
    held_out_applications: int = 256
    intervals: int = 40
    updates: int = 700
    twin_members: int = 8

    def __post_init__(self) -> None:
        lowest = {
            "seed": 0,
            "applications": 8,
            "held_out_applications": 8,
            "intervals": 8,
            "updates": 1,
            "twin_members": 1,
        }
        require_at_least("embedding", self, lowest)


def quick_config(seed: int) -> EmbeddingConfig:
    """Small sizes: enough to see that everything works, not to be good."""
    return EmbeddingConfig(
        seed=seed,
        applications=128,
        held_out_applications=32,
        intervals=24,
        updates=40,
        twin_members=3,
    )
