"""Status conditions: one per type, its time moved only when its status changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from components.kubernetes_api.fields import Fields

TRUE = "True"
FALSE = "False"
UNKNOWN = "Unknown"

# Longer messages are cut: etcd is no place for a server's whole answer.
_LONGEST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """`status` is "True", "False" or "Unknown"; `changed_s` when it took that value (1970)."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    changed_s: float | None = None

    def to_document(self) -> dict[str, Any]:
        """The condition as the API writes it."""
        document = {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
        }
        if self.changed_s is not None:
            document["lastTransitionTime"] = timestamp(self.changed_s)
        return document


def conditions_of(status: Fields) -> tuple[Condition, ...]:
    """The conditions of a status."""
    return tuple(
        Condition(
            type=item.required_text("type"),
            status=item.text("status"),
            reason=item.text("reason"),
            message=item.text("message"),
            changed_s=item.time_s("lastTransitionTime"),
        )
        for item in status.items("conditions")
    )


def condition(conditions: Sequence[Condition], type_: str) -> Condition | None:
    """The condition of one type, or None."""
    return next((item for item in conditions if item.type == type_), None)


def with_condition(
    conditions: Sequence[Condition], new: Condition, now_s: float
) -> tuple[Condition, ...]:
    """The conditions with `new` in its type's place; equal to the old ones when nothing changed."""
    old = condition(conditions, new.type)
    same = old is not None and old.status == new.status
    changed_s = old.changed_s if old is not None and same else now_s
    fresh = replace(new, message=new.message[:_LONGEST_MESSAGE], changed_s=changed_s)
    if old is None:
        return (*conditions, fresh)
    return tuple(fresh if item.type == new.type else item for item in conditions)


def timestamp(time_s: float) -> str:
    """Seconds since 1970 as the API's whole-second RFC 3339 time."""
    return datetime.fromtimestamp(int(time_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
