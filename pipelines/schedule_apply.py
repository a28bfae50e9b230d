"""The steps of a schedule file, taken on the server."""

from __future__ import annotations

from collections.abc import Iterator

from components.errors import UserError
from pipelines.clock import Clock
from pipelines.kubeflow_connection import Server
from pipelines.kubeflow_errors import told_in_one_line
from pipelines.kubeflow_lookup import every, require_version
from pipelines.schedule_file import Schedule, ScheduleFile
from pipelines.schedule_plan import (
    Existing,
    Keep,
    Make,
    Remove,
    Step,
    Switch,
    Wanted,
    mark,
    quiet_from,
    read_mark,
    steps_between,
)


def apply_schedules(
    server: Server, file: ScheduleFile, clock: Clock, dry_run: bool
) -> Iterator[str]:
    """Bring the server to what the file asks for; yield a line for each schedule.

    Raises UserError for what the server refuses. Applying the file again goes on from there.
    """
    with told_in_one_line("reading the schedules", server.host):
        wanted = [_wanted(server, one) for one in file.schedules]
        steps = steps_between(wanted, _existing(server, file.set))
    for step in steps:
        if not dry_run:
            _take(server, file, step, clock)
        yield _described(step)


def _wanted(server: Server, schedule: Schedule) -> Wanted:
    version = require_version(server.client, schedule.pipeline, schedule.version, server.namespace)
    request = {
        "pipeline_id": version.pipeline_id,
        "version_id": version.pipeline_version_id,
        "params": schedule.parameters,
        # The API writes 64-bit numbers as texts.
        "max_concurrency": str(schedule.max_concurrency),
        "no_catchup": schedule.no_catchup,
        "service_account": schedule.service_account or None,
        "pipeline_root": schedule.pipeline_root or None,
    }
    return Wanted(schedule.name, schedule.cron, schedule.enabled, request)


def _existing(server: Server, set_name: str) -> list[Existing]:
    place = {"namespace": server.namespace} if server.namespace else {}
    found = []
    for one in every(server.client.list_recurring_runs, "recurring_runs", **place):
        marked = read_mark(one.description)
        if marked is not None and marked[0] == set_name:
            found.append(
                Existing(
                    id=one.recurring_run_id,
                    name=one.display_name,
                    digest=marked[1],
                    enabled=one.status == "ENABLED",
                    cron=one.trigger.cron_schedule.cron,
                    created_at=one.created_at,
                )
            )
    return found


def _take(server: Server, file: ScheduleFile, step: Step, clock: Clock) -> None:
    match step:
        case Keep():
            return
        case Switch(existing, enabled):
            _switch(server, existing, enabled)
        case Remove(existing):
            _remove(server, existing)
        case Make(wanted, replaces):
            _make(server, file, wanted, replaces, clock)


def _make(
    server: Server,
    file: ScheduleFile,
    wanted: Wanted,
    replaces: tuple[Existing, ...],
    clock: Clock,
) -> None:
    """Stop the old, make the new, remove the old, in a moment when none of them is due."""
    with told_in_one_line(f"finding experiment {file.experiment}", server.host):
        experiment = server.client.create_experiment(
            file.experiment, namespace=server.namespace or None
        )
    running = [one for one in replaces if one.enabled]
    if running:
        now = clock.now()
        quiet = quiet_from([wanted.cron, *(one.cron for one in running)], now)
        clock.sleep(max(0.0, (quiet - now).total_seconds()))
    for one in running:
        _switch(server, one, enabled=False)
    try:
        with told_in_one_line(f"making schedule {wanted.name}", server.host):
            server.client.create_recurring_run(
                experiment_id=experiment.experiment_id,
                job_name=wanted.name,
                description=mark(file.set, wanted.digest),
                cron_expression=wanted.cron,
                enabled=wanted.enabled,
                **wanted.request,
            )
    except UserError:
        # The answer may be lost though the schedule was made; then the old one must stay off.
        with told_in_one_line(f"looking for schedule {wanted.name}", server.host):
            made = {one.digest for one in _existing(server, file.set)}
        if wanted.digest not in made:
            for one in running:
                _switch(server, one, enabled=True)
            raise
    for one in replaces:
        _remove(server, one)


def _switch(server: Server, existing: Existing, enabled: bool) -> None:
    with told_in_one_line(f"switching schedule {existing.name}", server.host):
        if enabled:
            server.client.enable_recurring_run(existing.id)
        else:
            server.client.disable_recurring_run(existing.id)


def _remove(server: Server, existing: Existing) -> None:
    with told_in_one_line(f"removing schedule {existing.name}", server.host):
        server.client.delete_recurring_run(existing.id)


def _described(step: Step) -> str:
    match step:
        case Keep(existing):
            return f"unchanged  {existing.name}"
        case Switch(existing, enabled):
            return f"{'enabled' if enabled else 'disabled':<10} {existing.name}"
        case Remove(existing):
            return f"removed    {existing.name}"
        case Make(wanted, replaces):
            return f"{'replaced' if replaces else 'created':<10} {wanted.name}"
