"""``python -m tests.docs.pictures``: the pictures of the documentation, painted by the real board from tapes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from tests.docs.moving import moving
from tests.docs.stage import moment, played, pressed
from tests.tui.stand import Stand
from unstick.tui.options import BoardOptions
from unstick.tui.svg import svg

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDE, SMALL, LARGE = (120, 36), (80, 24), (200, 60)


class Still(NamedTuple):
    """A tape at a second of it, after some keys."""

    name: str
    tape: str
    second: float
    about: str
    keys: tuple[str, ...] = ()
    theme: str = "midnight"
    size: tuple[int, int] = WIDE
    production: bool = False


STILLS = (
    Still("stuck-proxies", "stuck-proxies", 200, "a container died and holds 15 proxies"),
    Still("finding", "stuck-proxies", 200, "what it rests on, holds, and what mends it", ("v", "enter")),
    Still("worker-stall", "worker-stall", 200, "a worker beats and acknowledges nothing", ("v", "enter"), "harbor"),
    Still("channel-leak", "channel-leak", 220, "channels leak", ("4", "enter"), "ember"),
    Still("sync-lag", "sync-lag", 230, "the balance sync is late", ("5", "enter"), "daylight"),
    Still("lock-pileup", "lock-pileup", 200, "thirty locks outlive their worker", ("6",), "safe"),
    Still("quiet", "quiet", 250, "nothing is stuck", (), "paper"),
    Still("large", "stuck-proxies", 200, "the board on a large screen", (), "midnight", LARGE),
    Still("small", "worker-stall", 200, "the board on 80 columns and 24 lines", (), "midnight", SMALL),
    Still("production", "lock-pileup", 200, "production is loud", (), "production", WIDE, production=True),
    Still("help", "stuck-proxies", 200, "what a pane means", ("3", "question_mark"), "midnight"),
)


def draw(still: Still) -> str:
    """The picture as SVG."""
    drawn: list[str] = []
    before = pressed(still.keys)

    async def scenario(stand: Stand) -> None:
        await before(stand)
        drawn.append(svg(stand.app.board.painted(), still.size[0], f"unstick: {still.about}"))

    options = BoardOptions(context="lab", theme=still.theme, production=still.production)
    played(moment(still.tape, still.second), scenario, still.size, options)
    return drawn[0]


def main() -> None:
    """Draw all, or those that are named."""
    FOLDER.mkdir(exist_ok=True)
    for still in STILLS:
        if not sys.argv[1:] or still.name in sys.argv[1:]:
            (FOLDER / f"{still.name}.svg").write_text(draw(still), encoding="utf-8")
    if not sys.argv[1:] or "moving" in sys.argv[1:]:
        (FOLDER / "moving.svg").write_text(moving(), encoding="utf-8")


if __name__ == "__main__":
    main()
