"""How far a stage is: one line of JSON an update, for whoever draws the bars.

A stage runs in a process of its own and knows nothing of terminals. It appends to the file that
the environment names (``AWARE_PROGRESS_FILE``); without one, as in a pod, it logs plain lines.
"""

from __future__ import annotations

import json
import os
import sys
import time

PROGRESS_FILE_VARIABLE = "AWARE_PROGRESS_FILE"
FILE_PERIOD_S = 0.2
LINE_PERIOD_S = 5.0


class Progress:
    """Reports one stage's progress; cheap enough to be called in an inner loop."""

    def __init__(self, stage: str, shard: str = "1/1") -> None:
        """`shard` says which part of the stage this process does: "2/5" is the second of five."""
        self.stage = stage
        self.shard = shard
        self._path = os.environ.get(PROGRESS_FILE_VARIABLE, "")
        self._period_s = FILE_PERIOD_S if self._path else LINE_PERIOD_S
        self._written_at_s = -float("inf")

    def update(self, done: float, total: float, message: str = "") -> None:
        """Say that `done` of `total` units of work are behind us.

        Updates that follow too soon are dropped, but never the first nor the last (done >= total).
        """
        now_s = time.monotonic()
        if done < total and now_s - self._written_at_s < self._period_s:
            return
        self._written_at_s = now_s
        if self._path:
            self._append(done, total, message)
        else:
            share = 100.0 * done / total if total > 0 else 100.0
            print(f"{self._name()}: {share:.0f} % {message}".rstrip(), file=sys.stderr, flush=True)

    def _name(self) -> str:
        return self.stage if self.shard == "1/1" else f"{self.stage} {self.shard}"

    def _append(self, done: float, total: float, message: str) -> None:
        record = {
            "stage": self.stage,
            "shard": self.shard,
            "done": done,
            "total": total,
            "message": message,
            "time": time.time(),
        }
        # One write in append mode: lines of two processes never mix.
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
