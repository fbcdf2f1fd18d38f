"""What the command line decides about the board, known before Textual is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from unstick.settings import Own, Preset


class BoardOptions(msgspec.Struct, frozen=True):
    """``ascii`` and ``no_color`` unset: by the environment. ``color`` is the context's own colour name."""

    context: str = "default"
    production: bool = False
    color: str | None = None
    theme: str = "midnight"
    no_color: bool | None = None
    mouse: bool = True
    ascii: bool | None = None
    keys: Mapping[str, str] = {}
    presets: tuple[Preset, ...] = ()
    own: tuple[Own, ...] = ()
    """Actions of one's own, to choose from."""
    opens: str = ""
    """The key of a page that lies over the board from the first picture that has it."""
    wall: bool = False
    """Big type from the first picture on."""
    fps: int | None = None
    """Frames per second at most; unset: 60."""
    slow: bool = False
    """For a thin line: news every five seconds, no ages that tick in between."""
    log_path: Path | None = None
    crash_folder: Path | None = None
    """Where a crash file goes; unset: the folder of ``log_path``, else the temporary folder."""
