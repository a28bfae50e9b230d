"""The actuator as a program: one tick after another, one acting process of several."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence

from components.actuator.settings import ActuatorSettings
from components.actuator.tick import COMPONENT, Actuator
from components.errors import TemporaryError, UserError
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import KubernetesClient, connect
from components.kubernetes_api.leases import LeaseHolder, LeaseWatch
from components.kubernetes_api.names import RECOMMENDER_SERVICE
from components.kubernetes_api.options import service_parser

_log = logging.getLogger(__name__)

# Longer than a tick with a slow server. Should two act at once nonetheless, no harm is done: every
# write states what shall be, and what is decided on a template is conditional.
LEASE_S = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 when the user has something to put right."""
    parser = service_parser(
        COMPONENT,
        "Applies what MultidimPodAutoscalers recommend.",
        ActuatorSettings().tick_s,
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        client = connect(options.kubeconfig)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    settings = ActuatorSettings(tick_s=options.tick_seconds)
    run(client, settings, options.namespace, options.identity, stop)
    return 0


def run(
    client: KubernetesClient,
    settings: ActuatorSettings,
    namespace: str,
    identity: str,
    stop: threading.Event,
) -> None:
    """Ticks while this process holds the Lease; what fails is told and tried again."""
    lease = LeaseHolder(client, namespace, COMPONENT, identity, LEASE_S)
    watch = LeaseWatch(client, namespace, RECOMMENDER_SERVICE)
    actuator: Actuator | None = None

    def once() -> None:
        nonlocal actuator
        if not lease.hold():
            actuator = None
            return
        # Asked anew each time: a VPA or KEDA may be installed while we run.
        capabilities = discover(client)
        if actuator is None:
            actuator = Actuator(client, capabilities, settings, watch.alive)
        actuator.capabilities = capabilities
        plans = actuator.tick()
        able = sum(plan.able for plan in plans.values())
        _log.info("%d workloads, %d of them as recommended or on the way", len(plans), able)

    while not stop.is_set():
        _told(once)
        stop.wait(settings.tick_s)
    _told(lease.release)


def _told(step: Callable[[], None]) -> None:
    try:
        step()
    except (TemporaryError, UserError) as error:
        _log.warning("%s", error)


if __name__ == "__main__":
    sys.exit(main())
