"""What the commands do: a run folder, the pipelines in it, then report, summary and table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from components.artifacts.files import write_json
from components.errors import UserError
from pipelines import answer, report
from pipelines.autoscaling import autoscaling
from pipelines.bars import stage_bars
from pipelines.facts import AUTOSCALING, RETRAINING, Facts, read_facts
from pipelines.local import run_pipeline
from pipelines.retraining import retraining
from pipelines.runs import RunFolder, finished_run, new_run

SPEC_NAME = "workloads.yaml"


@dataclass(frozen=True, slots=True)
class Source:
    """Where telemetry comes from: a folder, or a Prometheus and a file of workloads."""

    telemetry: Path | None
    prometheus: str = ""
    workloads: Path | None = None
    start: str = ""
    end: str = ""

    def arguments(self) -> dict[str, str]:
        """Return the pipelines' parameters; raises UserError for a choice that makes no sense."""
        if (self.telemetry is None) == (not self.prometheus):
            raise UserError("give either --telemetry DIR or --prometheus URL with --workloads FILE")
        if self.prometheus and self.workloads is None:
            raise UserError("--prometheus needs --workloads FILE: what is to be scaled")
        if self.telemetry is not None:
            _telemetry_folder(self.telemetry, needs_spec=self.workloads is None)
        return {
            "telemetry": str(self.telemetry.resolve()) if self.telemetry else "",
            "prometheus_url": self.prometheus,
            "workloads": str(self.workloads.resolve()) if self.workloads else "",
            "start": self.start,
            "end": self.end,
        }


@dataclass(frozen=True, slots=True)
class Options:
    """What both commands take beside their input."""

    store: str
    seed: int
    quick: bool
    plain: bool = False
    """Nothing for people: no bars, no table."""

    def console(self) -> Console:
        """Return where bars and table go."""
        return Console(quiet=True) if self.plain else answer.run_console()


def run(source: Source, later: Path | None, output: Path, options: Options) -> RunFolder:
    """The whole path on `source`; then, with a later recording, drift check and retraining.

    Returns the finished run's folder.

    Raises UserError for a mistake in the input. One in the later recording alone is raised at the
    end: what was learned before is complete and stays.
    """
    arguments = source.arguments()
    if later is not None:
        _telemetry_folder(later)
    console = options.console()
    began_s = time.monotonic()
    mistake: UserError | None = None
    with new_run(output, datetime.now(UTC)) as folder:
        shared = _shared(options)
        with stage_bars(console, AUTOSCALING, folder.progress):
            run_pipeline(autoscaling, {**arguments, **shared}, folder, AUTOSCALING)
        if later is not None:
            try:
                _retrain(console, folder, folder, later, shared)
            except UserError as error:
                mistake = error
        facts = _finish(folder, _described(arguments, later, options), began_s)
    answer.show(console, folder, facts)
    if mistake is not None:
        raise UserError(f"nothing was retrained on {later}: {mistake}") from mistake
    return folder


def retrain(earlier: Path, telemetry: Path, output: Path | None, options: Options) -> RunFolder:
    """Drift check of recent telemetry against a finished run; what drifted is adapted again.

    Returns the finished run's folder.
    """
    base = finished_run(earlier)
    _telemetry_folder(telemetry)
    console = options.console()
    began_s = time.monotonic()
    place = output or base.path.parent
    with new_run(place, datetime.now(UTC)) as folder:
        _retrain(console, folder, base, telemetry, _shared(options))
        facts = _finish(folder, _described({"run": str(base.path)}, telemetry, options), began_s)
    answer.show(console, folder, facts)
    return folder


def _retrain(
    console: Console, folder: RunFolder, base: RunFolder, telemetry: Path, shared: dict[str, Any]
) -> None:
    earlier = {
        "reference": "ingestion",
        "earlier_embedding": "embedding",
        "meta_policy": "meta_training",
        "earlier_validation": "validation",
    }
    # Whoever retrains by hand has decided that it is time: no turn to wait for.
    arguments: dict[str, Any] = {"telemetry": str(telemetry.resolve()), "lock_s": 0, **shared}
    for parameter, stage in earlier.items():
        path = base.stage(AUTOSCALING, stage)
        if not path.is_dir():
            raise UserError(f"{path} is missing: run `aware run` again, then retrain from that run")
        arguments[parameter] = str(path)
    with stage_bars(console, RETRAINING, folder.progress):
        run_pipeline(retraining, arguments, folder, RETRAINING)


def _shared(options: Options) -> dict[str, Any]:
    """Return the parameters of both pipelines; without a store nothing outside is changed."""
    return {
        "store_url": options.store,
        "dry_run": not options.store,
        "seed": options.seed,
        "quick": options.quick,
    }


def _described(arguments: dict[str, str], later: Path | None, options: Options) -> dict[str, Any]:
    return {
        **{name: value for name, value in arguments.items() if value},
        **({"later": str(later.resolve())} if later else {}),
        "seed": options.seed,
        "quick": options.quick,
    }


def _telemetry_folder(path: Path, needs_spec: bool = True) -> None:
    """Minutes of learning shouldn't pass before a mistyped path is noticed."""
    if not path.is_dir():
        raise UserError(f"{path} is no folder: give a folder of telemetry with {SPEC_NAME} in it")
    if needs_spec and not (path / SPEC_NAME).is_file():
        raise UserError(f"{path} has no {SPEC_NAME}: list there the workloads to be scaled")


def _finish(folder: RunFolder, arguments: dict[str, Any], began_s: float) -> Facts:
    """Write report and summary; the summary last, since it says that the run is complete."""
    facts = read_facts(folder, arguments)
    report.write_report(folder, facts)
    folder.progress.unlink(missing_ok=True)
    write_json(folder.summary, answer.summary(facts, time.monotonic() - began_s))
    return facts
