"""What the user sees while the stages run: a bar for each on a terminal, lines elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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


@dataclass(slots=True)
class _Running:
    """A stage that has spoken: since when, and how far each of its shards is (0 to 1)."""

    since_s: float
    shards: dict[str, float]
    parts: int

    @property
    def share(self) -> float:
        return sum(self.shards.values()) / self.parts


class _Follower:
    """Reads whole lines as they come.

    A stage in one part is over when another one speaks; one in shards, which may run beside those
    of the next stage, when every shard is.
    """

    def __init__(self, path: Path, start: int, view: View) -> None:
        self._path = path
        self._offset = start
        self._view = view
        self._running: dict[str, _Running] = {}
        self._last_s = time.monotonic()

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
            self._take(json.loads(line))

    def finish(self) -> None:
        """Show that all stages are over."""
        for stage in list(self._running):
            self._finish(stage)

    def _take(self, record: dict[str, Any]) -> None:
        stage, shard = record["stage"], record["shard"]
        for other, one in list(self._running.items()):
            if other != stage and one.parts == 1:
                self._finish(other)
        if stage not in self._running:
            # The time between two stages is the next one's: it was starting.
            since_s = time.monotonic() if self._running else self._last_s
            self._running[stage] = _Running(since_s, {}, int(shard.partition("/")[2]))
        running = self._running[stage]
        share = record["done"] / record["total"] if record["total"] > 0 else 1.0
        running.shards[shard] = min(share, 1.0)
        self._view.move(stage, running.share, record["message"])
        if running.parts > 1 and running.share >= 1.0:
            self._finish(stage)

    def _finish(self, stage: str) -> None:
        self._last_s = time.monotonic()
        self._view.finish(stage, self._last_s - self._running.pop(stage).since_s)


def _title(stage: str) -> str:
    return (
        stage.replace("_", " ")
        .replace("meta training", "meta-training")
        .replace("fine tuning", "fine-tuning")
    )
