"""What a tape says of itself, with the settings that its fold needs. URLs and whatever is secret never travel."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from unstick import settings
from unstick.facts.template import TemplateError, matching, parsed
from unstick.secret import Url

FORMAT = "unstick tape"
VERSION = 1
KEYFRAME_EVERY = 60
ABOUT = (
    "JSON lines: a 'keyframe' holds a whole frame, a 'delta' what changed since then: a scalar or [value] "
    "replaces, [] removes, an object changes by key; on a list 'o' is the order in runs [first, count] of old rows "
    "and {'+': row} for new ones, 'c' pairs of place and delta. Instants are UTC seconds (_at), spans seconds (_s)."
)

_NOWHERE = Url("http://-")
_CALLERS = frozenset({"any", "crawler", "dramatiq", "celery", "http", "locks", "rabbitmq"})

Color = Literal["red", "orange", "yellow", "green", "cyan", "blue", "magenta"]


class FoldSettings(msgspec.Struct, frozen=True):
    """What a fold reads of a context: by allow-list, field by field."""

    name: str
    production: bool = False
    color: Color | None = None
    channels_warning: int | None = None
    channel_growth_per_min: float | None = None
    dramatiq: tuple[tuple[str, float], ...] = ()
    """(name, heartbeat timeout in seconds)"""
    separator: str | None = None
    """Of the crawler's worker ids; ``None`` without a crawler."""
    sync_every_s: float | None = None
    """``None`` without a sync."""
    host: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    reconnects_per_min: float | None = None
    heartbeat_every_s: float | None = None
    """Of the crawler's workers."""
    brokers: tuple[tuple[str, str], ...] = ()
    """(endpoint, whose messages its worker does)"""
    holders: tuple[tuple[str, str, str], ...] = ()
    """(who calls it so, the name there, the worker)"""


class Meta(msgspec.Struct, frozen=True):
    """The first record of a tape; repeated, so that a damaged one costs nothing."""

    settings: FoldSettings
    format: str = FORMAT
    version: int = VERSION
    reads: int = VERSION
    """The oldest version that a reader must know."""
    writer: str = "unstick"
    pid: int = 0
    started_at: float = 0.0
    part: int = 1
    """Of a recording that goes on in a new file when one is full."""
    keyframe_every: int = KEYFRAME_EVERY
    names_hashed: bool = False
    title: str = ""
    about: str = ABOUT


def kept(context: settings.Context) -> FoldSettings:
    """The part of ``context`` that a tape keeps."""
    return FoldSettings(
        context.name,
        context.production,
        context.color,
        context.rabbitmq.channels_warning,
        context.rabbitmq.channel_growth_per_min,
        tuple((entry.name, entry.heartbeat_timeout_s) for entry in context.dramatiq),
        context.crawler.separator if context.crawler else None,
        context.sync.every_s if context.sync else None,
        _numbers(context.host),
        _numbers(context.thresholds),
        context.rabbitmq.reconnects_per_min,
        context.crawler.heartbeat_every_s if context.crawler else None,
        tuple((entry.known_as, entry.broker) for entry in context.health if entry.broker),
        tuple((entry.source, entry.match, entry.worker) for entry in context.holder),
    )


def context_of(kept_settings: FoldSettings) -> settings.Context:
    """A context that folds as the recorded one did; it can reach nothing."""
    k = kept_settings
    broker, crawler = settings.RabbitMQ(), settings.Crawler()
    return settings.Context(
        name=k.name,
        production=k.production,
        color=k.color,
        rabbitmq=msgspec.structs.replace(
            broker,
            channels_warning=k.channels_warning or broker.channels_warning,
            channel_growth_per_min=k.channel_growth_per_min or broker.channel_growth_per_min,
            reconnects_per_min=k.reconnects_per_min or broker.reconnects_per_min,
        ),
        dramatiq=tuple(settings.Dramatiq(name=name, heartbeat_timeout_s=limit) for name, limit in k.dramatiq),
        crawler=None
        if k.separator is None
        else msgspec.structs.replace(
            crawler, separator=k.separator, heartbeat_every_s=k.heartbeat_every_s or crawler.heartbeat_every_s
        ),
        health=tuple(settings.Health(url=_NOWHERE, name=name, broker=broker) for name, broker in k.brokers),
        holder=tuple(
            settings.Holder(match=match, worker=worker, source=source)  # type: ignore[arg-type] # as it was written
            for source, match, worker in k.holders
            if _whole(match, worker) and source in _CALLERS
        ),
        sync=None if k.sync_every_s is None else settings.Sync(every_s=k.sync_every_s),
        host=settings.Host(**_known(settings.Host, k.host)),
        thresholds=settings.Thresholds(**_known(settings.Thresholds, k.thresholds)),
    )


def anonymous(meta: Meta) -> Meta:
    """``meta`` of a tape whose names are hashed: what names workers does not travel."""
    return msgspec.structs.replace(
        meta, names_hashed=True, settings=msgspec.structs.replace(meta.settings, brokers=(), holders=())
    )


def _whole(match: str, worker: str) -> bool:
    """Whether both are templates, the second of the fields of the first: tapes may be of another version."""
    try:
        return set(parsed(worker)[1]) <= set(matching(match)[1])
    except TemplateError:
        return False


def _numbers(struct: msgspec.Struct) -> dict[str, float]:
    fields = msgspec.structs.asdict(struct)
    return {name: float(value) for name, value in fields.items() if type(value) in {int, float}}


def _known(kind: type[msgspec.Struct], values: dict[str, float]) -> dict[str, Any]:
    """Those of ``values`` that this version has a field for, as the numbers that it had."""
    kinds = {field.name: type(field.default) for field in msgspec.structs.fields(kind)}
    return {name: kinds[name](value) for name, value in values.items() if name in kinds}
