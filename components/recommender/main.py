"""The recommender as a program: one tick after another, one deciding process of several."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from components.artifacts.open import open_store
from components.artifacts.signature import read_public_key
from components.artifacts.store import Store
from components.errors import TemporaryError, UserError
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import KubernetesClient, connect
from components.kubernetes_api.leases import LeaseHolder
from components.metrics.prometheus import PrometheusClient
from components.recommender.exposition import Figures, serving
from components.recommender.settings import RecommenderSettings
from components.recommender.telemetry_folder import TelemetryFolder
from components.recommender.telemetry_prometheus import PrometheusSource
from components.recommender.telemetry_source import TelemetrySource
from components.recommender.tick import COMPONENT, Recommender

_log = logging.getLogger(__name__)

# Renewed several times within its duration, also between ticks.
LEASE_S = 60
RENEW_S = 10.0
# A tick has many queries, so that one slow answer must not hold it up.
_PROMETHEUS_TIMEOUT_S = 10.0
# So many missed ticks in a row, and the process is better started anew.
_MISSED_TICKS = 5


@dataclass
class Service:
    """Ticks while this process holds the Lease; what fails is told and tried again."""

    client: KubernetesClient
    telemetry: TelemetrySource
    store: Store | None
    settings: RecommenderSettings
    lease: LeaseHolder
    clock: Callable[[], float] = time.monotonic
    figures: Figures = field(default_factory=Figures)
    verification_key: Ed25519PublicKey | None = None
    recommender: Recommender | None = None

    def __post_init__(self) -> None:
        self._alive_s = self.clock()
        self._due_s = self.clock()
        self._heard = False

    def live(self) -> bool:
        """Whether the loop still turns."""
        longest_s = _MISSED_TICKS * max(self.settings.tick_s, LEASE_S)
        return self.clock() - self._alive_s < longest_s

    def ready(self) -> bool:
        """Whether the API server has answered: a process that waits for the Lease is ready too."""
        return self._heard

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; the Lease is given up then."""
        pause_s = min(RENEW_S, self.settings.tick_s)
        while not stop.is_set():
            _told(self.once)
            self._alive_s = self.clock()
            stop.wait(pause_s)
        _told(self.lease.release)

    def once(self) -> None:
        """Renews the Lease and makes the tick that is due."""
        held = self.lease.hold()
        self._heard = True
        if not held:
            # What another process decides meanwhile is read anew when it is our turn.
            self.recommender = None
            return
        if self.clock() < self._due_s:
            return
        started_s = self.clock()
        self._due_s = started_s + self.settings.tick_s
        capabilities = discover(self.client)
        if self.recommender is None:
            self.recommender = Recommender(
                self.client,
                capabilities,
                self.telemetry,
                self.store,
                self.settings,
                self.figures,
                verification_key=self.verification_key,
            )
        self.recommender.capabilities = capabilities
        done = self.recommender.tick()
        self.figures.tick_took_s(self.clock() - started_s)
        held_count = sum(item.held for item in done)
        _log.info("%d workloads, %d of them held at the last good", len(done), held_count)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 when the user has something to put right."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        service = _service(options)
        host, port = _address(options.listen)
        with serving(host, port, service.figures, service.live, service.ready):
            service.run(stop)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"can't listen on {options.listen}: {error.strerror}; give --listen\n")
        return 2
    return 0


def _service(options: argparse.Namespace) -> Service:
    store = open_store(options.store, os.environ) if options.store else None
    client = connect(options.kubeconfig)
    return Service(
        client=client,
        telemetry=_telemetry(options),
        store=store,
        settings=RecommenderSettings(tick_s=options.tick_seconds),
        lease=LeaseHolder(client, options.namespace, COMPONENT, options.identity, LEASE_S),
        verification_key=_verification_key(options.verification_key),
    )


def _verification_key(path: Path | None) -> Ed25519PublicKey | None:
    """The key that bundles must be signed with; a key that is asked for and missing is an error."""
    if path is None:
        return None
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise UserError(f"can't read the verification key {path}: {error.strerror}") from error
    return read_public_key(pem)


def _telemetry(options: argparse.Namespace) -> TelemetrySource:
    if options.telemetry is not None:
        return TelemetryFolder(options.telemetry)
    url = options.prometheus or os.environ.get("PROMETHEUS_URL", "")
    if not url:
        raise UserError("no telemetry: give --prometheus URL (or PROMETHEUS_URL) or --telemetry")
    return PrometheusSource(PrometheusClient(url, _PROMETHEUS_TIMEOUT_S))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise UserError(f"--listen {text!r} is no address: give host:port")
    return host, int(port)


def _told(step: Callable[[], object]) -> None:
    try:
        step()
    except (TemporaryError, UserError) as error:
        _log.warning("%s", error)
    except Exception:  # noqa: BLE001 - a loop that ends recommends nothing any more
        _log.exception("a fault of the recommender itself")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aware-recommender", description="Recommends for MultidimPodAutoscalers."
    )
    parser.add_argument(
        "--kubeconfig", type=Path, help="the cluster's; without it the one this process runs in"
    )
    parser.add_argument(
        "--prometheus",
        default="",
        help="its URL; one with credentials goes into the environment's PROMETHEUS_URL",
    )
    parser.add_argument(
        "--telemetry",
        type=Path,
        help="instead of a Prometheus: folder with NAMESPACE/WORKLOAD.parquet, kept up to date",
    )
    parser.add_argument(
        "--store", default="", help="folder or minio://bucket/prefix; without it the incumbent acts"
    )
    parser.add_argument(
        "--verification-key",
        type=Path,
        default=os.environ.get("AWARE_VERIFICATION_KEY_FILE") or None,
        help="ed25519 public key (PEM): a bundle that its owner didn't sign is refused",
    )
    parser.add_argument(
        "--namespace",
        default=os.environ.get("POD_NAMESPACE", "aware-system"),
        help="where the Lease is (default: %(default)s)",
    )
    parser.add_argument(
        "--identity",
        default=os.environ.get("HOSTNAME", f"process-{os.getpid()}"),
        help="this process's name in the Lease (default: %(default)s)",
    )
    parser.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        help="where /metrics, /healthz and /readyz are served (default: %(default)s)",
    )
    parser.add_argument("--tick-seconds", type=float, default=RecommenderSettings().tick_s)
    return parser


if __name__ == "__main__":
    sys.exit(main())
