"""What stands acknowledged after a Frame: a fold over marks and verdicts, so that a tape tells the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from unstick.board.verdict import Verdict
from unstick.facts.ack import Ack
from unstick.facts.level import Level

ABSENT_S = 300.0
"""A finding that comes back so soon is the same trouble, and stays acknowledged."""
MOST = 500


class Standing(msgspec.Struct, frozen=True):
    """An acknowledgement, and when its finding was told last (UTC seconds)."""

    ack: Ack
    told_at: float


Acks = Mapping[str, Standing]
"""By the id of the finding."""


def fold_acks(before: Acks, marks: Iterable[Ack], verdict: Verdict) -> Acks:
    """What stands after one more verdict and the marks since the one before it.

    One ends when its time is over, when its finding is worse than it was, and some minutes after its finding ended.
    """
    standing = answered(before, marks, verdict.at)
    if not standing:
        return standing
    levels = {line.id: line.level for line in verdict.findings}
    kept = {name: told for name, each in standing.items() if (told := _kept(each, levels.get(name), verdict.at))}
    return standing if kept == standing else kept


def answered(before: Acks, marks: Iterable[Ack], at: float) -> Acks:
    """``before`` with ``marks`` that came at an instant, the newest of one finding last."""
    standing = dict(before)
    for ack in marks:
        standing.pop(ack.finding, None)
        if not ack.withdrawn and len(standing) < MOST:
            standing[ack.finding] = Standing(ack, at)
    return before if standing == before else standing


def _kept(standing: Standing, level: Level | None, now: float) -> Standing | None:
    ack = standing.ack
    if ack.until is not None and now >= ack.until:
        return None
    if level is None:
        return standing if ack.until is not None or now - standing.told_at < ABSENT_S else None
    if level.rank > ack.level.rank:
        return None
    return msgspec.structs.replace(standing, told_at=now)
