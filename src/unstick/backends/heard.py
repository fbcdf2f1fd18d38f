"""What a subscription hears between two looks: bounded, and counted beyond that."""

from __future__ import annotations

from collections import deque

from unstick import clock

MESSAGES_CAP = 20_000
BYTES_CAP = 16 << 20
"""Of what was heard and not yet read; newer messages are dropped beyond it, and counted."""


class Heard:
    """Messages with the instant of their arrival, by this host's clock."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self.dropped = 0

    def add(self, message: bytes) -> None:
        """Keep one message, or count it."""
        if len(self._kept) >= MESSAGES_CAP or self._size + len(message) > BYTES_CAP:
            self.dropped += 1
        else:
            self._kept.append((clock.now(), message))
            self._size += len(message)

    def take(self) -> list[tuple[float, bytes]]:
        """Everything kept since the last call."""
        kept, self._kept, self._size = list(self._kept), deque(), 0
        return kept
