"""Where in a store a task and the TrainJob that it started leave things for each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """The keys of the TrainJob `name`: two folders in, one folder and its summary out."""

    name: str

    @property
    def dataset(self) -> str:
        """Ingestion's output."""
        return f"{self.name}/dataset"

    @property
    def embedding(self) -> str:
        """Embedding's output."""
        return f"{self.name}/embedding"

    @property
    def output(self) -> str:
        """Meta-training's output."""
        return f"{self.name}/output"

    @property
    def summary(self) -> str:
        """What the stage returns, as JSON; it is written last."""
        return f"{self.name}/summary.json"

    @property
    def failure(self) -> str:
        """The one line of a user's mistake."""
        return f"{self.name}/failure.txt"
