"""The lane: one connection, the questions asked on it, and how patiently.

A lane asks its questions one at a time (single flight), each within a deadline that closes the socket, backs off
with full jitter while the server is away, opens a breaker when it is refused by name (accounts get locked), and
leaves the newest reading of each question where the feed picks it up.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Container, Sequence
from typing import Generic, Protocol, TypeVar

from unstick import clock
from unstick.backends.base import BackendError, Connection
from unstick.facts.frame import AnyReading, Fact, Observation
from unstick.facts.reading import Cost, Fresh, Missing, Source, Stale, Trouble, TroubleKind

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 8.0
"""From the beginning of one failed look to that of the next, at most (unless its deadline is longer)."""
REST_S = 0.5
"""From the end of a failed look to the beginning of the next, at least."""
BREAKER_S = 30.0
PAUSE_PER_LOOK = 3.0
"""A look is followed by a pause of so many times its duration: a server that is slow is asked less, not more."""
GRACE_S = 0.5
"""How long a look whose socket was closed may take to notice."""

_REFUSED_BY_NAME = frozenset({TroubleKind.AUTH, TroubleKind.OVERLOAD})

ConnectionT = TypeVar("ConnectionT", bound=Connection)
ConnectionT_contra = TypeVar("ConnectionT_contra", bound=Connection, contravariant=True)


class Poller(Protocol[ConnectionT_contra]):
    """One question."""

    @property
    def source(self) -> Source:
        """Who is asked and how often; the interval is already at or above the floor of the question."""

    async def look(self, connection: ConnectionT_contra) -> Fact:
        """Ask once. Raises :class:`BackendError`."""


class _Question(Generic[ConnectionT]):
    """A poller with its next turn and its newest reading."""

    def __init__(self, poller: Poller[ConnectionT], started_at: float) -> None:
        self.poller = poller
        self.due = 0.0
        self.reading: AnyReading = Missing(Trouble(TroubleKind.PENDING, "not asked yet"), started_at)

    def succeeded(self, value: Fact, cost: Cost) -> None:
        self.reading = Fresh(value, clock.now(), cost)

    def failed(self, trouble: Trouble) -> None:
        match self.reading:
            case Fresh(value, at, cost):
                self.reading = Stale(value, at, trouble, clock.now(), cost)
            case Stale(value, at, _, since, cost):
                self.reading = Stale(value, at, trouble, since, cost)
            case Missing(_, since):
                self.reading = Missing(trouble, since)


class Lane(Generic[ConnectionT]):
    """One connection and its questions; :meth:`run` until cancelled, or :meth:`once` for a single look."""

    def __init__(
        self,
        connection: ConnectionT,
        pollers: Sequence[Poller[ConnectionT]],
        *,
        deadline_s: float = 4.0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.connection = connection
        self._deadline_s = deadline_s
        self._changed = changed
        self._questions = [_Question(poller, clock.now()) for poller in pollers]
        self._failures = 0
        self._resume = 0.0

    def observations(self) -> tuple[Observation, ...]:
        """The newest reading of every question."""
        return tuple(Observation(q.poller.source, q.reading) for q in self._questions)

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` after every reading."""
        self._changed = changed

    async def once(self, only: Container[str] | None = None) -> None:
        """Ask every question once, or those of some sources whatever its turn, and what was answered too long ago.

        A connection that is lost ends it: the other questions have failed with it.
        """
        for question in self._questions:
            aged = isinstance(question.reading, Fresh) and question.due <= clock.monotonic()
            if only is None or question.poller.source.id in only or aged:
                await self._ask(question)
                if self._resume > clock.monotonic():
                    return

    async def run(self) -> None:
        """Ask each question at its interval until cancelled; the connection is closed at the end."""
        try:
            while True:
                question = min(self._questions, key=lambda q: q.due)
                wait = max(question.due, self._resume) - clock.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                await self._ask(question)
        finally:
            await self.close()

    async def close(self) -> None:
        """Part from the server."""
        await self.connection.close()

    async def _ask(self, question: _Question[ConnectionT]) -> None:
        begun = clock.monotonic()
        interval = question.poller.source.interval_s
        try:
            value = await self._bounded(question.poller)
        except BackendError as error:
            rest = max(error.trouble.retry_after_s or 0.0, PAUSE_PER_LOOK * (clock.monotonic() - begun))
            question.due = max(begun + interval, clock.monotonic() + rest)
            self._fail(question, error, begun)
        else:
            cost = self.connection.take_cost()
            took = clock.monotonic() - begun
            question.succeeded(value, Cost(cost.queries, cost.bytes_in, cost.bytes_out, took))
            self._failures = 0
            question.due = begun + max(interval, took + PAUSE_PER_LOOK * took)
        self._changed()

    def _fail(self, question: _Question[ConnectionT], error: BackendError, begun: float) -> None:
        """Note a failed look. After a lost connection every question is due, whatever its interval: it could be long.

        The pause counts from the beginning of the look: waiting for its deadline is a part of it.
        """
        self.connection.take_cost()
        question.failed(error.trouble)
        if not error.transport:
            return
        self.connection.abort()
        self._failures += 1
        now = clock.monotonic()
        if error.trouble.kind in _REFUSED_BY_NAME:
            self._resume = now + BREAKER_S
        else:
            self._resume = max(begun + self._backoff(), now + REST_S)
        self._resume = max(self._resume, now + (error.trouble.retry_after_s or 0.0))
        question.due = self._resume  # behind the others: it may be what broke the connection
        for other in self._questions:
            if other is not question:
                other.failed(error.trouble)
                other.due = 0.0

    def _backoff(self) -> float:
        ceiling = min(BACKOFF_CAP_S, BACKOFF_FIRST_S * 2**self._failures)
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret

    async def _bounded(self, poller: Poller[ConnectionT]) -> Fact:
        """Run one look; at the deadline the socket is closed first and the task cancelled second."""
        task = asyncio.ensure_future(self._look(poller))
        task.add_done_callback(_fetched)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._deadline_s)
            if not done:
                self.connection.abort()
                task.cancel()
                await asyncio.wait({task}, timeout=GRACE_S)
                raise BackendError(
                    Trouble(TroubleKind.TIMEOUT, f"no answer within {self._deadline_s:g} s"), transport=True
                )
            if task.cancelled():  # by its driver: when a link breaks, some cancel whoever waits on it
                raise BackendError(Trouble(TroubleKind.CLOSED, "the connection was given up"), transport=True)
            return task.result()
        except asyncio.CancelledError:
            self.connection.abort()
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE_S)
            raise

    async def _look(self, poller: Poller[ConnectionT]) -> Fact:
        try:
            await self.connection.open()
            return await poller.look(self.connection)
        except (BackendError, asyncio.CancelledError):
            raise
        except Exception as error:
            text = f"{type(error).__name__} in {poller.source.id}: {error}"
            raise BackendError(Trouble(TroubleKind.INTERNAL, text[:300]), transport=True) from error


def _fetched(task: asyncio.Task[Fact]) -> None:
    """Whoever gave up on a look does not wait for its error, however late it comes."""
    if not task.cancelled():
        task.exception()
