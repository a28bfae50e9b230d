"""The recorder, for real: containers with limits under load, scraped, ingested, and plausible."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.workload.spec import load_workloads
from components.workload.telemetry import COLUMNS, read_telemetry, telemetry_file
from tests.recorder import podman
from tests.recorder.run import Run
from tests.recorder.services import SERVICES

MINUTES = 4
NAMES = "checkout,search,thumbnails"


def command(output: Path, work: Path, *more: str) -> list[str]:
    options = ["--services", NAMES, "--pace", "quick", "--output", str(output)]
    return [sys.executable, "-m", "tests.recorder", *options, "--work", str(work), *more]


@pytest.fixture(scope="module")
def recording(rig, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording")
    output, work = folder / "output", folder / "work"
    arguments = command(output, work, "--minutes", str(MINUTES))
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert podman.containers_of(Run(SERVICES, 60, work).work_id) == []
    workloads = load_workloads(output / "workloads.yaml")
    frames = {
        workload.name: read_telemetry(telemetry_file(output, workload)) for workload in workloads
    }
    return workloads, frames


@pytest.mark.rig
def test_a_recording_of_real_services_is_complete_and_plausible(recording):
    workloads, frames = recording
    assert sorted(frames) == sorted(NAMES.split(","))
    for workload in workloads:
        frame = frames[workload.name]
        assert list(frame.columns) == ["time", *COLUMNS]
        assert MINUTES * 4 - 4 <= len(frame) <= MINUTES * 4
        _load_arrived(frame, next(s for s in SERVICES if s.name == workload.name))
        _utilisation_is_bounded_by_the_limits(frame)
        _the_bounds_were_kept(frame, workload.bounds)
    _starving_throttles_and_slows(frames)
    _squeezing_kills(frames)


def _load_arrived(frame, service):
    assert frame["request_rate_per_s"].mean() == pytest.approx(service.rate.mean_per_s, rel=0.8)
    per_request_ms = (frame["cpu_usage_m"] / frame["request_rate_per_s"])[frame["error_ratio"] == 0]
    assert 0.3 * service.demand_ms < per_request_ms.median() < 4 * service.demand_ms


def _utilisation_is_bounded_by_the_limits(frame):
    # A rate looks back over 30 s: what it shows is allowed by the most that was given then.
    given_m = (frame["cpu_limit_m"] * frame["replicas_wanted"]).rolling(4, min_periods=1).max()
    assert (frame["cpu_usage_m"].dropna() <= 1.15 * given_m[frame["cpu_usage_m"].notna()]).all()
    held = (
        frame["memory_working_set_bytes"]
        <= 1.02 * frame["memory_limit_bytes"].rolling(3, min_periods=1).max()
    )
    assert held[frame["memory_working_set_bytes"].notna()].all()
    assert frame["cpu_throttled_ratio"].dropna().between(0, 1).all()
    assert frame["error_ratio"].dropna().between(0, 1).all()


def _the_bounds_were_kept(frame, bounds):
    assert frame["replicas_wanted"].between(bounds.replicas_min, bounds.replicas_max).all()
    assert frame["cpu_limit_m"].between(bounds.cpu_min_m, bounds.cpu_max_m).all()
    assert (frame["cpu_request_m"] == frame["cpu_limit_m"]).all()
    assert frame["replicas_wanted"].nunique() > 1
    assert frame["cpu_limit_m"].nunique() > 2
    assert frame["memory_limit_bytes"].nunique() > 1


def _starving_throttles_and_slows(frames):
    """The quick plan supplies each service well at first and then starves it for 50 s."""
    for name, frame in frames.items():
        service = next(one for one in SERVICES if one.name == name)
        demand_m = frame["request_rate_per_s"] * service.demand_ms
        given = frame["cpu_limit_m"] * frame["replicas_ready"] / demand_m
        starved, supplied = given < 0.7, given > 2.0
        assert starved.any(), name
        assert supplied.any(), name
        throttled = frame["cpu_throttled_ratio"]
        assert throttled[starved].max() > 0.5, name
        # A refusal is quick, and a queue outlives its cause: latency alone says too little.
        failed = (frame["error_ratio"] > 0.1) | (frame["latency_ms"] > service.latency_slo_ms)
        assert failed[starved].mean() > failed[supplied].mean(), name


def _squeezing_kills(frames):
    kills = sum(frame["oom_kills"].sum() for frame in frames.values())
    restarts = sum(frame["restarts"].sum() for frame in frames.values())
    assert kills >= 1
    assert restarts >= kills


@pytest.mark.rig
def test_a_stopped_recording_leaves_no_container_and_no_output(rig, tmp_path):
    output, work = tmp_path / "output", tmp_path / "work"
    process = subprocess.Popen(
        command(output, work, "--minutes", "5"), stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        while "recording" not in process.stdout.readline():
            assert process.poll() is None
        process.terminate()
        assert process.wait(60) == 1
    assert podman.containers_of(Run(SERVICES, 60, work).work_id) == []
    assert not output.exists()
