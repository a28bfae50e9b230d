"""PodDisruptionBudgets: how many pods may be taken away now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.kubernetes_api.fields import fields_of
from components.kubernetes_api.selectors import Selector, selector_of


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget and what its controller allows at the moment."""

    namespace: str
    name: str
    selector: Selector
    allowed: int


def budget_of(document: Mapping[str, Any]) -> Budget:
    """Reads a PodDisruptionBudget; raises BadObjectError for what can't be understood."""
    fields = fields_of(document, "PodDisruptionBudget")
    metadata = fields.child("metadata")
    return Budget(
        namespace=metadata.required_text("namespace"),
        name=metadata.required_text("name"),
        selector=selector_of(fields.child("spec").child("selector")),
        allowed=fields.child("status").count("disruptionsAllowed") or 0,
    )


def disruptions_allowed(
    namespace: str, labels: Mapping[str, str], budgets: Iterable[Budget]
) -> int | None:
    """How many pods with these labels may go: the tightest budget; None where none applies."""
    allowed = [
        budget.allowed
        for budget in budgets
        if budget.namespace == namespace and budget.selector.selects(labels)
    ]
    return min(allowed) if allowed else None
