"""One round trip to Redis: commands are collected, sent together, and each answer is read where it was asked."""

from __future__ import annotations

from unstick.backends.base import BackendError, failure
from unstick.backends.redis import Command, RedisConnection
from unstick.facts.reading import TroubleKind


class Answer:
    """The reply to one command; empty until its round trip has been made."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: object = None

    @property
    def count(self) -> int | None:
        """A whole number, ``None`` when the server refused the command."""
        return self.value if isinstance(self.value, int) else None

    @property
    def text(self) -> bytes | None:
        """A text as the server keeps it, ``None`` when there is none."""
        return self.value if isinstance(self.value, bytes) else None

    @property
    def items(self) -> list[object] | None:
        """A list, ``None`` when the server refused the command."""
        return self.value if isinstance(self.value, list) else None

    @property
    def refusal(self) -> BackendError | None:
        """Why the server refused the command."""
        return self.value if isinstance(self.value, BackendError) else None

    def sure(self) -> Answer:
        """This answer, which the look cannot do without. Raises the refusal."""
        if self.refusal is not None:
            raise self.refusal
        return self

    @property
    def server_at(self) -> float:
        """The instant that ``TIME`` told."""
        match self.sure().value:
            case [bytes(seconds), bytes(micros)]:
                return int(seconds) + int(micros) / 1e6
        raise failure(TroubleKind.PROTOCOL, "TIME told no time", transport=True)


class RoundTrip:
    """Commands that travel together."""

    def __init__(self) -> None:
        self._commands: list[Command] = []
        self._answers: list[Answer] = []

    def ask(self, *command: str | bytes | float) -> Answer:
        """Add a command; its answer is there after :meth:`go`."""
        answer = Answer()
        self._commands.append(command)
        self._answers.append(answer)
        return answer

    async def go(self, connection: RedisConnection) -> None:
        """Send what was asked; nothing is sent when nothing was. Raises :class:`BackendError`."""
        for answer, value in zip(self._answers, await connection.pipeline(self._commands), strict=True):
            answer.value = value
