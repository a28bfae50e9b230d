"""`aware store clean` on a real store in a folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.artifacts.bundle import Bundle, publish
from components.artifacts.channel import SHADOW, move_channel
from components.artifacts.local import LocalStore
from components.errors import UserError
from pipelines.cli import app

DAY_S = 86400.0


def invoke(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["store", "clean", "--store", str(folder), *arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def digests(tmp_path: Path) -> list[str]:
    """Bundles of one workload, 100, 90, 80 and 70 days old; the oldest acts."""
    store = LocalStore(tmp_path)
    found = [publish(store, Bundle("shop/cart", {}, {}, {"number": one})) for one in range(4)]
    for index, digest in enumerate(found):
        then_s = time.time() - (100 - 10 * index) * DAY_S
        for part in (tmp_path / "policies" / digest).iterdir():
            os.utime(part, (then_s, then_s))
    move_channel(store, "shop", "cart", found[0], SHADOW)
    return found


def left(folder: Path) -> set[str]:
    return {path.name for path in (folder / "policies").iterdir()}


def test_without_delete_it_says_what_it_would_do_and_does_nothing(
    tmp_path: Path, digests: list[str]
) -> None:
    told = invoke(tmp_path, "--keep", "1")
    assert f"{digests[1]}  shop/cart: would go" in told
    assert "2 would be deleted; 1 are in use, 1 among a workload's newest, 0 younger" in told
    assert "--delete does it" in told
    assert left(tmp_path) == set(digests)


def test_it_deletes_what_no_channel_names_and_is_old(tmp_path: Path, digests: list[str]) -> None:
    told = json.loads(invoke(tmp_path, "--keep", "1", "--delete", "--json"))
    assert set(told["deleted"]) == set(digests[1:3])
    assert left(tmp_path) == {digests[0], digests[3]}
    assert "0 deleted" in invoke(tmp_path, "--keep", "1", "--delete")


def test_a_longer_age_keeps_more(tmp_path: Path, digests: list[str]) -> None:
    told = json.loads(invoke(tmp_path, "--keep", "0", "--older-than", "85d", "--json"))
    assert told == {"unneeded": [digests[1]], "deleted": [], "in_use": 1, "newest": 0, "young": 2}


@pytest.mark.parametrize("span", ["30", "d", "0h", "-1d", "30 days", "1m"])
def test_a_span_that_is_none_or_too_short_is_the_users_mistake(tmp_path: Path, span: str) -> None:
    with pytest.raises(UserError, match="--older-than"):
        invoke(tmp_path, "--older-than", span)
