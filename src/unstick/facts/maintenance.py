"""A job that leaves files behind on this host: the newest of them, and the one before."""

from __future__ import annotations

import msgspec


class SeenFile(msgspec.Struct, frozen=True):
    """``at`` is when it was last written, by this host's clock."""

    name: str
    size: int
    at: float


class MaintenanceFacts(msgspec.Struct, frozen=True, tag="maintenance"):
    """One look at the files of one job. ``line_at`` is the time at the beginning of the newest file's last line.

    ``every_s``, ``backup`` and ``shrink_warning`` are the entry's own.
    """

    name: str
    pattern: str
    looked_at: float
    files: int
    newest: SeenFile | None
    before: SeenFile | None
    line: str | None
    line_at: float | None
    free_bytes: int | None
    every_s: float
    backup: bool
    shrink_warning: float
