"""RabbitMQ connections and channels, told."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.board.channels import Channels, Link
from unstick.facts.level import Level
from unstick.facts.units import count, duration
from unstick.views.pane import LEVEL_ROLE, Column, Item, Line, PaneView, Role, Row, Span, Spark
from unstick.views.queues import growth
from unstick.views.words import absent, cell, details, number, span, tally

ABOUT = "The connections to RabbitMQ and their channels, those that leak first."
COLUMNS = (
    Column("client", "client", 14, flex=3, about="the name that the client gave itself, else its library or address"),
    Column("vhost", "vhost", 8, priority=6, about="virtual host"),
    Column("channels", "chan", 5, "right", about="open channels"),
    Column("share", "of limit", 10, priority=5, about="open channels in parts of the limit"),
    Column("growth", "/min", 5, "right", about="channels opened a minute, over the last minute"),
    Column("full", "full in", 7, "right", priority=1, about="when the limit is reached at this rate"),
    Column("max", "limit", 5, "right", priority=4, about="channels that one connection may have"),
    Column(
        "heartbeat", "beat", 4, "right", priority=2, about="negotiated heartbeat; off: a lost peer is not noticed"
    ),
    Column("state", "state", 8, flex=2, priority=3, about="what is wrong with it, else what the broker says"),
)
_SHARE = 10


def view(board: Board) -> PaneView:
    """One row per connection, the worst first."""
    channels = board.subjects.channels
    if channels is None:
        return absent("channels", "Channels", "set rabbitmq.url or rabbitmq.management_url")
    counts = tally((channels.connections, "conn", Role.TEXT), (channels.channels, "ch", Role.ACCENT))
    empty = channels.reason or "nobody is connected"
    return PaneView(
        "channels",
        "Channels",
        channels.level,
        counts,
        _summary(channels, board),
        COLUMNS,
        tuple(_row(link) for link in channels.items),
        _note(channels),
        (Span(empty, Role.UNKNOWN if channels.reason else Role.DIM),),
    )


def seconds(value: float | None) -> Line:
    """A heartbeat interval: always in seconds, as brokers and clients write it."""
    return cell("–", Role.UNKNOWN) if value is None else cell(f"{value:.0f}s")


def share(used: int | None, most: int | None, level: Level) -> Line:
    """How much of a limit is used, as a small bar; what is used shows at least one cell."""
    if used is None or not most:
        return cell("–", Role.UNKNOWN)
    cells = min(_SHARE, max(1 if used else 0, round(_SHARE * used / most)))
    role = LEVEL_ROLE[level] if level.rank >= Level.WARNING.rank else Role.SPARK
    return (Span("━" * cells, role), Span("─" * (_SHARE - cells), Role.DIM))


def _summary(channels: Channels, board: Board) -> tuple[Item, ...]:
    items: list[Item] = [(span(f"✖ alarm: {alarm}", Role.CRITICAL),) for alarm in channels.alarms]
    if channels.channels is not None:
        items.append(Spark("channels", board.memory.values("channels:total"), count(channels.channels)))
    return tuple(items)


def _note(channels: Channels) -> Line:
    notes = []
    if (channels.connections or 0) > len(channels.items) > 0:
        notes.append(f"showing {len(channels.items)} of {channels.connections}")
    if channels.opened_per_min is not None and channels.closed_per_min is not None:
        notes.append(f"opened {count(channels.opened_per_min)}/min · closed {count(channels.closed_per_min)}/min")
    return (Span(" · ".join(notes), Role.DIM),) if notes else ()


def _row(link: Link) -> Row:
    c = link.connection
    name = c.client or c.product or c.peer or c.name
    state = link.notes[0] if link.level.rank >= Level.WARNING.rank and link.notes else c.state or "–"
    beat = cell("off", Role.WARNING) if c.heartbeat_s == 0 else seconds(c.heartbeat_s)
    return Row(
        f"link:{link.key}",
        link.level,
        (
            cell(name, Role.DIM if link.own else Role.TEXT),
            cell(c.vhost or "–", Role.DIM),
            number(c.channels, link.level),
            share(c.channels, c.channel_max, link.level),
            growth(link.growth_per_min),
            cell("·", Role.DIM) if link.full_in_s is None else cell(duration(link.full_in_s), LEVEL_ROLE[link.level]),
            number(c.channel_max),
            beat,
            cell(state),
        ),
        (
            name,
            c.vhost,
            c.channels,
            c.channels / c.channel_max if c.channels and c.channel_max else None,
            link.growth_per_min,
            link.full_in_s,
            c.channel_max,
            c.heartbeat_s,
            state,
        ),
        (
            *details("connection", (c.name,)),
            *details("user, peer", (f"{c.user or '–'}, {c.peer or '–'}",)),
            *details("library", (c.product or "–",)),
            *details("state", (c.state or "–", *link.notes)),
        ),
    )
