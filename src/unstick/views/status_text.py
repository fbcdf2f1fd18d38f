"""``status`` as text: one line for the pager, then one line per subject, then the findings."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.board import Board
from unstick.facts.units import duration
from unstick.views.findings import measured, said
from unstick.views.pane import LEVEL_GLYPH, Line, Span
from unstick.views.tell import PANES, quiet


def status_lines(board: Board) -> Iterator[str]:
    """Lines without colour; the first is complete by itself, with performance data after the bar (Nagios)."""
    top = said(board.findings[0]) if board.findings else quiet(board)
    more = f" (+{len(board.findings) - 1} more)" if len(board.findings) > 1 else ""
    first = f"UNSTICK {board.level.value.upper()} - {board.context.name}: {top}{more}"
    yield first.replace("|", "¦") + _performance(board)
    for view in PANES:
        pane = view(board)
        yield f"{LEVEL_GLYPH[pane.level]} {pane.title:<9} {flat(pane.counts)}"
    for finding in board.findings:
        since = duration(board.frame.at - finding.since)
        yield f"  {LEVEL_GLYPH[finding.level]} {said(finding)}" + (f"  (for {since})" if since != "0s" else "")
        yield from (f"      {measured(evidence)}" for evidence in finding.evidence)
        yield from (f"      explains: {symptom.title}" for symptom in finding.symptoms)


def flat(line: Line) -> str:
    """A line without its roles."""
    return " ".join("".join(span.text for span in line if isinstance(span, Span)).split())


def flat_exactly(line: Line) -> str:
    """A line without its roles, spaces kept."""
    return "".join(span.text for span in line)


def _performance(board: Board) -> str:
    s = board.subjects
    values = {
        "workers_dead": s.workers.dead if s.workers else None,
        "proxies_stuck": s.proxies.stuck if s.proxies else None,
        "proxies_free": s.proxies.free if s.proxies else None,
        "waiting": s.queues.waiting if s.queues else None,
        "channels": s.channels.channels if s.channels else None,
        "sync_lag": round(s.sync.lag_s) if s.sync and s.sync.lag_s is not None else None,
        "locks_expired": s.locks.expired if s.locks else None,
    }
    known = " ".join(f"{name}={value}" for name, value in values.items() if value is not None)
    return f" | {known}" if known else ""
