"""The newest explanations as Prometheus metrics, bounded in number."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from components.recommender.explanation import Explanation
from components.recommender.recommendation import Recommendation

# A workload has up to 13 series; a Prometheus isn't made for those of every workload.
MOST = 500
_WORKLOAD = ("namespace", "name")


class ExplanationFigures(Collector):
    """Shows the explanations of the workloads whose recommendations changed last."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._shown: OrderedDict[tuple[str, str], Explanation] = OrderedDict()

    def show(self, news: Sequence[Recommendation]) -> None:
        """Shows these too; the oldest make room."""
        shown = self._shown.copy()
        for item in news:
            mine = item.subject.autoscaler
            if item.explanation is not None:
                shown.pop((mine.namespace, mine.name), None)
                shown[mine.namespace, mine.name] = item.explanation
        while len(shown) > self._most:
            shown.popitem(last=False)
        # Another thread may be reading the one before.
        self._shown = shown

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics as a registry asks for them."""
        expected = GaugeMetricFamily(
            "aware_recommender_expected_violation",
            "Share of violating steps that the twin expects at what is recommended, and staying.",
            labels=(*_WORKLOAD, "of"),
        )
        requested = GaugeMetricFamily(
            "aware_recommender_requested",
            "Cores or GiB that all replicas request, at what is recommended and staying.",
            labels=(*_WORKLOAD, "of", "resource"),
        )
        effects = GaugeMetricFamily(
            "aware_recommender_feature_effect",
            "What a feature moved the proposal by: replicas, cores or GiB.",
            labels=(*_WORKLOAD, "feature", "resource"),
        )
        for workload, explanation in self._shown.items():
            outlook = explanation.outlook
            for of, violation, cores, gib in (
                ("recommended", outlook.violation, outlook.cores, outlook.memory_gib),
                (
                    "staying",
                    outlook.violation_staying,
                    outlook.cores_staying,
                    outlook.memory_gib_staying,
                ),
            ):
                if not math.isnan(violation):
                    expected.add_metric((*workload, of), violation)
                requested.add_metric((*workload, of, "cores"), cores)
                requested.add_metric((*workload, of, "memory_gib"), gib)
            for effect in explanation.effects:
                for resource, moved in (
                    ("replicas", effect.replicas),
                    ("cores", effect.cpu_m / 1000.0),
                    ("memory_gib", effect.memory_bytes / 2.0**30),
                ):
                    if moved:
                        effects.add_metric((*workload, effect.feature, resource), moved)
        yield from (expected, requested, effects)
