"""Reading fields out of an API object, with an error that names the object and the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from components.kubernetes_api.errors import BadObjectError
from components.workload.quantities import parse_cpu, parse_memory


@dataclass(frozen=True, slots=True)
class Fields:
    """One mapping inside an object: `what` names the object, `path` where in it this one is.

    An absent field reads as its default (None unless given); a wrong type raises BadObjectError.
    """

    what: str
    path: str
    value: Mapping[str, Any]

    def child(self, key: str) -> Fields:
        """The mapping under `key`, empty where it is absent."""
        value = self.value.get(key)
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise self._wrong(key, value, "a mapping")
        return Fields(self.what, self._at(key), value)

    def items(self, key: str) -> list[Fields]:
        """The mappings in the list under `key`, none where it is absent."""
        value = self.value.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise self._wrong(key, value, "a list of mappings")
        return [
            Fields(self.what, f"{self._at(key)}[{index}]", item) for index, item in enumerate(value)
        ]

    def text(self, key: str, default: str = "") -> str:
        """The text under `key`."""
        value = self.value.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._wrong(key, value, "a text")
        return value

    def required_text(self, key: str) -> str:
        """The text under `key`, which must be there and not empty."""
        text = self.text(key)
        if not text:
            raise BadObjectError(f"{self.what}: {self._at(key)} is missing; set it")
        return text

    def count(self, key: str) -> int | None:
        """The whole number >= 0 under `key`."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._wrong(key, value, "a whole number that isn't negative")
        return value

    def flag(self, key: str) -> bool:
        """The boolean under `key`, false where it is absent."""
        value = self.value.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def cpu_m(self, key: str) -> int | None:
        """The CPU quantity under `key` in millicores."""
        return self._quantity(key, parse_cpu)

    def memory_bytes(self, key: str) -> int | None:
        """The memory quantity under `key` in bytes."""
        return self._quantity(key, parse_memory)

    def time_s(self, key: str) -> float | None:
        """The RFC 3339 time under `key` as seconds since 1970."""
        value = self.value.get(key)
        if value is None:
            return None
        try:
            return datetime.fromisoformat(str(value)).timestamp()
        except ValueError as error:
            raise self._wrong(key, value, "an RFC 3339 time") from error

    def texts(self) -> dict[str, str]:
        """This whole mapping as texts (labels, annotations)."""
        return {str(key): str(value) for key, value in self.value.items()}

    def _quantity(self, key: str, parse: Callable[[str | float], int]) -> int | None:
        value = self.value.get(key)
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise BadObjectError(f"{self.what}: {self._at(key)}: {error}") from error

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _wrong(self, key: str, value: object, wanted: str) -> BadObjectError:
        return BadObjectError(f"{self.what}: {self._at(key)} is {value!r}, not {wanted}")


def fields_of(document: Mapping[str, Any], kind: str) -> Fields:
    """The whole object; `kind` names it in errors as lists carry no kind for each item."""
    metadata = document.get("metadata")
    named = metadata if isinstance(metadata, Mapping) else {}
    return Fields(f"{kind} {named.get('namespace', '')}/{named.get('name', '?')}", "", document)
