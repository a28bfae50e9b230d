"""Uploading pipelines, and runs: start one, list them, read what they say, wait for the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from kfp_server_api import PipelineServiceApi, V2beta1Pipeline

from components.errors import UserError
from pipelines.clock import Clock
from pipelines.kubeflow_connection import Server, raw_api
from pipelines.kubeflow_errors import told_in_one_line
from pipelines.kubeflow_lookup import every, find_pipeline, find_version, require_version
from pipelines.runs import StageFailedError

FINISHED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")
LOG_BYTES = 10_000_000


def upload(server: Server, package: Path, name: str) -> tuple[str, bool]:
    """Upload a compiled pipeline as a version named by its content: (version, whether it's new).

    The same content again changes nothing.
    """
    version = "sha256-" + hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    with told_in_one_line(f"uploading {name}", server.host):
        found = find_pipeline(server.client, name, server.namespace)
        if found is None:
            # Made apart from its first version, which would otherwise bear the pipeline's name.
            wanted = V2beta1Pipeline(
                display_name=name, name=name, namespace=server.namespace or None
            )
            api = PipelineServiceApi(raw_api(server.client))
            found = api.pipeline_service_create_pipeline(wanted)
        if find_version(server.client, found.pipeline_id, version) is not None:
            return version, False
        server.client.upload_pipeline_version(
            str(package), pipeline_version_name=version, pipeline_id=found.pipeline_id
        )
    return version, True


def submit(
    server: Server,
    pipeline: str,
    version: str,
    experiment: str,
    name: str,
    arguments: Mapping[str, Any],
) -> str:
    """Start a run of an uploaded pipeline; return its id."""
    with told_in_one_line(f"starting {pipeline}", server.host):
        chosen = require_version(server.client, pipeline, version, server.namespace)
        place = server.client.create_experiment(experiment, namespace=server.namespace or None)
        run = server.client.run_pipeline(
            experiment_id=place.experiment_id,
            job_name=name or f"{pipeline} {chosen.display_name}",
            params=dict(arguments),
            pipeline_id=chosen.pipeline_id,
            version_id=chosen.pipeline_version_id,
        )
    return str(run.run_id)


def recent_runs(server: Server, most: int) -> list[Any]:
    """Return the newest runs, newest first."""
    place = {"namespace": server.namespace} if server.namespace else {}
    with told_in_one_line("listing the runs", server.host):
        listed = every(server.client.list_runs, "runs", sort_by="created_at desc", **place)
        return list(islice(listed, most))


def log_lines(server: Server, run_id: str) -> Iterator[str]:
    """Yield each task's name, state and error, then what its pod said."""
    with told_in_one_line(f"reading run {run_id}", server.host):
        run = server.client.get_run(run_id)
    details = run.run_details.task_details if run.run_details else None
    for task in sorted(details or (), key=lambda task: str(task.start_time or "")):
        yield f"== {task.display_name}: {task.state or 'not started'}"
        if task.error is not None and task.error.message:
            yield task.error.message
        for child in task.child_tasks or ():
            if child.pod_name:
                yield from _pod_lines(server, run_id, child.pod_name)


def _pod_lines(server: Server, run_id: str, pod: str) -> list[str]:
    """Return a pod's log by the API server's own route; a pod that is gone isn't a mistake."""
    api = raw_api(server.client)
    route = f"/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log"
    try:
        with told_in_one_line(f"reading the log of {pod}", server.host):
            answer = api.call_api(
                route,
                "GET",
                auth_settings=["Bearer"],
                _preload_content=False,
                _return_http_data_only=True,
            )
            data = answer.read(LOG_BYTES)
            answer.release_conn()
    except UserError as error:
        return [f"({error})"]
    return str(data.decode("utf-8", "replace")).splitlines()


def wait(server: Server, run_id: str, clock: Clock, limit_s: float, poll_s: float) -> str:
    """Return the run's state once it is over.

    kfp's own waiting never ends for a cancelled run (kubeflow/pipelines#14473).
    Raises StageFailedError for any end but success, UserError when `limit_s` is over.
    """
    began = clock.now()
    while True:
        with told_in_one_line(f"reading run {run_id}", server.host):
            run = server.client.get_run(run_id)
        if run.state in FINISHED:
            if run.state == "SUCCEEDED":
                return str(run.state)
            told = run.error.message if run.error is not None else "see `aware logs`"
            raise StageFailedError(f"run {run_id} ended as {run.state}: {told}")
        if (clock.now() - began).total_seconds() >= limit_s:
            raise UserError(
                f"run {run_id} is {run.state} after {limit_s:g} s: wait again with a higher --limit"
            )
        clock.sleep(poll_s)
