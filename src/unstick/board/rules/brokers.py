"""RabbitMQ: alarms, connections that leak channels or have no heartbeat, clients that reconnect without end."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.channels import Link
from unstick.board.findings import Evidence, Finding, Forecast
from unstick.board.rules.rule import Case, Rule
from unstick.facts.level import Level, above
from unstick.facts.units import duration

BLOCKED = frozenset({"blocked", "blocking"})


def _source(case: Case) -> str:
    return next((name for name, state in case.sources.items() if state.source.system == "rabbitmq"), "")


def _links(case: Case) -> Iterator[Link]:
    for link in case.subjects.channels.items if case.subjects.channels else ():
        if link.level is not Level.UNKNOWN:
            yield link


def _name(link: Link) -> str:
    return link.connection.client or link.connection.name


def _about(case: Case, link: Link) -> Evidence:
    peer = link.connection.name
    user = f", user {link.connection.user}" if link.connection.user else ""
    source = _source(case)
    return Evidence(f"connection {peer}{user}", None, None, "", source, case.age_s(source))


def _alarms(case: Case) -> Iterator[Finding]:
    for alarm in case.subjects.channels.alarms if case.subjects.channels else ():
        blocked = sum(link.connection.state in BLOCKED for link in _links(case))
        text = f"{blocked} connections are blocked by it" if blocked else "no connection is blocked yet"
        yield Finding(
            f"alarm:{alarm}",
            Level.CRITICAL,
            f"RabbitMQ alarm: {alarm}",
            (Evidence(text, blocked, None, "", _source(case), case.age_s(_source(case))),),
            aside=f"{blocked} connections blocked" if blocked else "",
            explains=(("alarm",),),
            sources=(_source(case),),
        )


ALARM = Rule(
    "alarm",
    "channels",
    _alarms,
    "RabbitMQ has raised an alarm: whoever publishes is blocked until it is over.",
    "The broker itself says so.",
    "Memory and disk alarms block publishers, and everything that publishes looks hung.",
    "Give it memory or disk, or let consumers catch up.",
)


def _blocked(case: Case) -> Iterator[Finding]:
    for link in _links(case):
        if link.connection.state in BLOCKED:
            yield Finding(
                f"blocked:{link.key}",
                Level.CRITICAL,
                f"{_name(link)}: {link.connection.state} by an alarm",
                (_about(case, link),),
                about=(("alarm",),),
                sources=(_source(case),),
                kin="rabbitmq",
            )


HELD_UP = Rule(
    "blocked",
    "channels",
    _blocked,
    "A connection may not publish.",
    "The broker says that it is blocked or blocking.",
    "Flow control of RabbitMQ: an alarm is on, or was on when the connection published last.",
    "Mend the alarm.",
    many="{n} connections are blocked by an alarm",
)


def _leaks(case: Case) -> Iterator[Finding]:
    limits = case.context.rabbitmq
    for link in _links(case):
        if not link.leaks:
            continue
        channels, growth = link.connection.channels or 0, link.growth_per_min or 0.0
        beatless = ", heartbeat off" if link.connection.heartbeat_s == 0 else ""
        level = Level.CRITICAL if channels >= limits.channels_warning else Level.WARNING
        limit = limits.channel_growth_per_min
        text = f"{growth:+.0f} channels a minute on one connection, never closed (a leak from {limit:+g})"
        source = _source(case)
        yield Finding(
            f"channel-leak:{link.key}",
            level,
            f"{_name(link)} leaks channels: {channels} on one connection, {growth:+.0f}/min{beatless}",
            (
                Evidence(text, growth, limit, "rabbitmq.channel_growth_per_min", source),
                _about(case, link),
            ),
            (("channels", channels),),
            "" if link.full_in_s is None else f"limit {link.connection.channel_max} in {duration(link.full_in_s)}",
            forecast=None if link.full_in_s is None else Forecast("channel_max reached", link.full_in_s),
            explains=(("connection", link.key),),
            sources=(source,),
        )


LEAK = Rule(
    "channel-leak",
    "channels",
    _leaks,
    "A client opens channels and never closes them: at channel_max its connection breaks.",
    "The channels of one connection rose several times within a minute, faster than the limit.",
    "The feature service opened a channel with every message and ran its broker out of channels.",
    "Roll the release back, or restart the client before the limit is reached.",
    ("rabbitmq.channel_growth_per_min", "rabbitmq.channels_warning"),
    clear_s=15.0,
    many="{n} connections leak channels",
)


def _many(case: Case) -> Iterator[Finding]:
    limit = case.context.rabbitmq.channels_warning
    for link in _links(case):
        channels, room = link.connection.channels or 0, link.connection.channel_max or 0
        if channels < limit:
            continue
        text = f"{channels}{f' of {room}' if room else ''} channels (warning at {limit})"
        yield Finding(
            f"channels-many:{link.key}",
            Level.CRITICAL if room and channels >= room / 2 else Level.WARNING,
            f"{_name(link)}: {channels} channels on one connection",
            (
                Evidence(text, channels, limit, "rabbitmq.channels_warning"),
                _about(case, link),
            ),
            (("channels", channels),),
            f"limit {room}" if room else "",
            about=(("connection", link.key),),
            sources=(_source(case),),
            kin="rabbitmq",
        )


MANY = Rule(
    "channels-many",
    "channels",
    _many,
    "A connection has many channels.",
    "More than the limit; critical from half of channel_max.",
    "Channels cost memory and a process each; hundreds on one connection are hardly meant.",
    "Look whether it needs them.",
    ("rabbitmq.channels_warning",),
    for_s=5.0,
    clear_s=15.0,
    many="{n} connections have too many channels",
)


def _beatless(case: Case) -> Iterator[Finding]:
    for link in _links(case):
        if link.connection.heartbeat_s == 0:
            yield Finding(
                f"heartbeat-off:{link.key}",
                Level.WARNING,
                f"{_name(link)}: heartbeat off",
                (_about(case, link),),
                about=(("connection", link.key),),
                sources=(_source(case),),
                kin="rabbitmq",
            )


BEATLESS = Rule(
    "heartbeat-off",
    "channels",
    _beatless,
    "A connection has no heartbeat: when its network dies, neither side will notice.",
    "The negotiated interval is 0.",
    "The notes found it behind connections that were lost and never opened again.",
    "Set heartbeat=60 in the client's URL.",
    many="{n} connections have no heartbeat",
)


def _storm(case: Case) -> Iterator[Finding]:
    channels = case.subjects.channels
    limit = case.context.rabbitmq.reconnects_per_min
    if channels is None or channels.opened_per_min is None or channels.closed_per_min is None:
        return
    pace = min(channels.opened_per_min, channels.closed_per_min)
    level = above(pace, limit, 10 * limit)
    if level is not Level.OK:
        source = _source(case)
        text = f"{channels.opened_per_min:.0f} connections opened and {channels.closed_per_min:.0f} closed a minute"
        yield Finding(
            "reconnect-storm",
            level,
            f"RabbitMQ: {pace:.0f} connections a minute come and go",
            (Evidence(f"{text} (limit {limit:g})", pace, limit, "rabbitmq.reconnects_per_min", source),),
            sources=(source,),
        )


STORM = Rule(
    "reconnect-storm",
    "channels",
    _storm,
    "Clients connect and are lost again, over and over.",
    "Connections opened and closed per minute are both above the limit; critical at ten times that.",
    "The feature service reconnected without a pause when its connection broke, and kept the broker busy.",
    "Find the client by its name; give it a reconnect interval and a heartbeat.",
    ("rabbitmq.reconnects_per_min",),
    for_s=10.0,
    clear_s=30.0,
)
