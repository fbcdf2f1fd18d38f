"""What one source last said: fresh, stale or missing, and what it cost to ask.

All instants are UTC seconds since the epoch (suffix ``_at``), all spans are seconds (suffix ``_s``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

FactT_co = TypeVar("FactT_co", covariant=True)


class TroubleKind(StrEnum):
    """Why a source could not be read; the header and ``doctor`` choose their words by it."""

    REFUSED = "refused"
    TIMEOUT = "timeout"
    DNS = "dns"
    AUTH = "auth"
    DENIED = "denied"
    TLS = "tls"
    CLOSED = "closed"
    PROTOCOL = "protocol"
    SCHEMA = "schema"
    ABSENT = "absent"
    OVERLOAD = "overload"
    PENDING = "pending"
    INTERNAL = "internal"


class Trouble(msgspec.Struct, frozen=True):
    """One failure in words fit for the screen: sanitised, at most 300 characters, without secrets."""

    kind: TroubleKind
    text: str
    retry_after_s: float | None = None
    """How long the source itself asked to be left alone (HTTP ``Retry-After``)."""


class Cost(msgspec.Struct, frozen=True):
    """What one look cost the watched server: round trips, payload bytes, seconds waited."""

    queries: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    took_s: float = 0.0


class Source(msgspec.Struct, frozen=True):
    """Who was asked. ``id`` is unique within a context; sources with one ``server`` share a connection."""

    id: str
    system: str
    server: str
    interval_s: float


class Fresh(msgspec.Struct, Generic[FactT_co], frozen=True, tag="fresh"):
    """The last look succeeded at ``at`` (this host's clock)."""

    value: FactT_co
    at: float
    cost: Cost = Cost()


class Stale(msgspec.Struct, Generic[FactT_co], frozen=True, tag="stale"):
    """The value is from ``at``; every look since ``since`` failed with ``trouble``."""

    value: FactT_co
    at: float
    trouble: Trouble
    since: float
    cost: Cost = Cost()


class Missing(msgspec.Struct, frozen=True, tag="missing"):
    """Never seen: every look since ``since`` failed, or none has ended yet (kind ``pending``)."""

    trouble: Trouble
    since: float
