"""What may be done now so that capacity never dips while several things change.

A workload that trades few large pods for many small ones, or the reverse, passes through a state
in which one half is done. That half must be the growing one: sizes shrink only when all wished
replicas are ready, replicas only when every pod has the wished size. And nothing shrinks on the
word of a recommender that has gone silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.actuator.actions import Sizes
from components.actuator.situation import Situation
from components.actuator.sizes import has_at_least, held_above
from components.actuator.wish import Wish
from components.kubernetes_api.resources import Resources


@dataclass(frozen=True, slots=True)
class Allowed:
    """What of a wish may be done now, and why not all of it (empty when all)."""

    wish: Wish
    replicas: int
    sizes_may_shrink: bool
    held: tuple[str, ...]

    def sizes_over(self, current: Mapping[str, Resources]) -> Sizes:
        """The sizes to give now to something that has the current ones."""
        if self.sizes_may_shrink:
            return self.wish.sizes
        return held_above(self.wish.sizes, current)


def allowed_now(wish: Wish, situation: Situation) -> Allowed:
    """Holds back what would shrink too early."""
    target = situation.target
    held = []
    ready = min(target.replicas_ready, sum(pod.ready for pod in situation.pods))
    sizes_may_shrink = situation.recommender_alive
    if sizes_may_shrink and min(ready, target.replicas) < wish.replicas:
        sizes_may_shrink = False
        held.append(f"no size shrinks before {wish.replicas} replicas are ready ({ready} are)")
    replicas = wish.replicas
    if wish.replicas < target.replicas:
        smaller = sum(not has_at_least(pod, wish.sizes) for pod in situation.pods)
        if not situation.recommender_alive:
            replicas = target.replicas
        elif smaller:
            replicas = target.replicas
            held.append(f"no replica goes before {smaller} pods have their size")
    if not situation.recommender_alive:
        held.append("nothing shrinks while no recommender renews its Lease")
    return Allowed(wish, replicas, sizes_may_shrink, tuple(held))
