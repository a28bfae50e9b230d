"""How late the load generator itself was: what neighbours on the machine add to every latency."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np

_EVERY_S = 0.05


@dataclass
class Lateness:
    """Wakes 20 times a second and notes how late it woke, in milliseconds."""

    late_ms: list[float] = field(default_factory=list)

    async def watch(self, after_s: float) -> None:
        """For ever, from so many seconds on."""
        await asyncio.sleep(after_s)
        while True:
            due_s = time.monotonic() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.late_ms.append(1000 * (time.monotonic() - due_s))

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        return float(np.quantile(self.late_ms, share))
