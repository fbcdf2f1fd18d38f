"""Something that the stack leans on: whether it answers, how fast, and how long its certificate lasts."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.facts.reading import TroubleKind


class DependencyFacts(msgspec.Struct, frozen=True, tag="dependency"):
    """One attempt. ``error`` is ``None`` when it answered; instants are this host's clock, but for the certificate's.

    ``slow_s``, ``tls_warning_s`` and ``hint`` are the entry's own: a replay judges by what was configured then.
    """

    name: str
    kind: Literal["http", "tcp", "tls", "dns"]
    address: str
    looked_at: float
    took_s: float
    status: int | None
    expected: bool
    """The status is one that counts as up."""
    error: str | None
    trouble: TroubleKind | None
    certificate_ends_at: float | None
    addresses: tuple[str, ...]
    """What the name stands for (DNS)."""
    slow_s: float
    tls_warning_s: float
    hint: str
