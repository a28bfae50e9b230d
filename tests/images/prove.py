"""Builds every image offline and runs it as a cluster would: `python -m tests.images.prove`.

A stage runs by the very command that Kubeflow gives its container, on the recorded telemetry, in
quick form, without a network, on a read-only root and as the image's own user. Stages that are
not named run on this machine, so that those after them have their inputs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from images.build import build, size_bytes, start_s
from images.catalogue import ROOT, SERVICES, SOURCE_ONLY, STAGES
from tests.images.trigger_container import answering_trigger
from tests.recorder import images as rig
from tests.recorder.podman import CACHE, RigError, call, environment

RECORDINGS = ROOT / "images" / "synthetic_app" / "recordings"
_ORDER = (*STAGES, *SERVICES)
_ONE_THREAD = ("-e", "OMP_NUM_THREADS=1", "-e", "NUMBA_NUM_THREADS=1")
_BUILD_OPTIONS = (
    "--isolation", "chroot", "--runtime", "/usr/sbin/runc",
    "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proof:
    """One image's figures; the size is on disk, over the base, in MB."""

    image: str
    over_base_mb: float
    build_s: float
    start_s: float
    run_s: float


def tag(name: str) -> str:
    """Return the name under which the proof builds the image."""
    return f"localhost/aware-python-proof/{name}:latest"


def wheels(name: str) -> Path:
    """Fetch what the image's locks pin, and pip, as wheels; returns their folder."""
    folder = CACHE / "wheels" / name
    locks = [ROOT / "images" / name / "requirements.lock"]
    if name not in SERVICES:
        locks.append(ROOT / "images" / "kfp.lock")
    if "build.lock" in (ROOT / "images" / name / "Containerfile").read_text():
        locks.append(ROOT / "images" / "build.lock")
    _download(folder, *(part for lock in locks for part in ("-r", str(lock))))
    if "torch.lock" in (ROOT / "images" / name / "Containerfile").read_text():
        _download(folder, "-r", str(ROOT / "images" / "torch.lock"))
    _download(folder, "pip")
    return folder


def _download(folder: Path, *what: str) -> None:
    call(
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
        "--only-binary", ":all:", *(part for each in SOURCE_ONLY for part in ("--no-binary", each)),
        "--no-build-isolation", "--dest", str(folder), *what,
    )  # fmt: skip


def build_offline(name: str) -> float:
    """Build the image on the rig's base; returns the seconds. Raises BuildError and RigError."""
    rig.build()
    folder = wheels(name)
    pip = next(folder.glob("pip-*.whl")).name
    arguments = {
        "BASE": rig.BASE_IMAGE,
        "PIP_OPTIONS": "--no-index --find-links /wheels",
        "PIP_WHEEL": f"/wheels/{pip}",
    }
    options = (*_BUILD_OPTIONS, "--volume", f"{folder}:/wheels:ro")
    return build(name, tag(name), arguments, options, environment())


def confined(name: str, work: Path, command: list[str]) -> list[str]:
    """Return the command that runs `command` in the image with nothing it doesn't need."""
    chosen = ["--entrypoint", command[0]] if command else []
    runtime = [] if name in SERVICES else ["-e", "_KFP_RUNTIME=true"]
    return [
        "podman", "run", "--rm", "--network=none", "--read-only", "--cap-drop=all",
        "--tmpfs", "/tmp:rw,size=512m", "--volume", f"{work}:{work}",
        *_ONE_THREAD, *runtime,
        *chosen, tag(name), *command[1:],
    ]  # fmt: skip


def _stage_command(name: str, work: Path) -> list[str]:
    component = getattr(importlib.import_module(f"components.{name}.component"), name)
    container = component.component_spec.implementation.container
    spec = component.component_spec
    parameters = {"telemetry": str(work / "telemetry"), "quick": True}
    sources = {"reference": "ingestion", "recent": "ingestion", "dataset": "ingestion"}
    sources |= {"meta_policy": "meta_training", "adapted": "fine_tuning"}
    given, artifacts = {}, {}
    for key, value in (spec.inputs or {}).items():
        if key in parameters:
            given[key] = parameters[key]
        elif value.type.startswith("system.") and not value.optional:
            artifacts[key] = _artifact(key, work / sources.get(key, key) / "output")
        elif not value.type.startswith("system."):
            given[key] = value.default
    outputs = {
        key: _artifact(key, work / name / key, value.type.split("@")[0])
        for key, value in spec.outputs.items()
        if value.type.startswith("system.")
    }
    executor_input = {
        "inputs": {"parameterValues": given, "artifacts": artifacts},
        "outputs": {"artifacts": outputs, "outputFile": str(work / name / "executor_output.json")},
    }
    whole = [str(part) for part in [*container.command, *container.args]]
    return [json.dumps(executor_input) if part == "{{$}}" else part for part in whole]


def _artifact(name: str, path: Path, title: str = "system.Artifact") -> dict[str, object]:
    one = {"name": name, "type": {"schemaTitle": title}, "uri": str(path), "metadata": {}}
    return {"artifacts": [one]}


def _seconds(command: list[str], expected: int = 0) -> float:
    here = {**environment(), "PYTHONPATH": str(ROOT), "_KFP_RUNTIME": "true"}
    here["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    started = time.monotonic()
    done = subprocess.run(command, env=here, cwd=CACHE, capture_output=True, text=True, check=False)
    if done.returncode != expected:
        raise RigError(f"{command[:2]}: ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.monotonic() - started


def prove(name: str, work: Path) -> Proof:
    """Build one image, start its program and run its stage. Raises BuildError and RigError."""
    build_s = build_offline(name)
    over = size_bytes(tag(name), environment()) - size_bytes(rig.BASE_IMAGE, environment())
    (work / name).mkdir(mode=0o777, exist_ok=True)
    (work / name).chmod(0o777)
    load_s = start_s(name, tag(name), _ONE_THREAD, environment())
    if name == "trigger":
        run_s = answering_trigger(confined(name, work, []), work)
    elif name in SERVICES:  # no cluster here: one line on what is missing, and 2
        run_s = _seconds(confined(name, work, []), expected=2)
    else:
        run_s = _seconds(confined(name, work, _stage_command(name, work)))
        if not any((work / name / "output").iterdir()):
            raise RigError(f"{name}: the stage left no output")
    return Proof(name, over / 1e6, build_s, load_s, run_s)


def main() -> int:
    """Prints a table, and one line of JSON at its end."""
    parser = argparse.ArgumentParser(prog="python -m tests.images.prove", description=__doc__)
    parser.add_argument("names", nargs="*", default=_ORDER, metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="leave the images where they are")
    options = parser.parse_args()
    proofs = []
    print(f"{'image':16} {'over base':>10} {'build':>7} {'start':>7} {'run':>7}")
    with tempfile.TemporaryDirectory(prefix="aware-proof-") as folder:
        work = Path(folder)
        work.chmod(0o777)
        call("cp", "-r", str(RECORDINGS), str(work / "telemetry"))
        last = max((STAGES.index(name) for name in options.names if name in STAGES), default=-1)
        for name in (*STAGES[: last + 1], *SERVICES):
            if name not in options.names:
                if name in STAGES:
                    _seconds(_stage_command(name, work))
                continue
            proof = prove(name, work)
            proofs.append(asdict(proof))
            print(
                f"{name:16} {proof.over_base_mb:7.0f} MB {proof.build_s:5.0f} s"
                f" {proof.start_s:5.1f} s {proof.run_s:5.1f} s",
                flush=True,
            )
            if not options.keep:
                call("podman", "rmi", tag(name))
    print(json.dumps({"images": proofs}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
