"""What is worth telling, and how often: pure, so that it is tested without waiting."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from unstick.board.board import Board
from unstick.board.events import Event
from unstick.board.findings import Finding
from unstick.facts.level import Level
from unstick.facts.units import timestamp
from unstick.settings import Alerts

MINUTE_S = 60.0


class Alert(msgspec.Struct, frozen=True):
    """One message. ``what`` is ``begins``, ``worse``, ``ends`` or ``test``. ``left_out``: over the limit before."""

    at: str | None
    context: str
    what: str
    level: str
    id: str
    title: str
    since: str | None = None
    action: str | None = None
    left_out: int = 0

    def line(self) -> str:
        """The message as one line."""
        more = f" (and {self.left_out} more before it)" if self.left_out else ""
        return f"unstick {self.context}: {self.level} {self.what}: {self.title}{more}"


class Desk:
    """Chooses from what happens; remembers what was told and when. What somebody took notice of is silent."""

    def __init__(self, settings: Alerts) -> None:
        self._settings = settings
        self._least = Level(settings.level).rank
        self._told: dict[str, float] = {}
        """Findings that were told and have not ended, and when."""
        self._quiet_until: dict[str, float] = {}
        self._sent: list[float] = []
        self._left_out = 0

    def take(self, board: Board) -> list[Alert]:
        """The messages that the newest Frame of ``board`` is worth, within the limit."""
        now = board.frame.at
        lines = {finding.id: finding for finding in board.findings}
        alerts = []
        for event in board.news:
            if event.id in board.acks or not self._worth(event, now):
                continue
            self._sent = [at for at in self._sent if at > now - MINUTE_S]
            if len(self._sent) >= self._settings.per_minute:
                self._left_out += 1
                continue
            self._sent.append(now)
            alerts.append(_alert(board, event, lines.get(event.id), self._left_out))
            self._left_out = 0
        return alerts

    def _worth(self, event: Event, now: float) -> bool:
        """A finding is told when it begins or gets worse, not again within ``every``; its end, when it was told."""
        if event.what == "ends":
            return self._told.pop(event.id, None) is not None
        if event.what not in {"begins", "worse"} or event.level.rank < self._least:
            return False
        worse = event.what == "worse" and event.id in self._told
        if not worse and now < self._quiet_until.get(event.id, 0.0):
            return False
        self._told[event.id] = now
        self._quiet_until = {name: until for name, until in self._quiet_until.items() if until > now}
        self._quiet_until[event.id] = now + self._settings.every_s
        return True


def _alert(board: Board, event: Event, finding: Finding | None, left_out: int) -> Alert:
    since = None if finding is None else timestamp(finding.since)
    action = None if finding is None else finding.action
    return Alert(
        timestamp(event.at), board.context.name, event.what, event.level.value, event.id, event.text, since, action,
        left_out,
    )  # fmt: skip


def trial(context: str, at: float) -> Alert:
    """What ``unstick alerts test`` sends."""
    return Alert(timestamp(at), context, "test", "ok", "test", "this is a test; nothing is wrong")


def ways(settings: Alerts) -> Iterator[str]:
    """The ways that are configured, by their keys."""
    if settings.bell:
        yield "bell"
    if settings.command:
        yield "command"
    if settings.webhook is not None:
        yield "webhook"
