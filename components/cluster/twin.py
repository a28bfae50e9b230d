"""A workload's digital twin: the simulator's parameters fitted to its telemetry, with uncertainty.

Who only plays a twin needs nothing of what fits one (`twin_ensemble`), SciPy least of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.cluster import parameters as par
from components.cluster.compiled import FloatArray
from components.cluster.parameters import PARAMETER_NAMES
from components.errors import UserError

ERROR_NAMES = ("cpu", "memory", "latency_p50", "latency")


@dataclass(frozen=True, slots=True)
class Twin:
    """members [M, P]; held-out median relative errors by name; which parameters are identified.

    intervals: by name, what measured over predicted (of member 0) lies between in 90 % of rows;
    only what enough rows show.
    """

    members: FloatArray
    errors: dict[str, float]
    identified: dict[str, bool]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def to_json(twin: Twin) -> dict[str, Any]:
    """The twin as JSON-ready values, each parameter under its name."""
    return {
        "members": [
            dict(zip(PARAMETER_NAMES, map(float, member), strict=True)) for member in twin.members
        ],
        "errors": twin.errors,
        "identified": twin.identified,
        "intervals": {name: list(ends) for name, ends in twin.intervals.items()},
    }


def from_json(document: Mapping[str, Any]) -> Twin:
    """The inverse of to_json; raises UserError when a parameter is missing.

    A twin that a version stored before a parameter existed gets its neutral value: it behaves as
    it did then.
    """
    neutral = {
        spec.name: spec.neutral for spec in par.SERVICE_PARAMETERS if spec.neutral is not None
    }
    try:
        members = [
            [float((neutral | row)[name]) for name in PARAMETER_NAMES]
            for row in document["members"]
        ]
        # A twin of an older version has no intervals.
        intervals = {
            name: (low, high) for name, (low, high) in document.get("intervals", {}).items()
        }
        return Twin(
            np.array(members), dict(document["errors"]), dict(document["identified"]), intervals
        )
    except (KeyError, TypeError) as error:
        raise UserError(f"a twin lacks {error}; run the embedding stage again") from error
