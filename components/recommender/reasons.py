"""Why a recommendation isn't what the policy proposed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A code for programs, the dimension it concerns (empty for all) and a message for people."""

    code: str
    dimension: str
    message: str
