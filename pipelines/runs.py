"""The folder of one run: its own, locked while it runs, `latest` only once it is complete.

```
<output>/20261103T101500Z-3f9a/   one run: report.html, run.json, run.log, the stages' outputs
<output>/latest                   link to the last complete run
```
A run that was killed leaves a folder whose lock nobody holds; the next run removes it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedRandom
from pathlib import Path

from components.artifacts.files import write_error
from components.errors import UserError

LOCK_NAME = "run.lock"
SUMMARY_NAME = "run.json"
LATEST_NAME = "latest"


class StageFailedError(Exception):
    """A stage failed by a fault of the product's; the message names the log."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where one run puts what it makes."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held locked from the run's first moment to its last."""
        return self.path / LOCK_NAME

    @property
    def log(self) -> Path:
        """What the stages and kfp said."""
        return self.path / "run.log"

    @property
    def progress(self) -> Path:
        """The stages' updates, one JSON document a line."""
        return self.path / "progress.jsonl"

    @property
    def error(self) -> Path:
        """The one line of the stage that a user's mistake stopped."""
        return self.path / "error.txt"

    @property
    def report(self) -> Path:
        """The report to open in a browser."""
        return self.path / "report.html"

    @property
    def summary(self) -> Path:
        """The run's figures; its presence says that the run is complete."""
        return self.path / SUMMARY_NAME

    @property
    def finished(self) -> datetime:
        """When the run was complete, UTC."""
        return datetime.fromtimestamp(self.summary.stat().st_mtime, UTC)

    def stage(self, pipeline: str, stage: str) -> Path:
        """What a stage of one of the run's pipelines gave."""
        return self.path / pipeline / stage


@contextmanager
def new_run(output: Path, now: datetime) -> Iterator[RunFolder]:
    """Yield a fresh, locked run folder under `output`; make it the latest when the block ends.

    A user's mistake or an interruption leaves nothing of it behind. Any other failure keeps the
    folder for whoever has to find the fault.

    Raises UserError when `output` can't be written.
    """
    made = _make_folder(output)
    _remove_abandoned(output)
    run = RunFolder(output / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}")
    try:
        run.path.mkdir()
        lock = _locked(run.lock)
    except OSError as error:
        raise write_error(run.path, error) from error
    try:
        yield run
        _point_latest_at(run)
    except (UserError, KeyboardInterrupt, SystemExit):
        shutil.rmtree(run.path, ignore_errors=True)
        for folder in made:
            _remove_if_empty(folder)
        raise
    finally:
        # The name goes before the lock does: a folder without a lock file is nobody's to remove.
        run.lock.unlink(missing_ok=True)
        lock.close()


def finished_run(path: Path) -> RunFolder:
    """Return the complete run in `path`, which may be the link `latest`.

    Raises UserError when there is none.
    """
    run = RunFolder(path.resolve())
    if not run.path.is_dir():
        raise UserError(f"{path} is no folder: give the folder of a finished `aware run`")
    if not run.summary.is_file():
        raise UserError(f"{path} holds no finished run ({SUMMARY_NAME} is missing): run it again")
    return run


def _make_folder(output: Path) -> list[Path]:
    """Make `output`; return the folders that weren't there before, innermost first."""
    made = [folder for folder in (output, *output.parents) if not os.path.lexists(folder)]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(output, error) from error
    return made


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def _locked(path: Path) -> BufferedRandom:
    """Return the open lock file; the kernel unlocks it when this process ends, however it ends."""
    file = open(path, "w+b")  # noqa: SIM115 (it stays open as long as the run lasts)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _remove_abandoned(output: Path) -> None:
    """Remove what killed runs left: folders with a lock file that nobody holds."""
    for path in output.glob(f"*/{LOCK_NAME}"):
        if path.parent.is_symlink():
            continue
        try:
            with open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
        except OSError:  # held: that run is alive; or gone: another run was quicker
            continue


def _point_latest_at(run: RunFolder) -> None:
    latest = run.path.parent / LATEST_NAME
    temporary = run.path.parent / f".{LATEST_NAME}-{run.path.name}"
    try:
        temporary.symlink_to(run.path.name, target_is_directory=True)
        os.replace(temporary, latest)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise write_error(latest, error) from error
