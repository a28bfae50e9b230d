"""The trigger as a program: `python -m pipelines.trigger` waits for Alertmanager."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.artifacts.open import open_store
from components.errors import UserError
from pipelines.kubeflow_connection import connection, open_client
from pipelines.kubeflow_runs import recent_runs, submit
from pipelines.schedule_apply import Server
from pipelines.trigger_book import TriggerBook
from pipelines.trigger_service import make_server

TOKEN_VARIABLE = "AWARE_TRIGGER_TOKEN"  # noqa: S105 (a name, no secret)
SHORTEST_TOKEN = 16
# Far more than are started while a trigger that died is away.
RUNS_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class KubeflowStarter:
    """Starts the uploaded retraining pipeline through `kfp.Client`."""

    server: Server
    pipeline: str
    experiment: str

    def start(self, name: str) -> None:
        """As RunStarter.start; Kubeflow keeps several runs of one name, hence the look."""
        if any(run.display_name == name for run in recent_runs(self.server, RUNS_LOOKED_AT)):
            return
        submit(self.server, self.pipeline, "", self.experiment, name, {})


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 when the user has something to put right."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        token = _token(os.environ)
        server = make_server(options.host, options.port, _book(options), token)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"can't listen on {options.host}:{options.port}: {error.strerror}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown waits for the loop that this very thread runs.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    with server:
        server.serve_forever()
    return 0


def _token(environment: Mapping[str, str]) -> str:
    token = environment.get(TOKEN_VARIABLE, "")
    if len(token) < SHORTEST_TOKEN:
        raise UserError(
            f"{TOKEN_VARIABLE} is missing or short: set the bearer token that Alertmanager sends,"
            f" at least {SHORTEST_TOKEN} characters"
        )
    return token


def _book(options: argparse.Namespace) -> TriggerBook:
    settings = connection(options.kubeflow, options.kubeflow_namespace, "", 60, os.environ)
    with warnings.catch_warnings():
        # kfp tells everybody which servers it works with.
        warnings.simplefilter("ignore", FutureWarning)
        client = open_client(settings)
    starter = KubeflowStarter(
        Server(client, settings.host, settings.namespace), options.pipeline, options.experiment
    )
    owner = f"{os.environ.get('HOSTNAME', 'trigger')}-{os.getpid()}"
    store = open_store(options.store, os.environ)
    return TriggerBook(store, starter, time.time, owner, options.window_seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aware-trigger", description="Starts a retraining run when an alert asks for one."
    )
    parser.add_argument("--store", required=True, help="folder or minio://bucket/prefix")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s")
    parser.add_argument("--kubeflow", default="", help="address of Kubeflow Pipelines")
    parser.add_argument("--kubeflow-namespace", default="", help="where its runs are")
    parser.add_argument("--pipeline", default="retraining", help="default: %(default)s")
    parser.add_argument("--experiment", default="retraining", help="default: %(default)s")
    parser.add_argument(
        "--window-seconds",
        type=float,
        default=900.0,
        help="alerts within it share one run (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
