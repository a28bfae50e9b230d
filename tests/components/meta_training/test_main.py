"""The program that torchrun and a TrainJob start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.agent.stage_inputs import write_embedding
from tests.telemetry_folders import write_telemetry_folder

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ["-m", "components.meta_training.main", "--quick"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("inputs")
    dataset = write_telemetry_folder(folder / "dataset", steps=160)
    embedding = write_embedding(folder / "embedding", dataset)
    return ["--dataset", str(dataset), "--embedding", str(embedding)]


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def reward_of(output: Path) -> float:
    curve = json.loads((output / "curve.json").read_text())
    return curve["iterations"][-1]["held_out"]["reward"]


@pytest.mark.slow
def test_two_processes_learn_what_one_does_within_noise(inputs: list[str], tmp_path: Path) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    together = run([*torchrun, *PROGRAM, *inputs, "--output", str(tmp_path / "two")])
    assert together.returncode == 0, together.stderr
    assert together.stdout.count("decisions by 2 processes") == 1
    alone = run([*PROGRAM, *inputs, "--output", str(tmp_path / "one")])
    assert alone.returncode == 0, alone.stderr
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        path.name for path in (tmp_path / "two").iterdir()
    }
    assert not (tmp_path / "two.unfinished").exists()
    # Six updates of 64 applications; seeds alone differ by as much.
    assert abs(reward_of(tmp_path / "one") - reward_of(tmp_path / "two")) < 0.01


def test_a_mistake_is_one_line(inputs: list[str], tmp_path: Path) -> None:
    wrong = [*inputs[:3], str(tmp_path / "nothing"), "--output", str(tmp_path / "out")]
    ended = run([*PROGRAM, *wrong])
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
