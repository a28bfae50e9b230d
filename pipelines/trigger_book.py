"""Which alerts have led to which retraining run: in the store, so that restarts forget nothing."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from components.artifacts.files import json_bytes
from components.artifacts.lock import give_lock_back, take_lock
from components.artifacts.store import Store
from components.errors import TemporaryError

# Longer than a start takes; a process that dies in the middle blocks the others for so long.
HELD_FOR_S = 60.0
LOCK = "trigger"
_NAME = "retraining-by-alert-"


class RunStarter(Protocol):
    """Starts retraining runs."""

    def start(self, name: str) -> None:
        """Starts the run of this name; nothing where there is one.

        Raises TemporaryError when Kubeflow doesn't answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that an alert fires: the same alert is another one when it fires again later."""

    fingerprint: str
    starts_at: str


@dataclass(frozen=True, slots=True)
class TriggerBook:
    """At most one run in a window of `window_s`, and one for each firing however often it's told.

    All that fires within a window shares its run: a retraining run looks at every workload. First
    the firing is written down with its run's name, then the run is started, then that it was: a
    process killed at any point leaves a name, under which the next one starts what isn't there yet,
    in whichever window that is. The starter looks for a run of the name first.
    """

    store: Store
    starter: RunStarter
    clock: Callable[[], float]
    owner: str
    window_s: float = 900.0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def take(self, firings: Iterable[Firing]) -> str | None:
        """Returns the name of the run that new firings lead to, None when all are known.

        Raises TemporaryError when the store or Kubeflow doesn't answer, or another process is at
        it: Alertmanager asks again.
        """
        keys = sorted({_key(firing) for firing in firings})
        # Most of what comes is a repetition: it needs no lock.
        if not self._unknown(keys):
            return None
        with self._turn:
            now_s = self.clock()
            if take_lock(self.store, LOCK, self.owner, now_s, HELD_FOR_S) is None:
                raise TemporaryError("another trigger is starting a run: ask again")
            try:
                return self._take(keys, int(now_s // self.window_s))
            finally:
                give_lock_back(self.store, LOCK, self.owner, now_s)

    def _unknown(self, keys: Iterable[str]) -> list[str]:
        """Return the firings that were never heard of, or whose run may not have been started."""
        return [key for key in keys if (run := self._run(key)) is None or not self._started(run)]

    def _take(self, keys: Iterable[str], window: int) -> str | None:
        new = self._unknown(keys)
        runs = {key: self._run(key) or self._planned(key, window) for key in new}
        for run in sorted({run for run in runs.values() if not self._started(run)}):
            self.starter.start(run)
            self.store.write_if(_run_key(run), json_bytes({"run": run}), None)
        return max(runs.values(), default=None)

    def _planned(self, key: str, window: int) -> str:
        run = f"{_NAME}{window}"
        self.store.write_if(key, json_bytes({"run": run}), None)
        return run

    def _run(self, key: str) -> str | None:
        tagged = self.store.read_tagged(key)
        return None if tagged is None else str(json.loads(tagged[0])["run"])

    def _started(self, run: str) -> bool:
        return self.store.read_tagged(_run_key(run)) is not None


def run_of(store: Store, firing: Firing) -> str | None:
    """The name of the run that a firing leads to; None for one that was never heard of."""
    tagged = store.read_tagged(_key(firing))
    return None if tagged is None else str(json.loads(tagged[0])["run"])


def _key(firing: Firing) -> str:
    text = f"{firing.fingerprint}\n{firing.starts_at}"
    return f"triggers/firings/{hashlib.sha256(text.encode()).hexdigest()}.json"


def _run_key(run: str) -> str:
    return f"triggers/runs/{run.removeprefix(_NAME)}.json"
