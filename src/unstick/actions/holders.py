"""Whether the holder of a lock lives: by what the database dates, and by its own health endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from unstick.actions.evidence import LOOK_S, Signs
from unstick.actions.watch import Watch
from unstick.backends.base import BackendError
from unstick.backends.http import HttpConnection
from unstick.facts.reading import TroubleKind
from unstick.facts.units import duration
from unstick.settings import Context, Health

ASK_S = 2.0
AT_ONCE = 16
REFUSED, ANSWERED = "refused", "answered"


class Life(msgspec.Struct, frozen=True):
    """``dead`` is ``None`` when nobody can tell. ``again_s``: another look after so long may."""

    dead: bool | None
    text: str
    again_s: float | None = None


class Holders:
    """The workers of one context."""

    def __init__(self, context: Context, watch: Watch) -> None:
        self._grace_s = context.thresholds.grace_s
        self._endpoints = {entry.known_as: entry for entry in context.health}
        self._watch = watch

    async def lives(self, workers: Iterable[str], signs: Signs | None) -> dict[str, Life]:
        """The life of each worker. ``signs`` are those of the crawler tables, where there are any."""
        wanted = sorted(set(workers))
        said = await self._asked([name for name in wanted if name in self._endpoints])
        seen = self._watch.look({f"health|{name}": answer for name, answer in said.items()}, whole=False)
        found = {}
        for name in wanted:
            life = self.by_tables(name, signs)
            if life.dead is None and name in said:
                track = seen[f"health|{name}"]
                life = _by_endpoint(said[name], twice=track.looks > 1 and track.watched_s >= LOOK_S)
            found[name] = life
        return found

    async def awake(self, workers: Iterable[str]) -> frozenset[str]:
        """Those whose health endpoint answers now."""
        names = sorted(set(workers) & set(self._endpoints))
        return frozenset(name for name, said in (await self._asked(names)).items() if said == ANSWERED)

    def by_tables(self, name: str, signs: Signs | None) -> Life:
        """What the crawler tables alone tell."""
        if not name:
            return Life(None, "nobody is named as its holder")
        sign = signs.of(name) if signs is not None else None
        silent = signs.silent_s(name) if signs is not None else None
        if sign is None or silent is None:
            return Life(None, "nothing tells whether its holder lives")
        if sign.processing > sign.expired:
            return Life(dead=False, text=f"its holder processes {sign.processing - sign.expired}")
        if silent < self._grace_s:
            return Life(dead=False, text=f"its holder gave a sign of life {duration(max(0.0, silent))} ago")
        last = f"its holder's last sign of life was {duration(silent)} ago"
        if signs is not None and signs.lives(signs.container(name)):
            return Life(None, f"{last}, and its container still works")
        return Life(dead=True, text=last)

    async def _asked(self, names: list[str]) -> dict[str, str]:
        """What each endpoint does when it is asked: it answers, refuses, or why nobody can tell."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def ask(name: str) -> str:
            async with slots:
                return await _answer(self._endpoints[name])

        return dict(zip(names, await asyncio.gather(*map(ask, names)), strict=True))


async def _answer(entry: Health) -> str:
    connection = HttpConnection(entry.url, total_s=ASK_S, cap=1 << 20)
    try:
        await connection.get(entry.health_path)
    except BackendError as error:
        return REFUSED if error.trouble.kind is TroubleKind.REFUSED else error.trouble.text
    finally:
        await connection.close()
    return ANSWERED


def _by_endpoint(said: str, *, twice: bool) -> Life:
    if said == ANSWERED:
        return Life(dead=False, text="its holder answers on its health endpoint")
    if said != REFUSED:
        return Life(None, f"its holder's health endpoint can't tell: {said}")
    if twice:
        return Life(dead=True, text="nobody listens on its holder's health endpoint")
    return Life(None, "nobody listens on its holder's health endpoint; a second look decides", LOOK_S)
