"""Real containers with real limits: the few podman commands that the node needs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.recorder import cgroup

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "aware-rig"
WORK_LABEL = "aware-recorder-work"
_PROGRAMS = ("podman", "buildah", "runc", "prometheus", "debootstrap")
_CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class RigError(Exception):
    """This machine can't run the recorder, or one of its real parts failed; one line says why."""


def missing_programs() -> str | None:
    """Return in one line which programs are to be installed before recording, or None."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"recording needs {', '.join(missing)}; apt-get install {' '.join(missing)}"
    return None


def missing_rights() -> str | None:
    """Return in one line what this machine doesn't let us do, or None."""
    if os.geteuid() != 0:
        return "recording needs root (containers with limits); run it as root"
    if cgroup.version() == 0:
        return f"recording needs the cgroup controllers cpu and memory under {cgroup.CGROUPS}"
    return None


def environment() -> dict[str, str]:
    """Return the environment in which podman and buildah use runc and plain cgroups."""
    CACHE.mkdir(parents=True, exist_ok=True)
    configuration = CACHE / "containers.conf"
    if not configuration.exists() or configuration.read_text() != _CONTAINERS_CONF:
        configuration.write_text(_CONTAINERS_CONF)
    return {**os.environ, "CONTAINERS_CONF": str(configuration)}


def call(*command: str) -> str:
    """Return what the command prints. Raises RigError with its last line of error."""
    done = subprocess.run(
        command, env=environment(), cwd=CACHE, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RigError(f"{' '.join(command[:3])}: {_last_line(done.stderr)}")
    return done.stdout.strip()


async def call_beside(*command: str) -> str:
    """Return what the command prints, other tasks running meanwhile. Raises RigError."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment(),
        cwd=CACHE,  # where conmon leaves a file named oom
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    if process.returncode:
        raise RigError(f"{' '.join(command[:3])}: {_last_line(error.decode())}")
    return out.decode().strip()


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "failed without a message"


def containers_of(work_id: str) -> list[str]:
    """Return the ids of the work folder's containers, running or not."""
    label = f"label={WORK_LABEL}={work_id}"
    return call("podman", "ps", "-aq", "--no-trunc", "--filter", label).split()


def remove_leftovers(work_id: str) -> int:
    """Remove the containers that a crashed recording of this work folder left; returns how many."""
    containers = containers_of(work_id)
    if containers:
        call("podman", "rm", "-f", "-t", "0", *containers)
    return len(containers)


def _limits(cpu_m: int, memory_bytes: int) -> tuple[str, ...]:
    return (
        "--cpus", f"{cpu_m / 1000:.3f}",
        "--memory", str(memory_bytes), "--memory-swap", str(memory_bytes),
    )  # fmt: skip


async def start_container(
    image: str, work_id: str, port: int, settings: object, cpu_m: int, memory_bytes: int
) -> str:
    """Start one replica of the service on its own port of the loopback; returns its id."""
    return await call_beside(
        "podman", "run", "-d", "--network=host", "--read-only", "--user", "1000:1000",
        "--cap-drop=all", "--label", f"{WORK_LABEL}={work_id}", "--log-driver=none",
        *_limits(cpu_m, memory_bytes),
        "-e", f"APP_PORT={port}", "-e", "APP_HOST=127.0.0.1",
        "-e", f"APP_SETTINGS={json.dumps(settings)}", image,
    )  # fmt: skip


async def resize_container(container: str, cpu_m: int, memory_bytes: int) -> None:
    """Change a running container's limits in place. Raises RigError where the kernel refuses."""
    await call_beside("podman", "update", *_limits(cpu_m, memory_bytes), container)


async def process_of(container: str) -> int:
    """Return the container's first process."""
    return int(await call_beside("podman", "inspect", "-f", "{{.State.Pid}}", container))


async def exit_code(container: str) -> int:
    """Wait until the container has ended; returns its exit code."""
    return int(await call_beside("podman", "wait", container))


async def restart_container(container: str) -> None:
    """Start an ended container again, as a kubelet does."""
    await call_beside("podman", "start", container)


async def remove_container(container: str, grace_s: int = 0) -> None:
    """Stop (SIGTERM, then SIGKILL after the grace) and remove the container."""
    await call_beside("podman", "rm", "-f", "-t", str(grace_s), container)
