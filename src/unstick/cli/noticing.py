"""Where it is kept what was acknowledged: one file for each context, in the folder for state."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence

import platformdirs

from unstick.facts.ack import Ack
from unstick.facts.level import Level
from unstick.facts.text import clean
from unstick.feeds.drawer import Drawer


def drawer_of(context: str) -> Drawer:
    """The drawer of one context."""
    name = re.sub(r"[^\w.-]+", "_", context)
    try:
        who = getpass.getuser()
    except (OSError, KeyError):
        who = ""
    return Drawer(platformdirs.user_state_path("unstick") / "noticed" / f"{name}.json", clean(who, 64))


class Glances:
    """Looks into a drawer again and again, for who does not put anything there."""

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer
        self._state: tuple[int, int] | None = None
        self._known: dict[str, Ack] = {}

    def fresh(self, at: float) -> Sequence[Ack]:
        """What came or was taken back since the look before, as marks of an instant."""
        try:
            status = self._drawer.path.stat()
            state = status.st_mtime_ns, status.st_size
        except OSError:
            state = None
        if state == self._state:
            return ()
        self._state = state
        found = {ack.finding: ack for ack in self._drawer.look()}
        gone = [Ack(name, Level.OK, at, ack.title) for name, ack in self._known.items() if name not in found]
        came = [ack for name, ack in found.items() if self._known.get(name) != ack]
        self._known = found
        return (*gone, *came)
