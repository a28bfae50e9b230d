"""YAML with the line of every value, so that an error can say where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import yaml

from components.errors import UserError

Location: TypeAlias = tuple[str | int, ...]


def read_yaml(path: Path) -> tuple[object, dict[Location, int]]:
    """Return the file's value, and the 1-based line of each key or item by its location.

    Raises UserError for a missing or unreadable file, broken YAML and a key written twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UserError(f"can't read {path}: {reason}; give a YAML file") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{path}, line {line}: broken YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: broken YAML: {str(error).splitlines()[0]}") from error
    lines: dict[Location, int] = {}
    try:
        found = list(_walk(node, ())) if node is not None else []
    except RecursionError as error:
        raise UserError(f"{path}: an alias that contains itself; write its value out") from error
    for location, line in found:
        if location in lines:
            first = lines[location]
            raise UserError(
                f"{path}, line {line}: key {location[-1]!r} again, it is on line {first} already;"
                " keep one"
            )
        lines[location] = line
    return value, lines


def line_of(location: Location, lines: dict[Location, int]) -> int:
    """Return the line of the location, or of its nearest parent that has one."""
    for length in range(len(location), -1, -1):
        if location[:length] in lines:
            return lines[location[:length]]
    return 1


def _walk(node: yaml.Node, location: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*location, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _walk(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            inner = (*location, index)
            yield inner, item.start_mark.line + 1
            yield from _walk(item, inner)
