"""The parts of the rollout, each published by a pod of its own, as one output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.artifacts.files import finished_directory, write_json, write_text
from components.artifacts.parts import copy_parts, joined_documents
from components.rollout.page import rollout_html
from components.rollout.stage import DECISIONS_FILE, PAGE_FILE, RolloutSummary, manifest_file


def gather(parts: Sequence[Path], output: Path) -> RolloutSummary:
    """Write rollout.json, rollout.html, the manifests and a dry run's store of all parts.

    Raises UserError for a damaged part.
    """
    decisions = joined_documents(parts, DECISIONS_FILE)
    with finished_directory(output) as folder:
        copy_parts(parts, folder, without=(DECISIONS_FILE, PAGE_FILE))
        manifests = {
            key: manifest_file(folder, key).read_text(encoding="utf-8") for key in decisions
        }
        write_json(folder / DECISIONS_FILE, decisions)
        write_text(folder / PAGE_FILE, rollout_html(decisions, manifests))
    return RolloutSummary(
        tuple(key for key, item in decisions.items() if item["accepted"]),
        tuple(key for key, item in decisions.items() if not item["accepted"]),
    )
