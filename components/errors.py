"""What can go wrong, told apart by who can mend it."""

from __future__ import annotations

from collections.abc import Mapping


class UserError(Exception):
    """A mistake that the user can mend: one line that says what is wrong, where, and what to do.

    The command line and the stages' launcher print the line alone and end with exit code 2.
    """


class TemporaryError(Exception):
    """A failure of something outside (a server, a network) that a later attempt may not meet."""


def require_at_least(stage: str, settings: object, lowest: Mapping[str, float]) -> None:
    """Raise UserError for the first named attribute of `settings` below its lowest, or NaN."""
    for name, least in lowest.items():
        value = getattr(settings, name)
        if not value >= least:
            raise UserError(f"{stage}: {name} is {value}; give {least} or more")
