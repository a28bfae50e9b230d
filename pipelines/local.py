"""The pipelines on this machine: kfp.local runs the stages, each in a process of its own.

The very objects that compile to Kubeflow's IR YAML run here. kfp talks a lot: what it and the
stages say goes to the run's log; the user sees bars, and at the end what came out.
"""

from __future__ import annotations

import builtins
import contextlib
import logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kfp import local
from kfp.dsl.graph_component import GraphComponent

from components.errors import UserError
from components.launcher import ERROR_FILE_VARIABLE, RUN_LOCK_VARIABLE
from components.progress import PROGRESS_FILE_VARIABLE
from pipelines.runs import RunFolder, StageFailedError

OUTPUT_NAME = "output"
GATHERING = "gather_"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def run_pipeline(
    pipeline: GraphComponent, arguments: Mapping[str, Any], run: RunFolder, name: str
) -> None:
    """Run `pipeline`; its stages' outputs are then in `run.stage(name, stage)`.

    Raises UserError with the one line of the stage that a user's mistake stopped, and
    StageFailedError when a stage failed otherwise.
    """
    work = run.path / f".{name}"
    with _environment(run), open(run.log, "a", encoding="utf-8", buffering=1) as log:
        local.init(
            local.SubprocessRunner(use_venv=False),
            pipeline_root=str(work / "root"),
            workspace_root=str(work / "workspace"),
        )
        with _talk_given_back(), contextlib.redirect_stdout(log), warnings.catch_warnings():
            # kfp.local warns of itself: arguments of a cluster that a local run leaves aside.
            warnings.simplefilter("ignore")
            try:
                pipeline(**arguments)
            except RuntimeError as error:
                raise _failure(run, work, error) from error
    _gather(work / "root", run.path / name)
    shutil.rmtree(work)


def _failure(run: RunFolder, work: Path, error: RuntimeError) -> Exception:
    if run.error.is_file():
        line = run.error.read_text(encoding="utf-8").strip()
        run.error.unlink()
        shutil.rmtree(work, ignore_errors=True)
        return UserError(line)
    told = _COLOURS.sub("", str(error))
    return StageFailedError(f"a stage failed by a fault of the product's; see {run.log}: {told}")


@contextlib.contextmanager
def _environment(run: RunFolder) -> Iterator[None]:
    """Tell the stages' processes, through the environment, where to report."""
    ours = {
        PROGRESS_FILE_VARIABLE: str(run.progress),
        ERROR_FILE_VARIABLE: str(run.error),
        RUN_LOCK_VARIABLE: str(run.lock),
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _talk_given_back() -> Iterator[None]:
    """Leave logging and print as they were.

    kfp.local swaps both for each task and back again. The tasks of a loop run in threads, and what
    one of them puts back last may be another one's, which writes to a log that is closed by then.
    """
    root, printing = logging.getLogger(), builtins.print
    level, handlers = root.level, root.handlers[:]
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        builtins.print = printing


def _gather(root: Path, target: Path) -> None:
    """Move `root/<pipeline>-<time>/<stage>/output` to `target/<stage>`, as people look for it.

    What gathers a stage's shards gives what the stage would: it takes the stage's name. The shards
    themselves lie a folder deeper, and stay behind.
    """
    target.mkdir()
    for output in sorted(root.glob(f"*/*/{OUTPUT_NAME}"), key=_is_gathered):
        place = target / output.parent.name.replace("-", "_").removeprefix(GATHERING)
        # The embedding's encoder is gathered with the twins: the whole takes the part's place.
        shutil.rmtree(place, ignore_errors=True)
        os.replace(output, place)


def _is_gathered(output: Path) -> bool:
    return output.parent.name.replace("-", "_").startswith(GATHERING)
