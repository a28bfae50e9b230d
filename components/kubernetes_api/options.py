"""What every process that holds a Lease is told when it is started."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def service_parser(name: str, description: str, tick_s: float) -> argparse.ArgumentParser:
    """The command line that recommender and actuator share: `tick_s` is the default in seconds."""
    made = argparse.ArgumentParser(prog=name, description=description)
    made.add_argument(
        "--kubeconfig", type=Path, help="the cluster's; without it the one this process runs in"
    )
    made.add_argument(
        "--namespace",
        default=os.environ.get("POD_NAMESPACE", "aware-system"),
        help="where the Leases of recommender and actuator are (default: %(default)s)",
    )
    made.add_argument(
        "--identity",
        default=os.environ.get("HOSTNAME", f"process-{os.getpid()}"),
        help="this process's name in its Lease (default: %(default)s)",
    )
    made.add_argument("--tick-seconds", type=float, default=tick_s)
    return made
