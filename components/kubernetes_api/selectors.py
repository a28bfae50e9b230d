"""Label selectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.fields import Fields


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of matchExpressions; matchLabels are In requirements with one value."""

    key: str
    operator: str
    values: tuple[str, ...]

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it (kubernetes, apimachinery, labels/selector.go)."""
        present = self.key in labels
        if self.operator == "Exists":
            return present
        if self.operator == "DoesNotExist":
            return not present
        if self.operator == "In":
            return present and labels[self.key] in self.values
        return not present or labels[self.key] not in self.values


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold; one without any selects everything."""

    requirements: tuple[Requirement, ...]

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.holds(labels) for requirement in self.requirements)


def selector_of(selector: Fields) -> Selector:
    """The selector in a `selector` field; raises BadObjectError for an unknown operator."""
    requirements = [
        Requirement(key, "In", (value,))
        for key, value in selector.child("matchLabels").texts().items()
    ]
    for item in selector.items("matchExpressions"):
        operator = item.required_text("operator")
        if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            raise BadObjectError(f"{item.what}: {item.path}.operator {operator!r} is unknown")
        values = tuple(str(value) for value in item.value.get("values") or ())
        requirements.append(Requirement(item.required_text("key"), operator, values))
    return Selector(tuple(requirements))


def query_of(selector: Selector) -> str:
    """The selector as the API's labelSelector query."""
    parts = []
    for item in selector.requirements:
        if item.operator == "Exists":
            parts.append(item.key)
        elif item.operator == "DoesNotExist":
            parts.append(f"!{item.key}")
        else:
            parts.append(f"{item.key} {item.operator.lower()} ({','.join(item.values)})")
    return ",".join(parts)
