"""Plays the samples on the real board: ``python -m tests.tui.play incident``; also what the pty tests start."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from tests.tui.samples import STATES
from unstick import clock
from unstick.facts.frame import Frame
from unstick.tui.run import BoardOptions, refusal, run_board
from unstick.views.pane import Span
from unstick.views.screen import Told


class TickFeed:
    """One frame per ``every`` seconds, or as many as ``count``."""

    def __init__(self, every: float = 1.0, count: int | None = None) -> None:
        self.every = every
        self.count = count
        self.closed = False

    async def frames(self) -> AsyncGenerator[Frame, None]:
        seq = 0
        try:
            while self.count is None or seq < self.count:
                yield Frame(seq, clock.now(), "prod-eu", ())
                seq += 1
                await asyncio.sleep(self.every)
        finally:
            self.closed = True


class SampleStory:
    """Tells a sample by the frame's number."""

    cursor = None

    def __init__(
        self, tell: Callable[[int], Told], fault: str = "", *, numbered: bool = False, ticks: Path | None = None
    ) -> None:
        self._tell = tell
        self._fault = fault
        self._numbered = numbered
        self._ticks = ticks

    def fold(self, frame: Frame) -> object:
        if self._fault == "fold" and frame.seq == 2:
            raise ValueError("hunter2 must not be shown")
        return frame.seq

    def tell(self, board: object) -> Told:
        frame = int(str(board))
        told = self._tell(frame)
        if self._fault == "paint" and frame >= 2:
            secret = "hunter2"  # a local that no crash report may print
            return Told(told.header, told.verdict, (secret,))  # type: ignore[arg-type]
        if self._ticks is not None:
            whole = self._ticks.with_suffix(".new")
            whole.write_text(str(board))
            whole.replace(self._ticks)
        if self._numbered:
            told = Told((told.header[0], (Span(f"<{board}>"),)), told.verdict, told.panes)
        return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", choices=STATES)
    parser.add_argument("--theme", default="midnight")
    parser.add_argument("--production", action="store_true")
    parser.add_argument("--color")
    parser.add_argument("--ascii", action="store_true", default=None)
    parser.add_argument("--still", action="store_true")
    parser.add_argument("--count", type=int)
    parser.add_argument("--every", type=float, default=1.0)
    parser.add_argument("--fault", default="")
    parser.add_argument("--crash-folder", type=Path)
    parser.add_argument("--ticks", type=Path, help="the number of the last frame goes into this file")
    parser.add_argument("--numbered", action="store_true", help="and into the header")
    parser.add_argument("--fps", type=int)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--no-mouse", action="store_true")
    args = parser.parse_args()
    if reason := refusal():
        sys.stderr.write(f"unstick: {reason}\n")
        return 64
    tell = STATES[args.state]
    story = SampleStory(
        (lambda _: tell(0)) if args.still else tell, args.fault, numbered=args.numbered, ticks=args.ticks
    )
    options = BoardOptions(
        context="prod-eu", production=args.production, color=args.color, theme=args.theme, ascii=args.ascii,
        crash_folder=args.crash_folder, fps=args.fps, slow=args.slow, mouse=not args.no_mouse,
    )  # fmt: skip
    return run_board(TickFeed(args.every, args.count), story, options)


if __name__ == "__main__":
    sys.exit(main())
