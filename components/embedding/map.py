"""The map of the workloads: embeddings on two axes, alike workloads near each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from components.cluster.compiled import FloatArray
from components.pictures import COLOURS, picture_png

_MARKERS = ("o", "s", "^", "D", "v")
_MOST_NAMES = 30


@dataclass(frozen=True, slots=True)
class Projection:
    """Principal axes: centre [E], axes [2, E], and the share of the variance each axis shows."""

    centre: FloatArray
    axes: FloatArray
    shares: tuple[float, float]

    def __call__(self, embeddings: FloatArray) -> FloatArray:
        """Coordinates on the map, [B, 2], of embeddings [B, E]."""
        return (embeddings - self.centre) @ self.axes.T


def principal_axes(embeddings: FloatArray) -> Projection:
    """The two directions in which the embeddings [B, E] (B >= 3) differ most.

    Each axis points to where its largest coefficient is positive, so that equal embeddings give
    equal maps.
    """
    centre = embeddings.mean(axis=0)
    _, scales, directions = np.linalg.svd(embeddings - centre, full_matrices=False)
    axes = directions[:2]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(2), largest])[:, None]
    shares = np.square(scales) / max(float(np.square(scales).sum()), 1e-12)
    return Projection(centre, axes, (float(shares[0]), float(shares[1])))


def map_png(synthetic: FloatArray, workloads: FloatArray, names: Sequence[str]) -> bytes:
    """The map as PNG: synthetic applications as grey dots, the workloads in colour.

    Args:
        synthetic: embeddings of synthetic applications, [S, E]; they span the map.
        workloads: embeddings of the workloads, [B, E].
        names: of the workloads, B of them.
    """
    projection = principal_axes(np.concatenate([synthetic, workloads]))
    background, places = projection(synthetic), projection(workloads)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.scatter(background[:, 0], background[:, 1], s=8, color="#bbbbbb", linewidths=0)
        for index, (place, name) in enumerate(zip(places, names, strict=True)):
            colour, marker = COLOURS[index % len(COLOURS)], _MARKERS[index % len(_MARKERS)]
            # Alike workloads lie on one another: beside the dots their names would as well.
            label = name if index < _MOST_NAMES else None
            axes.scatter(
                place[:1], place[1:], s=46, color=colour, marker=marker, label=label, zorder=3
            )
        axes.set_title("Workloads among synthetic applications (grey)")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes.set_xlabel(f"first axis, {projection.shares[0]:.0%} of the variance")
        axes.set_ylabel(f"second axis, {projection.shares[1]:.0%}")

    return picture_png(draw, 8.0, 5.5)
