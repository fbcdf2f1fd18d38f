"""RabbitMQ connections and their channels: leaks, heartbeats, alarms."""

from __future__ import annotations

import msgspec

from unstick.board.memory import Notes
from unstick.board.sources import Seen, Sight
from unstick.facts.level import Level, worst
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts
from unstick.settings import Context

LEAK_LOOKS = 6
LEAK_RISES = 3
"""A client that has just connected opens its channels in a step or two; a leak goes on."""


class Link(msgspec.Struct, frozen=True):
    """One connection as judged. ``full_in_s``: until ``channel_max`` at today's growth, where it grows."""

    key: str
    connection: RabbitConnection
    growth_per_min: float | None
    full_in_s: float | None
    level: Level
    notes: tuple[str, ...]
    own: bool
    """This program's own connection."""
    leaks: bool = False
    """It opens channels faster than the limit, again and again."""


class Channels(msgspec.Struct, frozen=True):
    """All connections, worst first. Counts are ``None`` where the broker does not tell."""

    level: Level
    connections: int | None
    channels: int | None
    opened_per_min: float | None
    closed_per_min: float | None
    alarms: tuple[str, ...]
    via: str
    version: str | None
    items: tuple[Link, ...]
    reason: str
    """Why connections can't be seen, empty when they can."""
    alarms_known: bool


def fold_channels(sight: Sight, notes: Notes, context: Context) -> Channels | None:
    """Judge every connection; ``None`` when no RabbitMQ is configured."""
    if not sight.states("rabbitmq"):
        return None
    seen = next((s for s in sight.seen(RabbitFacts) if s.value.via == "management"), None)
    seen = seen or next(sight.seen(RabbitFacts), None)
    if seen is None:
        return Channels(
            Level.UNKNOWN, None, None, None, None, (), "", None, (), "RabbitMQ unseen", alarms_known=False
        )
    facts = seen.value
    items = [_judge(connection, seen, notes, context) for connection in facts.connections or ()]
    items.sort(key=lambda link: (-link.level.rank, -(link.connection.channels or 0), link.key))
    reason = _reason(facts)
    current = seen.current
    counts = (facts.connection_count, facts.channel_count) if current else (None, None)
    notes.record("channels:total", counts[1])
    churn = facts.churn
    notes.record("churn:opened", churn.connections_opened if current else None)
    notes.record("churn:closed", churn.connections_closed if current else None)
    alarms_known = current and facts.alarms_known
    unseen = not alarms_known or bool(reason)
    return Channels(
        worst(
            [
                *(link.level for link in items),
                Level.CRITICAL if facts.alarms and current else Level.OK,
                Level.UNKNOWN if unseen else Level.OK,
            ]
        ),
        counts[0],
        counts[1],
        notes.before.rate_per_min("churn:opened", counter=True),
        notes.before.rate_per_min("churn:closed", counter=True),
        facts.alarms if current else (),
        facts.via,
        facts.version,
        tuple(items),
        reason if current else "RabbitMQ unseen",
        alarms_known,
    )


def _reason(facts: RabbitFacts) -> str:
    if facts.connections is not None:
        return ""
    if facts.statistics_off:
        return "the broker's statistics are switched off"
    if facts.via == "amqp":
        return "AMQP alone does not tell connections; set rabbitmq.management_url"
    return "the broker shows no connections to this user"


def _judge(connection: RabbitConnection, seen: Seen[RabbitFacts], notes: Notes, context: Context) -> Link:
    limits = context.rabbitmq
    key = f"{connection.name}@{connection.connected_at or 0:.0f}"
    series = f"channels:{key}"
    notes.record(series, connection.channels if seen.current else None)
    window = max(60.0, LEAK_LOOKS * seen.source.interval_s)
    growth = notes.before.rate_per_min(series, window)
    channels, room = connection.channels or 0, connection.channel_max or 0
    remarks: list[str] = []
    levels = [Level.OK]
    rises = growth is not None and notes.before.rises(series, window) >= LEAK_RISES
    leaks = growth is not None and rises and growth >= limits.channel_growth_per_min
    if leaks:
        remarks.append(f"grows {growth:+.0f}/min")
        levels.append(Level.CRITICAL if channels >= limits.channels_warning else Level.WARNING)
    if channels >= limits.channels_warning:
        remarks.append(f"{channels} channels")
        levels.append(Level.CRITICAL if room and channels >= room / 2 else Level.WARNING)
    if connection.heartbeat_s == 0:
        remarks.append("heartbeat off")
        levels.append(Level.WARNING)
    if connection.state in {"blocked", "blocking"}:
        remarks.append(f"{connection.state} by an alarm")
        levels.append(Level.CRITICAL)
    full = (room - channels) * 60.0 / growth if growth and rises and growth > 0 and room > channels else None
    own = (connection.client or "").startswith("unstick")
    level = worst(levels) if seen.current else Level.UNKNOWN
    return Link(key, connection, growth, full, level, tuple(remarks), own, leaks)
