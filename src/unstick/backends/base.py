"""What every backend promises, and the one error that leaves this floor."""

from __future__ import annotations

from typing import Protocol

from unstick.facts.reading import Cost, Trouble, TroubleKind
from unstick.facts.text import clean


class BackendError(Exception):
    """A look that failed. ``transport`` tells whether the connection is gone (its lane then backs off).

    ``code`` is the server's own word for it (SQLSTATE, HTTP status), where it has one.
    """

    def __init__(self, trouble: Trouble, *, transport: bool, code: str = "") -> None:
        super().__init__(trouble.text)
        self.trouble = trouble
        self.transport = transport
        self.code = code


class UnsureError(BackendError):
    """The server was asked to change something and has not said whether it did."""


def failure(
    kind: TroubleKind, text: str, *, transport: bool = False, retry_after_s: float | None = None, code: str = ""
) -> BackendError:
    """A :class:`BackendError` whose text is sanitised and short enough for one line."""
    trouble = Trouble(kind, clean(" ".join(text.split()), 300), retry_after_s)
    return BackendError(trouble, transport=transport, code=code)


class Connection(Protocol):
    """One connection to one server, used by one lane at a time."""

    async def open(self) -> None:
        """Connect if not connected. Raises :class:`BackendError`."""

    def abort(self) -> None:
        """Close the socket at once. Never blocks, never raises: a deadline calls it on a half-open link."""

    async def close(self) -> None:
        """Part politely, within a second; then :meth:`abort`. Never raises."""

    def take_cost(self) -> Cost:
        """What was spent since the last call (``took_s`` is the lane's to fill)."""
