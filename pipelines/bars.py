"""What the user sees while the stages run: a bar for each on a terminal, lines elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

POLL_S = 0.2
MESSAGE_WIDTH = 46


class View(Protocol):
    """Shows the stages of one pipeline, one after another."""

    def move(self, stage: str, share: float, message: str) -> None:
        """Show that `share` (0 to 1) of the stage is done."""

    def finish(self, stage: str, seconds: float) -> None:
        """Show that the stage is over."""


@contextmanager
def stage_bars(console: Console, pipeline: str, progress_file: Path) -> Iterator[None]:
    """Draw the stages' bars from what they append to `progress_file` while the block runs."""
    start = progress_file.stat().st_size if progress_file.exists() else 0
    if console.is_terminal:
        columns = (
            TextColumn("  {task.description:<14}"),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[message]}"),
        )
        with RichProgress(*columns, console=console) as bars:
            console.print(f"[bold]{pipeline}")
            with _followed(progress_file, start, _BarView(bars)):
                yield
    else:
        console.print(pipeline)
        with _followed(progress_file, start, _LineView(console)):
            yield


class _BarView:
    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def move(self, stage: str, share: float, message: str) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(_title(stage), total=1.0, message="")
        shown = message if len(message) <= MESSAGE_WIDTH else message[: MESSAGE_WIDTH - 1] + "…"
        self._bars.update(self._tasks[stage], completed=share, message=shown)

    def finish(self, stage: str, seconds: float) -> None:
        self._bars.update(self._tasks[stage], completed=1.0)
        self._bars.stop_task(self._tasks[stage])


class _LineView:
    def __init__(self, console: Console) -> None:
        self._console = console

    def move(self, stage: str, share: float, message: str) -> None:
        """Nothing: a log needs no line for every step."""

    def finish(self, stage: str, seconds: float) -> None:
        self._console.print(f"  {_title(stage):<14} {seconds:6.1f} s", highlight=False)


@contextmanager
def _followed(path: Path, start: int, view: View) -> Iterator[None]:
    """Follow the file from the byte `start` on in a thread that ends with the block."""
    follower = _Follower(path, start, view)
    over = threading.Event()

    def follow() -> None:
        while not over.wait(POLL_S):
            follower.read()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
        complete = True
    except BaseException:
        complete = False
        raise
    finally:
        over.set()
        thread.join()
        follower.read()
        if complete:
            follower.finish()


class _Follower:
    """Reads whole lines as they come; a stage is over when the next one speaks."""

    def __init__(self, path: Path, start: int, view: View) -> None:
        self._path = path
        self._offset = start
        self._view = view
        self._stage = ""
        self._since_s = time.monotonic()

    def read(self) -> None:
        """Show what has come since the last call."""
        if not self._path.exists():
            return
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            record = json.loads(line)
            if record["stage"] != self._stage:
                self.finish()
                self._stage = record["stage"]
            share = record["done"] / record["total"] if record["total"] > 0 else 1.0
            self._view.move(self._stage, min(share, 1.0), record["message"])

    def finish(self) -> None:
        """Show that the stage that spoke last is over."""
        now_s = time.monotonic()
        if self._stage:
            self._view.finish(self._stage, now_s - self._since_s)
        self._since_s = now_s
        self._stage = ""


def _title(stage: str) -> str:
    return (
        stage.replace("_", " ")
        .replace("meta training", "meta-training")
        .replace("fine tuning", "fine-tuning")
    )
