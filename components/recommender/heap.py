"""The heap that a JVM was configured with: memory below it is memory that it was promised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.names import PREFIX
from components.workload.quantities import parse_memory

HEAP_ANNOTATION = f"{PREFIX}/heap"
_MAXIMUM = re.compile(r"(?:^|\s)-Xmx(\d+)([kKmMgGtT]?)(?=\s|$)")
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def heap_bytes(
    annotations: Mapping[str, str], template: Mapping[str, Any], container: str
) -> int | None:
    """The annotation's heap, else the last -Xmx in command, arguments or environment.

    None where none is stated: a heap that is a share of the memory limit follows by itself.
    Raises BadObjectError for an annotation that is no quantity.
    """
    text = annotations.get(HEAP_ANNOTATION)
    if text is not None:
        try:
            return parse_memory(text)
        except ValueError as error:
            raise BadObjectError(f"annotation {HEAP_ANNOTATION}: {error}") from error
    found = [
        int(match[1]) * _UNITS[match[2].lower()]
        for words in _words(template, container)
        for match in _MAXIMUM.finditer(words)
    ]
    return found[-1] if found else None


def _words(template: Mapping[str, Any], container: str) -> Iterator[str]:
    for item in (template.get("spec") or {}).get("containers") or ():
        if item.get("name") != container:
            continue
        # An environment's options are read before those of the command line, which win.
        for variable in item.get("env") or ():
            yield str(variable.get("value") or "")
        yield " ".join(map(str, (*(item.get("command") or ()), *(item.get("args") or ()))))
