"""Prints the table of the kinds of faults: `python -m tests.running_loop`."""

from __future__ import annotations

from itertools import groupby

from tests.running_loop.fault import LOG
from tests.running_loop.kinds import KINDS
from tests.running_loop.test_pairs import PAIRS


def table() -> str:
    """The kinds by place, as Markdown."""
    lines = ["| where | kinds | which | told by |", "|---|---|---|---|"]
    by_place = groupby(sorted(KINDS, key=lambda fault: fault.where), key=lambda fault: fault.where)
    for place, faults in by_place:
        here = list(faults)
        words = {
            ("the log" if reason == LOG else reason) for fault in here for reason in fault.tells
        }
        names = ", ".join(fault.name for fault in here)
        lines.append(f"| {place} | {len(here)} | {names} | {', '.join(sorted(words))} |")
    lines.append(f"| all | {len(KINDS)} | one at a time, and {PAIRS} random pairs | |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
