"""What the parts of a plan hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from components.actuator.actions import Action

# Something would shrink and may not yet.
HELD = "Held"


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that the user should know; `blocks` where the wish can't be reached as it is."""

    reason: str
    message: str
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """Actions in their order, notes, and whether something done before has yet to land."""

    actions: tuple[Action, ...] = ()
    notes: tuple[Note, ...] = ()
    waiting: bool = False

    def then(self, other: Steps) -> Steps:
        """These steps followed by others."""
        return Steps(
            (*self.actions, *other.actions),
            (*self.notes, *other.notes),
            self.waiting or other.waiting,
        )
