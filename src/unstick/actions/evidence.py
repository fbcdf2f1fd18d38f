"""Whether what a worker holds may be taken from it: a pure judgement of what the database says.

Unknown is not dead. Every age is a difference of two instants of the database's own clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from unstick.facts.units import duration
from unstick.pollers.crawler import container_of

LOOK_S = 2.0
"""Between two looks where the data tell the age of a row."""


class Held(msgspec.Struct, frozen=True):
    """A proxy in use, word for word.

    ``written_at``: it was last written then or later, by its own account and that of other rows; ``committed_at``:
    exactly then, where the server remembers.
    """

    id: str
    worker_id: str
    version: str
    written_at: float | None = None
    committed_at: float | None = None

    @property
    def known_at(self) -> float | None:
        """The last write, as well as it is known."""
        return self.written_at if self.committed_at is None else self.committed_at


class Sign(msgspec.Struct, frozen=True):
    """What the database says of one worker. ``expired`` of its ``processing`` tasks have been silent for too long."""

    worker_id: str
    processing: int = 0
    expired: int = 0
    held: int = 0
    """Proxies."""
    sign_at: float | None = None


class Seen(msgspec.Struct, frozen=True):
    """How a row was watched: unchanged over ``looks`` looks and ``watched_s`` seconds."""

    looks: int = 1
    watched_s: float = 0.0


class Rules(msgspec.Struct, frozen=True):
    """The limits of one context. ``dated``: something in the database dates what workers do."""

    grace_s: float
    unchanged_s: float
    separator: str
    dated: bool = True
    tasks: bool = False
    """Expired tasks are returned together with the proxies."""
    strict: bool = False
    """Nobody looks at the plan: a container that still works keeps what its silent workers hold, and so does
    everybody while there is nothing to do.
    """


class Verdict(msgspec.Struct, frozen=True):
    """``why`` it must stay, else it may go; ``again_s``: another look after so long may decide otherwise."""

    evidence: tuple[str, ...] = ()
    why: str | None = None
    again_s: float | None = None


class Signs:
    """The signs of life of all workers, at one instant of the database."""

    def __init__(self, signs: Iterable[Sign], server_at: float, rules: Rules) -> None:
        self.server_at = server_at
        self._rules = rules
        self._workers: Mapping[str, Sign] = {sign.worker_id: sign for sign in signs}
        self._containers: dict[str, list[Sign]] = {}
        for sign in self._workers.values():
            self._containers.setdefault(container_of(sign.worker_id, rules.separator), []).append(sign)

    def of(self, worker_id: str) -> Sign:
        """What is known of one worker."""
        return self._workers.get(worker_id, Sign(worker_id))

    def silent_s(self, worker_id: str, also_at: float | None = None) -> float | None:
        """Since its last sign of life; negative for one of a clock that is ahead; ``None`` when there is none."""
        known = [at for at in (self.of(worker_id).sign_at, also_at) if at is not None]
        return self.server_at - max(known) if known else None

    def container(self, worker_id: str) -> str:
        """The container of a worker."""
        return container_of(worker_id, self._rules.separator)

    def lives(self, container: str) -> bool:
        """Whether any worker of ``container`` may live: a sign within the grace, or work that nothing dates."""
        return any(self._may_live(sign) for sign in self._containers.get(container, ()))

    def _may_live(self, sign: Sign) -> bool:
        if sign.sign_at is None:
            return sign.processing > 0
        return self.server_at - sign.sign_at < self._rules.grace_s

    def abandoned(self, worker_id: str) -> bool:
        """Whether its tasks may be returned: all that it processes has expired, and nothing else shows it alive."""
        sign, silent = self.of(worker_id), self.silent_s(worker_id)
        if not 0 < sign.processing == sign.expired or silent is None or silent < self._rules.grace_s:
            return False
        return not (self._rules.strict and self.lives(self.container(worker_id)))

    def judge(self, row: Held, seen: Seen, *, waiting: bool = True) -> Verdict:
        """Whether ``row`` may be freed. ``waiting``: there are tasks that a living worker would have taken."""
        silent = self.silent_s(row.worker_id, row.known_at)
        container = self.container(row.worker_id)
        lives = self.lives(container)
        why = self._at_work(row.worker_id) or self._living(silent, container, lives=lives)
        if why is None and self._rules.strict:
            why = _unwatched(container, lives=lives, waiting=waiting)
        return self._watched(row, seen, silent, _house(container, lives=lives)) if why is None else Verdict(why=why)

    def _at_work(self, worker_id: str) -> str | None:
        sign = self.of(worker_id)
        expired = self._rules.tasks and sign.processing == sign.expired
        return None if expired or not sign.processing else _works(sign.processing)

    def _living(self, silent: float | None, container: str, *, lives: bool) -> str | None:
        if silent is not None:
            return _alive(silent, self._rules.grace_s) if silent < self._rules.grace_s else None
        if not self._rules.dated:
            return "nothing dates what its worker does; map heartbeat or changed_at"
        return f"nothing tells when its worker last lived, and container {container} still works" if lives else None

    def _watched(self, row: Held, seen: Seen, silent: float | None, house: str) -> Verdict:
        rules = self._rules
        known = row.known_at
        age = seen.watched_s if known is None else max(seen.watched_s, self.server_at - known)
        needed = rules.grace_s if silent is None else rules.unchanged_s
        if age < needed:
            why = f"its row is known to be unchanged for {duration(age)} only, of {duration(needed)}"
            return Verdict(why=why, again_s=max(LOOK_S, needed - age))
        if row.committed_at is None and (seen.looks < 2 or seen.watched_s < LOOK_S):
            return Verdict(why="was seen once; a second look decides", again_s=LOOK_S)
        last = "no sign of life" if silent is None else f"last sign of life {duration(silent)} ago"
        tasks = f"{self.of(row.worker_id).expired} expired" if self.of(row.worker_id).expired else "no"
        return Verdict((f"{tasks} processing task", last, f"row unchanged for {duration(age)}", house))


def _works(tasks: int) -> str:
    return f"its worker processes {tasks} {'task' if tasks == 1 else 'tasks'}"


def _alive(silent_s: float, grace_s: float) -> str:
    when = f"{duration(silent_s)} ago" if silent_s >= 0 else f"dated {duration(-silent_s)} from now"
    return f"its worker gave a sign of life {when}, within the grace of {duration(grace_s)}"


def _unwatched(container: str, *, lives: bool, waiting: bool) -> str | None:
    """What keeps a row where nobody looks at the plan."""
    if lives:
        return f"container {container} still works"
    return None if waiting else "no task waits for a worker: an idle one looks like a dead one"


def _house(container: str, *, lives: bool) -> str:
    return f"container {container} {'still works' if lives else 'gives no sign of life'}"
