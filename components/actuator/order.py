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
from components.actuator.sizes import grows, has_at_least, held_above
from components.actuator.wish import Wish
from components.kubernetes_api.resources import Resources
from components.kubernetes_api.targets import DEPLOYMENT

SILENT = "while no recommender renews its Lease"


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
    """Holds back what would shrink too early, and says so where something would."""
    target, held = situation.target, []
    # A StatefulSet's template isn't kept in step: its pods alone say what is in use.
    templates = [target.containers] if target.kind == DEPLOYMENT else []
    in_use = [*templates, *(pod.containers for pod in situation.pods)]
    would_shrink = any(grows(_same(current, wish.sizes), wish.sizes) for current in in_use)
    ready = min(target.replicas_ready, target.replicas, sum(pod.ready for pod in situation.pods))
    kept = situation.keeps if situation.recommender_alive else SILENT
    sizes_may_shrink = not kept and ready >= wish.replicas
    if not kept and would_shrink and not sizes_may_shrink:
        held.append(f"no size shrinks before {wish.replicas} replicas are ready ({ready} are)")
    replicas = wish.replicas
    smaller = sum(not has_at_least(pod, wish.sizes) for pod in situation.pods)
    if replicas < target.replicas and (smaller or kept):
        replicas = target.replicas
        if not kept:
            held.append(f"no replica goes before {smaller} pods have their size")
    if kept and (would_shrink or wish.replicas < target.replicas):
        held.append(f"nothing shrinks {kept}")
    return Allowed(wish, replicas, sizes_may_shrink, tuple(held))


def _same(current: Mapping[str, Resources], sizes: Sizes) -> Sizes:
    return {name: current[name] for name in sizes if name in current}
