"""What the recommender is told when it is started."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from components.artifacts.signature import read_public_key
from components.errors import UserError
from components.kubernetes_api.names import RECOMMENDER_SERVICE
from components.kubernetes_api.options import service_parser
from components.metrics.prometheus import PrometheusClient
from components.page.costs import CORE_PRICE, GIB_PRICE
from components.recommender.settings import RecommenderSettings
from components.recommender.telemetry_folder import TelemetryFolder
from components.recommender.telemetry_prometheus import PrometheusSource
from components.recommender.telemetry_source import TelemetrySource

# A tick has many queries, so that one slow answer must not hold it up.
_PROMETHEUS_TIMEOUT_S = 10.0


def telemetry_of(options: argparse.Namespace) -> TelemetrySource:
    """The source that the options name; raises UserError without one."""
    if options.telemetry is not None:
        return TelemetryFolder(options.telemetry)
    url = options.prometheus or os.environ.get("PROMETHEUS_URL", "")
    if not url:
        raise UserError("no telemetry: give --prometheus URL (or PROMETHEUS_URL) or --telemetry")
    return PrometheusSource(PrometheusClient(url, _PROMETHEUS_TIMEOUT_S))


def verification_key(path: Path | None) -> Ed25519PublicKey | None:
    """The key that bundles must be signed with; a key that is asked for and missing is an error."""
    if path is None:
        return None
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise UserError(f"can't read the verification key {path}: {error.strerror}") from error
    return read_public_key(pem)


def address_of(text: str, option: str) -> tuple[str, int]:
    """Host and port of an option; raises UserError for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise UserError(f"{option} {text!r} is no address: give host:port")
    return host, int(port)


def parser() -> argparse.ArgumentParser:
    """The command line of the recommender."""
    made = service_parser(
        RECOMMENDER_SERVICE,
        "Recommends for MultidimPodAutoscalers.",
        RecommenderSettings().tick_s,
    )
    made.add_argument(
        "--prometheus",
        default="",
        help="its URL; one with credentials goes into the environment's PROMETHEUS_URL",
    )
    made.add_argument(
        "--telemetry",
        type=Path,
        help="instead of a Prometheus: folder with NAMESPACE/WORKLOAD.parquet, kept up to date",
    )
    made.add_argument(
        "--store", default="", help="folder or minio://bucket/prefix; without it the incumbent acts"
    )
    made.add_argument(
        "--verification-key",
        type=Path,
        default=os.environ.get("AWARE_VERIFICATION_KEY_FILE") or None,
        help="ed25519 public key (PEM): a bundle that its owner didn't sign is refused",
    )
    made.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        help="where /metrics, /healthz and /readyz are served (default: %(default)s)",
    )
    made.add_argument(
        "--page",
        default="",
        help="host:port at which a read-only page is served; off without it, and meant for a"
        " loopback address that `kubectl port-forward` reaches",
    )
    made.add_argument(
        "--core-price", type=float, default=CORE_PRICE, help="for the page: of a core an hour"
    )
    made.add_argument(
        "--gib-price", type=float, default=GIB_PRICE, help="for the page: of a GiB an hour"
    )
    return made
