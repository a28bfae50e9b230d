"""All kinds of faults."""

from __future__ import annotations

from tests.running_loop import faults_of_processes, faults_of_servers, faults_of_telemetry
from tests.running_loop.fault import Fault

KINDS: tuple[Fault, ...] = (
    *faults_of_telemetry.FAULTS,
    *faults_of_servers.SERVER,
    *faults_of_servers.CLUSTER,
    *faults_of_servers.STORE,
    *faults_of_processes.FAULTS,
)


def named() -> dict[str, Fault]:
    """The kinds by where they are and what they are called."""
    kinds = {f"{fault.where}: {fault.name}": fault for fault in KINDS}
    assert len(kinds) == len(KINDS), "no two kinds have one name"
    return kinds
