"""Patches as an API server applies them, as far as this product sends any."""

from __future__ import annotations

from typing import Any


def merged(target: Any, patch: Any, *, by_name: bool) -> Any:
    """RFC 7386's merge; with `by_name` lists of named objects are merged item by item.

    The latter is what a strategic merge does with containers.
    """
    if isinstance(patch, dict):
        result = dict(target) if isinstance(target, dict) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merged(result.get(key), value, by_name=by_name)
        return result
    if by_name and isinstance(patch, list) and all("name" in item for item in patch):
        found = {item["name"]: item for item in target or ()}
        for item in patch:
            found[item["name"]] = merged(found.get(item["name"]), item, by_name=True)
        return list(found.values())
    return patch


def replaced(target: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """RFC 6902's replace operations; no other is sent."""
    for operation in operations:
        assert operation["op"] == "replace"
        *parents, last = operation["path"].strip("/").split("/")
        at = target
        for name in parents:
            at = at[name]
        at[last] = operation["value"]
    return target
