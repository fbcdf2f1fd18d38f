"""What is held back, counted by kind and in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Thing = Literal["proxies", "locks", "tasks", "messages", "waiting", "balances", "channels", "sessions"]
"""``messages`` were fetched and not acknowledged, ``waiting`` wait in a queue."""
Held = tuple[tuple[Thing, int], ...]

_WORDS: dict[Thing, tuple[str, str]] = {
    "proxies": ("proxy", "proxies"),
    "locks": ("lock", "locks"),
    "tasks": ("task", "tasks"),
    "messages": ("message", "messages"),
    "waiting": ("waiting", "waiting"),
    "balances": ("balance", "balances"),
    "channels": ("channel", "channels"),
    "sessions": ("session", "sessions"),
}


def things(held: Iterable[tuple[Thing, int]]) -> str:
    """What is held, in words; nothing is nothing.

    >>> things((("proxies", 15), ("locks", 1), ("tasks", 0))), things(())
    ('15 proxies, 1 lock', 'nothing')
    """
    parts = [f"{count} {_WORDS[kind][count != 1]}" for kind, count in held if count]
    return ", ".join(parts) or "nothing"


def added(held: Iterable[Held]) -> Held:
    """What several hold together.

    >>> added([(("proxies", 1), ("locks", 2)), (("proxies", 3),)])
    (('proxies', 4), ('locks', 2))
    """
    sums: dict[Thing, int] = {}
    for each in held:
        for kind, count in each:
            sums[kind] = sums.get(kind, 0) + count
    return tuple(sums.items())
