"""What was acknowledged, kept in a file of one context: the next start, and ``watch``, know it from there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from unstick.board.acks import MOST, Acks
from unstick.facts.ack import KEY, Ack, ack_of

_LARGEST = 1 << 20


class Drawer:
    """``who`` acknowledges. The file is readable by its owner alone, and replaced whole."""

    def __init__(self, path: Path, who: str = "") -> None:
        self.path = path
        self.who = who
        self._saving: asyncio.Task[str] | None = None
        self._next: bytes | None = None

    async def read(self) -> list[Ack]:
        """What the file says; nothing where there is none that can be read."""
        return await asyncio.to_thread(self.look)

    def look(self) -> list[Ack]:
        """The same at once."""
        try:
            with self.path.open("rb") as file:
                found = msgspec.json.decode(file.read(_LARGEST), type=list[dict[str, object]])
        except (OSError, msgspec.DecodeError):
            return []
        return [ack for each in found[:MOST] if (ack := ack_of({KEY: each})) is not None]

    async def keep(self, acks: Acks) -> str:
        """Keep what stands; why that failed, empty when it is done."""
        self.keep_soon(acks)
        return "" if self._saving is None else await asyncio.shield(self._saving)

    def keep_soon(self, acks: Acks) -> None:
        """The same, without waiting: the newest is kept last."""
        self._next = msgspec.json.encode([standing.ack for standing in acks.values()])
        if self._saving is None or self._saving.done():
            self._saving = asyncio.ensure_future(self._save())

    async def _save(self) -> str:
        lost = ""
        while self._next is not None:
            data, self._next = self._next, None
            lost = await asyncio.to_thread(self._write, data)
        return lost

    def _write(self, data: bytes) -> str:
        fresh = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            fresh.replace(self.path)
        except OSError as error:
            return (error.strerror or str(error)).lower()
        return ""
