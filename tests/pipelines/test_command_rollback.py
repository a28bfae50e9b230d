"""`aware rollback` on a real store in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.artifacts.bundle import Bundle, publish
from components.artifacts.channel import INCUMBENT, LIVE, SHADOW, move_channel, read_channel
from components.artifacts.local import LocalStore
from components.errors import UserError
from pipelines.cli import app


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["rollback", *arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_incumbent_acts_again_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    move_channel(store, "shop", "checkout", "a" * 64, LIVE)

    invoke("shop/checkout", "--store", str(tmp_path))
    first = read_channel(store, "shop", "checkout")
    again = invoke("shop/checkout", "--store", str(tmp_path))

    assert (first.current, first.state) == ("a" * 64, INCUMBENT)
    assert read_channel(store, "shop", "checkout") == first
    assert "acts already" in again


def test_an_earlier_policy_begins_in_the_shadow(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    earlier = publish(store, Bundle("shop/checkout", {}, {}, {}))
    move_channel(store, "shop", "checkout", earlier, LIVE)
    move_channel(store, "shop", "checkout", "b" * 64, LIVE)

    told = invoke("shop/checkout", "--store", str(tmp_path))
    assert earlier in told
    for _ in range(2):
        invoke("shop/checkout", "--store", str(tmp_path), "--to", earlier)

    after = read_channel(store, "shop", "checkout")
    assert (after.current, after.state) == (earlier, SHADOW)


@pytest.mark.parametrize("workload", ["checkout", "shop/", "/checkout", "a/b/c"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, workload: str) -> None:
    with pytest.raises(UserError, match="NAMESPACE/NAME"):
        invoke(workload, "--store", str(tmp_path))
