"""What the kernel counts per container: the files that cAdvisor reads, of either cgroup version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
PARENT = "libpod_parent"
_PRECEDENCE = {"cpu.shares": "200000", "cpu.weight": "10000"}


@dataclass(frozen=True, slots=True)
class Counters:
    """One container's counters since it started, and its memory now."""

    cpu_s: float
    periods: int
    throttled_periods: int
    throttled_s: float
    usage_bytes: int
    working_set_bytes: int


def version(root: Path = CGROUPS) -> int:
    """Return 1 or 2 where CPU and memory are counted so, 0 where neither is mounted."""
    if all((root / controller).is_dir() for controller in ("cpu", "cpuacct", "memory")):
        return 1
    try:
        controllers = (root / "cgroup.controllers").read_text().split()
    except OSError:
        return 0
    return 2 if {"cpu", "memory"} <= set(controllers) else 0


def read_counters(container: str, root: Path = CGROUPS) -> Counters | None:
    """Return the container's counters, or None once its cgroup is gone."""
    group = f"{PARENT}/libpod-{container}"
    try:
        return _version_1(root, group) if version(root) == 1 else _version_2(root / group)
    except (OSError, KeyError, ValueError):
        return None


def _version_1(root: Path, group: str) -> Counters:
    cpu = _fields(root / "cpu" / group / "cpu.stat")
    cpu_ns = int((root / "cpuacct" / group / "cpuacct.usage").read_text())
    usage = int((root / "memory" / group / "memory.usage_in_bytes").read_text())
    inactive = _fields(root / "memory" / group / "memory.stat")["total_inactive_file"]
    return Counters(
        cpu_ns / 1e9,
        cpu["nr_periods"],
        cpu["nr_throttled"],
        cpu["throttled_time"] / 1e9,
        usage,
        max(usage - inactive, 0),
    )


def _version_2(folder: Path) -> Counters:
    cpu = _fields(folder / "cpu.stat")
    usage = int((folder / "memory.current").read_text())
    inactive = _fields(folder / "memory.stat")["inactive_file"]
    return Counters(
        cpu["usage_usec"] / 1e6,
        cpu["nr_periods"],
        cpu["nr_throttled"],
        cpu["throttled_usec"] / 1e6,
        usage,
        max(usage - inactive, 0),
    )


def oom_kills(vmstat: Path = Path("/proc/vmstat")) -> int:
    """Return how many processes the kernel has killed for memory since it booted."""
    return _fields(vmstat)["oom_kill"]


def _fields(path: Path) -> dict[str, int]:
    lines = (line.split() for line in path.read_text().splitlines())
    return {name: int(value) for name, value in lines}


def raise_priority(root: Path = CGROUPS) -> None:
    """Give the measured containers precedence over whatever else this machine does."""
    for folder in (root / "cpu" / PARENT, root / PARENT):
        for name, share in _PRECEDENCE.items():
            file = folder / name
            if file.exists() and file.read_text().strip() != share:
                file.write_text(share)
