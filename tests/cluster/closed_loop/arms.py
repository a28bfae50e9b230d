"""What can scale the service, and what each begins with: tuned incumbents, a published policy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from components.artifacts.channel import Channel
from components.artifacts.local import LocalStore
from components.cluster import limits as lim
from components.cluster.compiled import FloatArray
from components.cluster.tuning import TunedAutoscaler
from components.cluster.twin import Twin, from_json
from components.cluster.vpa import DEFAULT_MARGIN
from components.errors import UserError
from components.policy.measured import measured_workloads
from components.policy.rule_parameters import rule_of
from components.validation.config import ValidationConfig
from components.validation.incumbents import tune_incumbents
from components.validation.situations import Case
from components.workload.spec import Workload

HPA, HPA_VPA, OURS = "hpa", "hpa_vpa", "ours"
TITLES = {HPA: "HPA, tuned", HPA_VPA: "HPA + VPA memory, tuned", OURS: "ours"}


@dataclass(frozen=True, slots=True)
class Incumbent:
    """One tuned autoscaler: allocation [3] to begin with, its target, and VPA's memory [H].

    `history` is None for HPA alone: memory then stays as it begins.
    """

    allocation: FloatArray
    target: float
    margin: float = DEFAULT_MARGIN
    minimum_bytes: float = 0.0
    history: FloatArray | None = None

    def settings(self) -> dict[str, float]:
        """As the annotation of a MultidimPodAutoscaler has them."""
        return {
            "cpu_target": self.target,
            "cpu_m": float(self.allocation[lim.CPU_M]),
            "memory_margin": self.margin,
            "memory_floor_bytes": self.minimum_bytes,
        }


@dataclass(frozen=True, slots=True)
class Contest:
    """One workload, what was learned and tuned for it from its recording, and the store."""

    workload: Workload
    incumbents: dict[str, Incumbent]
    twin: Twin
    rule: FloatArray
    channel: Channel
    accepted: bool
    store: Path

    def allocation(self, arm: str) -> FloatArray:
        """What an arm begins with [3]; the policy takes over from the tuned HPA."""
        return self.incumbents[HPA if arm == OURS else arm].allocation

    def begun_anew(self, folder: Path) -> Contest:
        """The same with a store that holds the policies alone.

        What a recommender learns in one course, it would remember in the next, which begins as if
        no time had passed.
        """
        known, fresh = LocalStore(self.store), LocalStore(folder)
        for key in known.list("policies/"):
            fresh.write_once(key, known.read(key))
        return replace(self, store=folder)


def contest_of(run: Path, store: Path, key: str) -> Contest:
    """Reads a finished run of `aware run` that was published to the store; tunes as it did.

    Raises UserError where the run doesn't know the workload.
    """
    stages = run / "autoscaling"
    documents = json.loads((stages / "embedding" / "twins.json").read_text())
    adapted = json.loads((stages / "fine_tuning" / "adapted.json").read_text())
    published = json.loads((stages / "rollout" / "rollout.json").read_text())
    if key not in adapted:
        raise UserError(f"the run knows {', '.join(sorted(adapted))}, not {key}: name one of them")
    known = {one.workload.key: one for one in measured_workloads(stages / "ingestion")}
    measured = known[key]
    twin = from_json(documents[key])
    tuned = tune_incumbents(
        [Case(measured, twin, twin, "training part's twin")], ValidationConfig()
    )
    workload = measured.workload
    incumbents = {
        HPA: _incumbent(tuned.hpa, None),
        HPA_VPA: _incumbent(tuned.hpa_vpa, tuned.memory_history[0]),
    }
    return Contest(
        workload=workload,
        incumbents=incumbents,
        twin=twin,
        rule=np.asarray(rule_of(adapted[key]["rule"])),
        # Of a refused policy the bundle is kept, but no channel ever pointed to it.
        channel=Channel(current=published[key]["digest"]),
        accepted=bool(published[key]["accepted"]),
        store=store,
    )


def _incumbent(tuned: TunedAutoscaler, history: FloatArray | None) -> Incumbent:
    return Incumbent(
        tuned.allocation[0].copy(),
        float(tuned.target[0]),
        float(tuned.margin[0]),
        tuned.minimum_bytes,
        history,
    )
