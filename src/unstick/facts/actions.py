"""What an action would do and what it did: orders, plans, confirmations, receipts.

Every text in here is sanitised: what a server needs word for word stays with the gate that made the plan.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FreeProxies(msgspec.Struct, frozen=True, tag="free-proxies"):
    """Give back what dead workers hold: of one container, of one worker, or of all."""

    container: str | None = None
    worker: str | None = None
    tasks: bool = False
    """Return the expired tasks of those workers to pending in the same transaction."""
    strict: bool = False
    """Only of containers none of whose workers gives a sign of life, and only while tasks wait."""


class DrainLocks(msgspec.Struct, frozen=True, tag="drain-locks"):
    """Delete locks that expired or whose holder is dead: of one worker, or of all."""

    worker: str | None = None
    force: bool = False
    """All of this worker's locks, whether it lives or not."""


class SyncBalances(msgspec.Struct, frozen=True, tag="sync-balances"):
    """Start a balance sync."""

    verbose: bool = False
    """The plan lists every balance that differs, and those that could not be compared."""


class Undo(msgspec.Struct, frozen=True, tag="undo"):
    """Give back the proxies that a plan has freed, as far as nobody has taken them since."""

    plan_id: str


class OwnAction(msgspec.Struct, frozen=True, tag="own"):
    """Run an action of the operator's own; ``values`` are those of its placeholders."""

    name: str
    values: tuple[tuple[str, str], ...] = ()


Order = FreeProxies | DrainLocks | SyncBalances | Undo | OwnAction


class Server(msgspec.Struct, frozen=True):
    """Who would be changed. ``identity`` differs between any two servers, and after a failover."""

    kind: str
    address: str
    role: str = ""
    identity: str = ""


class Target(msgspec.Struct, frozen=True):
    """One thing that would change, ``kind`` in ``place``. ``evidence`` is what the decision rests on."""

    kind: str
    place: str
    id: str
    holder: str
    change: str
    evidence: tuple[str, ...] = ()


class Left(msgspec.Struct, frozen=True):
    """One thing that stays as it is, and why. ``again_s``: another look after so long may decide otherwise."""

    kind: str
    place: str
    id: str
    holder: str
    why: str
    again_s: float | None = None


class Plan(msgspec.Struct, frozen=True):
    """What would be done. ``made_at`` is the server's clock, ``lives_s`` how long it may be applied from then on."""

    id: str
    order: Order
    context: str
    production: bool
    servers: tuple[Server, ...]
    made_at: float
    lives_s: float
    targets: tuple[Target, ...]
    left: tuple[Left, ...] = ()
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    """What it is about, line by line."""
    cap: int = 0
    """More targets than this need their count typed."""
    refused: str | None = None
    """Why nothing at all can be done."""

    @property
    def name(self) -> str:
        """The action, as its command is called."""
        return name_of(self.order)

    @property
    def again_s(self) -> float:
        """How long to wait for a look that may decide more; 0 when none would."""
        return max((one.again_s for one in self.left if one.again_s is not None), default=0.0)

    @property
    def stays(self) -> str | None:
        """Why all that was asked for by name stays as it is; ``None`` when it does not, or nobody was named."""
        named = getattr(self.order, "worker", None) or getattr(self.order, "container", None)
        if not named or self.targets or not self.left:
            return None
        first = self.left[0]
        more = f", and {len(self.left) - 1} more" if len(self.left) > 1 else ""
        return f"{first.kind} {first.id} of {first.holder} stays: {first.why}{more}"

    @property
    def above_cap(self) -> bool:
        """Whether it would change more than is changed without a typed count."""
        return len(self.targets) > self.cap

    def same(self, other: Plan) -> bool:
        """Whether ``other`` would change the same things of the same servers."""

        def essence(plan: Plan) -> object:
            things = [(t.kind, t.place, t.id, t.holder, t.change) for t in plan.targets]
            return plan.order, plan.servers, plan.refused, things

        return essence(self) == essence(other)


class Confirmation(msgspec.Struct, frozen=True):
    """How the plan was agreed to: by a typed ``count``, or ``unattended`` by a flag or a timer."""

    count: int | None = None
    unattended: bool = False


class Outcome(StrEnum):
    """How it ended. ``not sent``: nothing reached the server, or the server undid all of it; safe to press again."""

    APPLIED = "applied"
    PARTIAL = "partial"
    NOTHING = "nothing to do"
    REFUSED = "refused"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"


class State(StrEnum):
    """What became of one target."""

    DONE = "done"
    SKIPPED = "skipped"
    GONE = "gone"
    UNKNOWN = "unknown"


class Result(msgspec.Struct, frozen=True):
    """One target, looked at again afterwards."""

    kind: str
    place: str
    id: str
    holder: str
    state: State
    text: str


class Receipt(msgspec.Struct, frozen=True):
    """What was done. ``at`` is this host's clock; ``text`` one sentence."""

    plan_id: str
    order: Order
    context: str
    servers: tuple[Server, ...]
    outcome: Outcome
    at: float
    text: str
    results: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The action, as its command is called."""
        return name_of(self.order)

    def count(self, state: State) -> int:
        """How many targets ended in ``state``."""
        return sum(result.state is state for result in self.results)


class Actor(msgspec.Struct, frozen=True):
    """Who acts. ``ssh`` is the address the terminal came from; ``process`` tells a process from any other."""

    user: str
    host: str
    ssh: str | None = None
    sudo_user: str | None = None
    tty: str | None = None
    pid: int = 0
    process: str = ""

    @property
    def shown(self) -> str:
        """``alice@web-1``, or ``alice as root@web-1``."""
        return f"{self.sudo_user} as {self.user}@{self.host}" if self.sudo_user else f"{self.user}@{self.host}"


def name_of(order: Order) -> str:
    """The action of an order, as its command is called; one of the operator's own by the name he gave it."""
    if isinstance(order, OwnAction):
        return order.name
    return str(type(order).__struct_config__.tag)
