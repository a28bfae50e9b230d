"""The encoder's output and the twins that were fitted in parts, as one embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.artifacts.parts import copy_parts, joined_documents
from components.embedding.page import embedding_html
from components.embedding.stage import EmbeddingSummary
from components.errors import UserError


def gather(encoder: Path, parts: Sequence[Path], output: Path) -> tuple[EmbeddingSummary, int]:
    """Write what one embedding with twins would have written; return its figures, twins counted.

    Raises UserError when no twin was fitted, and for a part that is damaged.
    """
    twins = joined_documents(parts, "twins.json")
    excluded = joined_documents(parts, "excluded.json")
    if not twins:
        raise UserError(next(iter(excluded.values()), "no workload was given to fit a twin to"))
    errors = {
        "encoder": read_json(encoder / "errors.json")["encoder"],
        "twins": {key: twin["errors"] for key, twin in twins.items()},
        "excluded": excluded,
    }
    page = embedding_html((encoder / "map.png").read_bytes(), errors, twins)
    with finished_directory(output) as folder:
        copy_parts([encoder], folder, without=("twins.json", "errors.json", "embedding.html"))
        write_json(folder / "twins.json", twins)
        write_json(folder / "errors.json", errors)
        write_text(folder / "embedding.html", page)
    forecasts = errors["encoder"]
    shares = [one["encoder"] / max(one["persistence"], 1e-9) for one in forecasts.values()]
    keys = tuple(read_json(encoder / "embeddings.json")["workloads"])
    return EmbeddingSummary(keys, shares[0], shares[1]), len(twins)
