"""One line of the doctor's answer, and how a server is asked for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from unstick import clock
from unstick.backends.base import BackendError, Connection
from unstick.cli.discovery import within
from unstick.facts.reading import Trouble, TroubleKind
from unstick.facts.text import clean
from unstick.secret import Url

PATIENCE_S = 5.0
"""For one server, all its questions together."""
SKEW_S = 2.0
"""Clocks that differ by more are told: ages on the board come from the servers' clocks."""

ConnectionT = TypeVar("ConnectionT", bound=Connection)


class Mark(StrEnum):
    """How a check ended. ``missing`` is a right that unstick needs; ``down`` a server that does not answer."""

    OK = "ok"
    NOTE = "note"
    UNKNOWN = "unknown"
    WARNING = "warning"
    MISSING = "missing"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """``mend`` is a line to run or a key to set, empty where there is nothing to do."""

    subject: str
    mark: Mark
    text: str
    mend: str = ""


def check(subject: str, mark: Mark, text: str, mend: str = "") -> Check:
    """A :class:`Check` whose texts are harmless and one line each."""
    return Check(clean(subject, 40), mark, clean(" ".join(text.split()), 400), clean(" ".join(mend.split()), 2000))


async def asked(
    subject: str,
    connection: ConnectionT,
    ask: Callable[[ConnectionT], Awaitable[list[Check]]],
    *,
    url: Url,
    setting: str,
) -> list[Check]:
    """The checks of one server; a single one, naming ``url`` and the key to correct, when it cannot be asked."""
    answer = await within(connection, ask, PATIENCE_S)
    if not isinstance(answer, BackendError):
        return answer
    found = of_trouble(subject, answer.trouble)
    text = found.text if url.address in found.text else f"{url.address}: {found.text}"
    return [check(subject, found.mark, text, found.mend or f"start the server, or correct {setting}")]


def of_trouble(subject: str, trouble: Trouble) -> Check:
    """A failed look. Refusals are missing rights, everything else is a server that does not answer."""
    refused = trouble.kind in {TroubleKind.AUTH, TroubleKind.DENIED}
    text, _, mend = trouble.text.partition("; mend: ")
    if "needs: " in text:
        text, _, mend = text.partition("needs: ")
    return check(subject, Mark.MISSING if refused else Mark.DOWN, text.rstrip("; ") or "not permitted", mend)


class Watch:
    """Takes the time of one question, for latency and for the clocks."""

    def __init__(self) -> None:
        self._begun_at = clock.now()
        self.took_s = 0.0

    @contextmanager
    def timing(self) -> Iterator[None]:
        """The question is asked inside."""
        self._begun_at = clock.now()
        begun = clock.monotonic()
        yield
        self.took_s = clock.monotonic() - begun

    @property
    def latency(self) -> str:
        """For the line of the server."""
        return f"{self.took_s * 1000:.1f} ms"

    def skew(self, subject: str, server_at: float | None, resolution_s: float = 0.0) -> Check:
        """How far the server's clock is from this host's. ``server_at`` was read half-way through the question."""
        if server_at is None:
            return check(subject, Mark.UNKNOWN, "clock: the server does not tell the time")
        ahead = server_at + resolution_s / 2 - (self._begun_at + self.took_s / 2)
        unsure = self.took_s / 2 + resolution_s / 2
        if abs(ahead) <= SKEW_S + unsure:
            return check(subject, Mark.OK, f"clock: within {max(abs(ahead), unsure):.1f} s of this host's")
        side = "ahead of" if ahead > 0 else "behind"
        mend = "let NTP set the clocks; ages on the board come from the server's"
        return check(subject, Mark.WARNING, f"clock: {abs(ahead):.1f} s {side} this host's", mend)
