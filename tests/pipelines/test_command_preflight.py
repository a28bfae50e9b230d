"""`aware preflight` against a real Prometheus: the table and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipelines.cli import main
from tests.components.ingestion.shop_history import END, shop_history, write_workloads
from tests.prometheus_server import running_prometheus


def _exit_code(url: str, workloads: Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["preflight", "--prometheus", url, "--workloads", str(workloads), "--end", END])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_usable_workloads_end_in_zero_and_a_missing_one_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workloads = write_workloads(tmp_path)
    document = yaml.safe_load(workloads.read_text())
    lost = tmp_path / "lost.yaml"
    document["workloads"][0]["metrics"]["ingress"] = "nowhere"
    lost.write_text(yaml.safe_dump(document))
    with running_prometheus(tmp_path / "server", shop_history()) as url:
        assert _exit_code(url, workloads) == 0
        table = capsys.readouterr().out
        assert table.count("usable") == 2
        assert _exit_code(url, lost) == 2
    shown = capsys.readouterr()
    assert "nginx_ingress_controller_requests" in shown.out
    assert "no request_rate_per_s at all" in shown.out
    assert "1 of 2 workloads aren't usable yet" in shown.err
