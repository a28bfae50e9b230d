"""The whole path through kfp.local on three small simulated services, as the user starts it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.telemetry_folders import KEYS, write_telemetry_folder

AWARE = str(Path(sys.executable).with_name("aware"))
STAGES = (
    "ingestion",
    "embedding",
    "meta_training",
    "fine_tuning",
    "validation",
    "rollout",
    "run_summary",
)
DRIFTED = "shop/checkout"


@dataclass(frozen=True)
class Finished:
    """Two recordings and the first run on them."""

    telemetry: Path
    later: Path
    output: Path
    text: str

    @property
    def run(self) -> Path:
        return (self.output / "latest").resolve()


def aware(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [AWARE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("whole")
    telemetry = write_telemetry_folder(folder / "recordings")
    later = write_telemetry_folder(folder / "later", seed=1, drifted=[DRIFTED])
    output = folder / "runs"
    done = aware("run", "--telemetry", telemetry, "--later", later, "--output", output, "--quick")
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr == ""
    return Finished(telemetry, later, output, done.stdout)


def document(path: Path) -> dict:
    value: dict = json.loads(path.read_text())
    return value


def test_every_stage_leaves_its_output_and_nothing_else_remains(finished: Finished) -> None:
    assert {path.name for path in finished.run.iterdir()} == {
        "autoscaling",
        "report.html",
        "retraining",
        "run.json",
        "run.log",
    }
    assert {path.name for path in (finished.run / "autoscaling").iterdir()} == set(STAGES)
    assert [path.name for path in finished.output.iterdir() if path.name.startswith(".")] == []


def test_each_workload_gets_figures_a_verdict_with_reasons_and_a_manifest(
    finished: Finished,
) -> None:
    summary = document(finished.run / "run.json")["autoscaling"]
    assert set(summary["verdicts"]) == set(KEYS)
    assert all(verdict["reasons"] for verdict in summary["verdicts"].values())
    assert {"policy", "zero_shot", "hpa_default", "hpa", "hpa_vpa", "foresight"} <= set(
        summary["comparison"]
    )
    manifests = finished.run / "autoscaling" / "rollout" / "manifests"
    assert len(list(manifests.glob("*.yaml"))) == len(KEYS)


def test_the_terminal_shows_table_verdicts_drift_and_paths(finished: Finished) -> None:
    for words in ("HPA + VPA memory, tuned", "bound (perfect foresight)", *KEYS, "drifted"):
        assert words in finished.text
    assert str(finished.run / "report.html") in finished.text
    assert str(finished.run / "autoscaling" / "rollout" / "manifests") in finished.text
    assert "Traceback" not in finished.text


def test_the_report_needs_nothing_from_outside_and_tells_of_every_workload(
    finished: Finished,
) -> None:
    page = (finished.run / "report.html").read_text()
    assert page.count("<img ") >= len(KEYS) + 2
    assert page.count('src="data:image/png;base64,') == page.count("<img ")
    assert "<script" not in page
    assert "<link" not in page
    assert all(f"<h2>{key}</h2>" in page for key in KEYS)
    assert f"<h2>{DRIFTED}, retrained</h2>" in page


def test_a_finished_run_answers_what_why_what_if_and_what_it_saves(finished: Finished) -> None:
    run = ("--run", finished.run)
    told = {
        "explain": aware("explain", DRIFTED, *run),
        "savings": aware("savings", *run),
        "simulate": aware("simulate", DRIFTED, "--hpa-target", "0.5", "--cpu", "250m", *run),
    }
    for done in told.values():
        assert done.returncode == 0, done.stderr
    assert "drifted" in told["explain"].stdout
    assert all(key in told["savings"].stdout for key in KEYS)
    assert "HPA at 50%" in told["simulate"].stdout
    assert "policy" in told["simulate"].stdout
    figures = aware("simulate", DRIFTED, "--json", *run)
    assert set(json.loads(figures.stdout)) == {"HPA at 60%", "policy"}
    assert json.loads(figures.stdout)["policy"]["reward"] > 0


def test_only_what_drifted_is_retrained(finished: Finished) -> None:
    drift = document(finished.run / "run.json")["drift"]
    assert {key for key, entry in drift.items() if entry["drifted"]} == {DRIFTED}
    adapted = document(finished.run / "retraining" / "fine_tuning" / "adapted.json")
    assert set(adapted) == {DRIFTED}
    told = document(finished.run / "retraining" / "run_summary" / "summary.json")
    assert told[DRIFTED]["retraining"] == "retrained"
    assert told[DRIFTED]["reasons"][0].startswith("dynamics: CPU per request is")
    assert [entry["retraining"] for key, entry in told.items() if key != DRIFTED] == ["–", "–"]


def test_steady_telemetry_retrains_nothing(finished: Finished, tmp_path: Path) -> None:
    done = aware(
        "retrain", "--run", finished.run, "--telemetry", finished.telemetry,
        "--output", tmp_path / "runs", "--quick", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = (tmp_path / "runs" / "latest").resolve()
    assert json.loads(done.stdout) == document(run / "run.json")
    assert not any(entry["drifted"] for entry in json.loads(done.stdout)["drift"].values())
    assert {path.name for path in (run / "retraining").iterdir()} == {
        "ingestion",
        "drift_check",
        "take_turn",
        "run_summary_2",
    }
    assert (run / "report.html").exists()


@pytest.mark.parametrize("stage", ["ingestion", "embedding", "meta_training", "validation"])
def test_retraining_names_the_output_that_was_deleted(
    finished: Finished, tmp_path: Path, stage: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished.run, copy)
    shutil.rmtree(copy / "autoscaling" / stage)
    done = aware("retrain", "--run", copy, "--telemetry", finished.later, "--quick")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(copy / "autoscaling" / stage) in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_mistake_in_the_later_recording_keeps_what_was_learned_before(
    finished: Finished, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    shutil.copytree(finished.later, later)
    for path in later.glob("shop/*.parquet"):
        path.write_bytes(b"")
    output = tmp_path / "runs"
    done = aware(
        "run", "--telemetry", finished.telemetry, "--later", later, "--output", output, "--quick"
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: nothing was retrained on {later}: ")
    assert done.stderr.count("\n") == 1
    assert "Held-out telemetry" in done.stdout
    assert {path.name for path in (output / "latest").iterdir()} == {
        "autoscaling",
        "report.html",
        "run.json",
        "run.log",
    }


def children(pid: int) -> list[int]:
    """Return all that descends from a process, as the kernel tells it."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        path = Path(f"/proc/{waiting[0]}/task/{waiting.pop(0)}/children")
        below = [int(one) for one in path.read_text().split()] if path.exists() else []
        found += below
        waiting += below
    return found


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for(condition: object, seconds: float = 180.0) -> bool:
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def stopped_in_the_middle(
    finished: Finished, output: Path, stage: str, number: int
) -> tuple[int, str]:
    """Start a run, send it a signal while `stage` works; return exit code and stderr."""
    # A shell lets what runs in its background ignore SIGINT, and that is inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [AWARE, "run", "--telemetry", str(finished.telemetry), "--output", str(output), "--quick"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    try:

        def works() -> bool:
            files = output.glob("*/progress.jsonl")
            return any(f'"{stage}"' in path.read_text() for path in files)

        assert wait_for(works)
        below = children(process.pid)
        assert below
        os.kill(process.pid, number)
        code = process.wait(timeout=60)
        assert wait_for(lambda: not any(map(is_running, below)))
        return code, process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_after_kill_9_the_next_run_gives_what_the_first_gave(
    finished: Finished, tmp_path: Path
) -> None:
    output = tmp_path / "runs"
    code, _ = stopped_in_the_middle(finished, output, "meta_training", signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not (output / "latest").exists()
    done = aware("run", "--telemetry", finished.telemetry, "--output", output, "--quick", "--quiet")
    assert done.returncode == 0, done.stderr
    again = (output / "latest").resolve()
    assert done.stdout == f"{again}\n"
    assert {path.name for path in output.iterdir()} == {again.name, "latest"}
    for name in ("validation/validation.json", "fine_tuning/adapted.json"):
        first, second = (run / "autoscaling" / name for run in (finished.run, again))
        assert _without_times(document(second)) == _without_times(document(first)), name


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if "seconds" not in key}
    if isinstance(value, list):
        return [_without_times(one) for one in value]
    return value


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_stop_leaves_nothing(
    finished: Finished, tmp_path: Path, number: int, code: int
) -> None:
    output = tmp_path / "runs"
    found, text = stopped_in_the_middle(finished, output, "embedding", number)
    assert found == code
    assert "Traceback" not in text
    assert list(tmp_path.iterdir()) == []
