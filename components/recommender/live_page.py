"""The page's documents from the recommender's live state: what acts, why, and how to stop it.

The loop leaves a finished view after each tick; requests read it in other threads and change
nothing. The list's JSON is made once for each view.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from components.page.costs import Prices
from components.page.documents import (
    LIST_PATH,
    Detail,
    Row,
    Size,
    detail_document,
    list_document,
)
from components.recommender.explaining import Basis
from components.recommender.explanation import Explanation
from components.recommender.history import History
from components.recommender.live_workload import (
    charts,
    commands,
    drift_words,
    saved_per_month,
    sections,
)
from components.recommender.policies import LoadedPolicy
from components.recommender.recommendation import Recommendation
from components.recommender.violations import measured_violations

_TREND = 45
_EXPLANATIONS = "/explanations/"


@dataclass(frozen=True, slots=True)
class View:
    """What one tick left: by workload key, and the measured violations."""

    time_s: float
    recommendations: Mapping[str, Recommendation]
    policies: Mapping[str, LoadedPolicy]
    violations: Mapping[str, float]


def explanation_path(key: str) -> str:
    """Return where a workload's explanation is, as JSON."""
    return f"{_EXPLANATIONS}{key}.json"


class LivePage:
    """Answers the page's paths; `store` is named in the commands to copy."""

    def __init__(self, store: str, prices: Prices | None = None) -> None:
        self._store = store
        self._prices = prices or Prices()
        self._history = History()
        self._explanations: dict[str, Explanation] = {}
        self._view: View | None = None
        self._list: tuple[View, bytes] | None = None
        self._lock = threading.Lock()
        self._waiting = "no tick has been made yet"

    def wait(self, why: str) -> None:
        """Shows that this process decides nothing now, and why."""
        self._waiting, self._view = why, None

    def show(
        self,
        recommendations: Sequence[Recommendation],
        news: Sequence[Recommendation],
        basis: Basis,
        now_s: float,
    ) -> None:
        """Shows what one tick found."""
        keys = {item.subject.key for item in recommendations}
        kept = {key: item for key, item in self._explanations.items() if key in keys}
        fresh = {item.subject.key: item.explanation for item in news}
        self._explanations = kept | {key: item for key, item in fresh.items() if item is not None}
        self._history.add(recommendations, basis, now_s)
        measured = measured_violations(basis.batch, basis.proposals.new_steps, basis.rows.limits)
        self._view = View(
            now_s,
            {item.subject.key: item for item in recommendations},
            basis.policies,
            {key: float(measured[row]) for key, row in basis.places.items()},
        )

    def document(self, path: str) -> bytes | None:
        """The JSON document of a path, None for an unknown one."""
        view = self._view
        if path == LIST_PATH:
            return self._list_document(view)
        if view is None:
            return None
        for prefix, make in (
            ("/workloads/", self._detail),
            (_EXPLANATIONS, self._explanation),
        ):
            key = path.removeprefix(prefix).removesuffix(".json")
            known = view.recommendations.get(key)
            if known is not None and path == f"{prefix}{key}.json":
                return make(view, known)
        return None

    def _list_document(self, view: View | None) -> bytes:
        if view is None:
            return list_document("recommender", "waiting", [], self._waiting)
        with self._lock:
            if self._list is None or self._list[0] is not view:
                rows = [self._row(view, item) for item in view.recommendations.values()]
                at = datetime.fromtimestamp(int(view.time_s), UTC).isoformat()
                self._list = view, list_document("recommender", at, rows)
            return self._list[1]

    def _row(self, view: View, item: Recommendation) -> Row:
        key = item.subject.key
        policy = view.policies.get(key)
        return Row(
            workload=key,
            phase=item.phase.phase,
            verdict="accepted" if policy else "no policy",
            drift=drift_words(policy, self._history.rates(key, 1)),
            current=Size(*map(float, item.subject.current.values)),
            recommended=Size(*map(float, item.target.values)),
            violation=_none(view.violations.get(key, math.nan)),
            promised=_none(policy.gate.promised) if policy else None,
            saved_per_month=saved_per_month(policy, self._prices),
            reason=item.conditions()[0].message,
            trend=self._history.rates(key, _TREND),
        )

    def _detail(self, view: View, item: Recommendation) -> bytes:
        key = item.subject.key
        policy = view.policies.get(key)
        times_s, values = self._history.of(key)
        rate = self._history.rates(key, 1)
        explanation = self._explanations.get(key)
        detail = Detail(
            workload=key,
            sections=sections(item, policy, explanation, drift_words(policy, rate), self._prices),
            charts=charts(item, times_s, values),
            commands=commands(item, self._store),
        )
        return detail_document(detail)

    def _explanation(self, _: View, item: Recommendation) -> bytes | None:
        found = self._explanations.get(item.subject.key)
        if found is None:
            return None
        document = {
            "workload": item.subject.key,
            "decided": item.conditions()[0].reason,
            "words": item.conditions()[0].message,
            "phase": item.phase.phase,
            "explanation": found.to_document(),
        }
        return json.dumps(document, allow_nan=False).encode()


def _none(value: float) -> float | None:
    return value if np.isfinite(value) else None
