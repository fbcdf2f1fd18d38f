"""What every feed promises."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from unstick.facts.frame import Frame


class Feed(Protocol):
    """A source of Frames. Nothing right of it can tell live from replay."""

    def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames in order of ``seq``; closing the iterator frees everything that the feed holds, within a second."""
