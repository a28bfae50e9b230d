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
from pathlib import Path
from typing import Any

import yaml

from components.artifacts.open import open_store
from components.errors import UserError
from pipelines.kubeflow_connection import Server, connection, open_client
from pipelines.kubeflow_runs import recent_runs, submit
from pipelines.pipeline_arguments import checked_arguments
from pipelines.retraining import retraining
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
    parameters: Mapping[str, Any]

    def start(self, name: str) -> None:
        """As RunStarter.start; Kubeflow keeps several runs of one name, hence the look."""
        if any(run.display_name == name for run in recent_runs(self.server, RUNS_LOOKED_AT)):
            return
        submit(self.server, self.pipeline, "", self.experiment, name, self.parameters)


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
    logging.getLogger(__name__).info("listening on %s:%d", *server.server_address[:2])
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


def read_parameters(path: Path) -> dict[str, Any]:
    """What each run is started with: a YAML mapping of the retraining pipeline's parameters.

    Raises UserError for a file that can't be read, and for a parameter that the pipeline doesn't
    take or lacks: a run that was started without would fail when nobody looks.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no parameters: write one NAME: VALUE a line")
    try:
        return checked_arguments(retraining, values)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _book(options: argparse.Namespace) -> TriggerBook:
    settings = connection(options.kubeflow, options.kubeflow_namespace, "", 60, os.environ)
    with warnings.catch_warnings():
        # kfp tells everybody which servers it works with.
        warnings.simplefilter("ignore", FutureWarning)
        client = open_client(settings)
    starter = KubeflowStarter(
        Server(client, settings.host, settings.namespace),
        options.pipeline,
        options.experiment,
        read_parameters(options.parameters),
    )
    owner = f"{os.environ.get('HOSTNAME', 'trigger')}-{os.getpid()}"
    store = open_store(options.store, os.environ)
    return TriggerBook(store, starter, time.time, owner, options.window_seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aware-trigger", description="Starts a retraining run when an alert asks for one."
    )
    parser.add_argument("--store", required=True, help="folder or minio://bucket/prefix")
    parser.add_argument(
        "--parameters",
        required=True,
        type=Path,
        help="YAML file of the retraining pipeline's parameters, such as reference",
    )
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
