"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation.blocks import ROOT
from tests.documentation.reference import pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_page_is_as_it_would_be_written_now(page: Path) -> None:
    told = "run `python -m tests.documentation.reference` and commit what it writes"
    assert (ROOT / page).read_text(encoding="utf-8") == PAGES[page], told


def test_the_pages_know_the_workloads_bounds_the_objects_modes_and_a_commands_options() -> None:
    text = "".join(PAGES.values())
    for row in (
        "| `workloads[].bounds.replicas.max` | integer from 1 to 10000 | required |",
        "| `spec.policy.updateMode` | `Off`, `Initial`, `Recreate`, `Auto` | `Off` |",
        "| `--hpa-target` | `0.6` |",
        "| `aware_recommender_workloads` | gauge | decided, phase |",
        "| `meta_policy` | required |",
    ):
        assert row in text
