"""YAML with the line of every value, so that an error can say where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import yaml

from components.errors import UserError

Location: TypeAlias = tuple[str | int, ...]

# Some ten thousand workloads. Aliases of aliases can make a short file hold more than any memory.
MOST_BYTES = 32 * 2**20
MOST_VALUES = 1_000_000


def read_yaml(path: Path) -> tuple[object, dict[Location, int]]:
    """Return the file's value, and the 1-based line of each key or item by its location.

    Raises UserError, with the line wherever there is one, for a missing or unreadable file, broken
    YAML, a key written twice, an alias that contains itself and a file that is too large.
    """
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines = _lines(path, node)
        _check_scalars(path, node)
        return yaml.safe_load(text), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UserError(f"{path}, line {line}: broken YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(f"{path}, line {line}: broken YAML: {error.reason}") from error
    except RecursionError as error:
        raise UserError(f"{path}: broken YAML: nested too deep; write it flatter") from error


def line_of(location: Location, lines: dict[Location, int]) -> int:
    """Return the line of the location, or of its nearest parent that has one."""
    for length in range(len(location), -1, -1):
        if location[:length] in lines:
            return lines[location[:length]]
    return 1


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} is larger than {MOST_BYTES // 2**20} MiB; split it")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}; give a YAML file") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"can't read {path}, line {line}: it is no UTF-8 text; give a YAML file"
        ) from error


def _lines(path: Path, node: yaml.Node | None) -> dict[Location, int]:
    lines: dict[Location, int] = {}
    for location, line, repeated in _walk(path, node, (), ()):
        if repeated:
            raise UserError(
                f"{path}, line {line}: key {location[-1]!r} again, it is on line"
                f" {lines[location]} already; keep one"
            )
        lines[location] = line
        if len(lines) > MOST_VALUES:
            raise UserError(
                f"{path}, line {line}: more than {MOST_VALUES} values, aliases counted; split it"
            )
    return lines


def _walk(
    path: Path, node: yaml.Node | None, location: Location, parents: tuple[int, ...]
) -> Iterator[tuple[Location, int, bool]]:
    """Yield location, line and whether the key was there before, of all that lies in the node."""
    if not isinstance(node, yaml.CollectionNode):
        return
    if id(node) in parents:
        line = node.start_mark.line + 1
        raise UserError(f"{path}, line {line}: an alias that contains itself; write its value out")
    inside = (*parents, id(node))
    seen: set[str] = set()
    for index, item in enumerate(node.value):
        if isinstance(node, yaml.MappingNode):
            key, value = item
            name: str | int = str(key.value)
            yield (*location, name), key.start_mark.line + 1, name in seen
            seen.add(str(name))
        else:
            name, value = index, item
            yield (*location, name), item.start_mark.line + 1, False
        yield from _walk(path, value, (*location, name), inside)


def _check_scalars(path: Path, node: yaml.Node | None) -> None:
    """Raise UserError for a scalar that YAML takes for something that it isn't, as 2026-13-45."""
    loader = yaml.SafeLoader("")
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.MappingNode):
            waiting += [part for pair in one.value for part in pair]
        elif isinstance(one, yaml.SequenceNode):
            waiting += one.value
        else:
            try:
                loader.construct_object(one)
            except ValueError as error:
                line = one.start_mark.line + 1
                raise UserError(
                    f"{path}, line {line}: broken YAML: {one.value!r}: {error}; quote it"
                ) from error
