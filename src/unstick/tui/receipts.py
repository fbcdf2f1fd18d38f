"""How far the terminal has got: each frame ends in a question that it answers when it has come to it. Pure.

What the kernel, a tunnel or a modem holds back is not seen from here: a frame that was written may be shown a minute
later. Terminals, and the multiplexers between, answer in the order of what they were sent.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_QUESTION = b"\x1b[5n"
_ANSWER = b"\x1b[0n"
"""Device status report (ECMA-48 8.3.35): no key sends anything that looks like its answer."""
_PARTS = (_ANSWER[:3], _ANSWER[:2], _ANSWER[:1])
_NEAR_S = 0.25
"""A terminal that answers within this may have a few frames under way: their number bounds how far it is behind."""
_AHEAD = 4
_SILENCE_S = 10.0
"""After so long without an answer the next frame goes out all the same."""
_DEAF = 6
"""After so many of those nothing is waited for any more, until the terminal answers again."""
_DUMB = 100
"""After so many questions without any answer the terminal is asked no more."""


class Receipts:
    """``now`` is a clock that never steps. Until the terminal answered once, nothing is waited for."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.forget()

    def forget(self) -> None:
        """Another terminal, or none: nothing is known of it, and nothing is expected."""
        self._answers = False
        self._asked: list[float] = []
        self._took_s = 0.0
        self._silent = 0
        self._part = b""

    @property
    def owed(self) -> bool:
        """Whether an answer is still to come."""
        return self._answers and bool(self._asked)

    @property
    def room(self) -> bool:
        """Whether the terminal is near enough to be sent another frame."""
        if not self.owed or (self._took_s < _NEAR_S and len(self._asked) < _AHEAD):
            return True
        return self._now() - self._asked[-1] > _SILENCE_S

    def question(self) -> bytes:
        """What is to be sent after a frame."""
        if len(self._asked) >= _DUMB:
            return b""
        now = self._now()
        if self.owed and now - self._asked[-1] > _SILENCE_S:
            self._silent += 1
            self._answers = self._silent < _DEAF
        self._asked.append(now)
        return _QUESTION

    def sift(self, data: bytes) -> bytes:
        r"""What was typed, without the answers in it. What may be half an answer is kept back: see :meth:`rest`.

        >>> receipts = Receipts(lambda: 0.0)
        >>> receipts.question(), receipts.sift(b"j\x1b[0nk"), receipts.owed
        (b'\x1b[5n', b'jk', False)
        """
        typed, *answered = (self._part + data).split(_ANSWER)
        self._part = b""
        for text in answered:
            typed += text
            self._answers, self._silent = True, 0
            if self._asked:
                self._took_s = self._now() - self._asked.pop(0)
        if self._asked:
            # A lone escape is a key: it is kept back only where answers are known to come.
            parts = _PARTS if self._answers else _PARTS[:2]
            self._part = next((part for part in parts if typed.endswith(part)), b"")
        return typed.removesuffix(self._part)

    def rest(self) -> bytes:
        """What was kept back and has not become an answer."""
        rest, self._part = self._part, b""
        return rest
