"""What the API server can answer, told apart by what to do next."""

from __future__ import annotations

from components.errors import TemporaryError, UserError


class ConflictError(TemporaryError):
    """The object changed since it was read (409): read it again and decide anew."""


class BusyError(TemporaryError):
    """Too many requests, or an eviction that a PodDisruptionBudget doesn't allow now (429).

    `retry_after_s` is how long the server asked to wait, 0 where it didn't say.
    """

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AbsentError(UserError):
    """There is no such object or no such resource (404)."""


class RefusedError(UserError):
    """The request was understood and refused (400, 401, 403, 422 and the like).

    `status` is the HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class QuotaExceededError(RefusedError):
    """A ResourceQuota has no room for it (403): trying again at once changes nothing."""


class DeniedError(RefusedError):
    """An admission webhook denied it: its name and its reason are in the message."""


class BadObjectError(UserError):
    """An object lacks a field or holds a value that can't be understood."""
