"""One recording from start to end: everything started, loaded, changed by plan, and removed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial

from tests.recorder import podman
from tests.recorder.deployment import Deployment
from tests.recorder.events import note, written
from tests.recorder.exporter import Exporter
from tests.recorder.load import Ingress
from tests.recorder.pod import Node
from tests.recorder.prometheus import SCRAPE_S, Prometheus
from tests.recorder.run import Recorded, Run, plan_of, rates_of, write_run
from tests.recorder.schedule import Change

_NICE = -15
_READY_WITHIN_S = 120.0
_REPORT_EVERY_S = 60.0


class Recorder:
    """Runs one recording on this machine."""

    def __init__(self, run: Run, image: str, say: Callable[[str], None]) -> None:
        self.run = run
        self.prometheus: Prometheus | None = None
        self._say = say
        self._stop = asyncio.Event()
        source = random.Random(run.seed)
        node = Node(image, run.work_id, partial(note, run.work))
        self._deployments = [Deployment(service, node) for service in run.services]
        self._ingresses = [
            Ingress(deployment, random.Random(source.random())) for deployment in self._deployments
        ]
        self._exporter = Exporter(self._ingresses)

    async def record(self) -> Recorded:
        """Record until the planned end or SIGINT or SIGTERM; containers are gone afterwards.

        Prometheus keeps running, for its series to be read. Raises RigError.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        try:
            return await self._record()
        finally:
            await asyncio.gather(*(deployment.remove() for deployment in self._deployments))
            self._exporter.stop()

    async def _record(self) -> Recorded:
        self.prometheus = Prometheus(self.run.work, await self._exporter.start())
        await asyncio.to_thread(self.prometheus.start)
        for deployment in self._deployments:
            await deployment.apply(plan_of(deployment.service, self.run)[0].allocation)
        await self._until_ready()
        started_s, start_s = int(time.time()) + 1, time.monotonic()
        self._write_run(started_s, complete=False)
        self._say(f"all services are ready; recording {self.run.seconds / 60:g} minutes")
        tasks = [asyncio.create_task(self._report(start_s))]
        for ingress in self._ingresses:
            service = ingress.deployment.service
            changes = plan_of(service, self.run)
            tasks.append(asyncio.create_task(ingress.load(rates_of(service, self.run), start_s)))
            tasks.append(asyncio.create_task(self._follow(ingress.deployment, changes, start_s)))
        try:
            complete = await self._until_end(tasks, start_s + self.run.seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if complete:
            await asyncio.sleep(SCRAPE_S + 1)
        return self._write_run(started_s, complete=complete)

    async def _until_ready(self) -> None:
        until_s = time.monotonic() + _READY_WITHIN_S
        while any(len(one.ready) < one.wanted for one in self._deployments):
            if time.monotonic() > until_s:
                raise podman.RigError("the services didn't become ready within two minutes")
            if self._stop.is_set():
                raise podman.RigError("stopped before the recording began")
            await asyncio.sleep(0.5)

    async def _until_end(self, tasks: Sequence[asyncio.Task[None]], end_s: float) -> bool:
        """Return whether the planned end came; a failed task's error is raised."""
        stop = asyncio.create_task(self._stop.wait())
        running: set[asyncio.Task[None]] = set(tasks)
        try:
            while (left_s := end_s - time.monotonic()) > 0 and not stop.done():
                done, _ = await asyncio.wait(
                    {stop, *running}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED
                )
                for task in running & done:
                    task.result()
                running -= done
        finally:
            stop.cancel()
        return not self._stop.is_set()

    async def _follow(
        self, deployment: Deployment, changes: Sequence[Change], start_s: float
    ) -> None:
        """Apply the changes at their times; one that has begun is finished."""
        for change in changes[1:]:
            await asyncio.sleep(max(0.0, start_s + change.at_s - time.monotonic()))
            note(self.run.work, change.reason, deployment.service.key, written(change.allocation))
            await asyncio.shield(deployment.apply(change.allocation))

    async def _report(self, start_s: float) -> None:
        """Say every minute how each service does."""
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            minutes = (time.monotonic() - start_s) / 60
            self._say(f"minute {minutes:.0f} of {self.run.seconds / 60:g}")
            for ingress in self._ingresses:
                one = ingress.deployment
                failed = sum(ingress.answers[status].count for status in (502, 503, 504))
                kills = sum(pod.oom_kills for pod in one.pods)
                self._say(
                    f"  {one.service.key:26} ready {len(one.ready)}/{one.wanted}"
                    f"  answered {ingress.answers[200].count:6}  failed {failed:5}"
                    f"  OOM kills of these pods {kills}"
                )

    def _write_run(self, started_s: int, *, complete: bool) -> Recorded:
        keys = tuple(service.key for service in self.run.services)
        url = self.prometheus.url if self.prometheus else ""
        recorded = Recorded(started_s, int(time.time()), complete, keys, url)
        write_run(self.run.work, recorded)
        return recorded
