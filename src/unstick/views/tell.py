"""The whole board, told: the registry of panes, the header and the verdict band."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from unstick.board.board import Board, subject_levels
from unstick.board.sources import SourceState
from unstick.facts.level import Level
from unstick.facts.reading import TroubleKind
from unstick.facts.units import clock_time, duration
from unstick.views import channels, findings, host, locks, proxies, queues, services, sync, workers
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Line, PaneView, Role, Row, Span
from unstick.views.screen import Told
from unstick.views.words import span, tally

PANES: tuple[Callable[[Board], PaneView], ...] = (
    workers.view,
    proxies.view,
    queues.view,
    channels.view,
    sync.view,
    locks.view,
    services.view,
    host.view,
)
"""One line per subject, in the order of the keys ``1`` to ``8``."""
SHELVES = (workers, proxies, queues, channels, sync, locks, services, host)
COLUMNS = {shelf.__name__.rpartition(".")[2]: shelf.COLUMNS for shelf in SHELVES}
"""By pane, what its rows are made of."""
ABOUT = {shelf.__name__.rpartition(".")[2]: shelf.ABOUT for shelf in SHELVES} | {"verdict": findings.ABOUT}
"""By pane, what it shows, in a sentence."""


def tell(board: Board) -> Told:
    """Header, verdict and panes of ``board``."""
    panes = tuple(_aged(view(board)) for view in PANES)
    if any(state.source.system == "discovery" for state in board.sources):
        panes = tuple(_looking(pane) for pane in panes)
    return Told(header(board), verdict(board), panes)


def _aged(pane: PaneView) -> PaneView:
    """Rows of which nobody can say whether they still hold stand in the colour of what is old."""
    if all(row.level is not Level.UNKNOWN for row in pane.rows):
        return pane
    rows = tuple(_faded(row) if row.level is Level.UNKNOWN else row for row in pane.rows)
    return msgspec.structs.replace(pane, rows=rows)


def _faded(row: Row) -> Row:
    cells = tuple(tuple(Span(part.text, Role.STALE) for part in line) for line in row.cells)
    return msgspec.structs.replace(row, cells=cells)


def _looking(pane: PaneView) -> PaneView:
    """A pane before anybody knows what there is to see."""
    words = (Span("looking for what there is", Role.UNKNOWN),)
    unknown = (Span("unknown", Role.UNKNOWN),)
    return PaneView(pane.key, pane.title, Level.UNKNOWN, unknown, (), pane.columns, (), (), words)


def header(board: Board) -> tuple[Line, ...]:
    """Name, context and overall level; one part per server; the clock of the Frame (UTC)."""
    parts: list[Line] = [
        (Span("unstick", Role.TITLE), Span("  "), span(board.context.name, Role.STRONG)),
        (Span(f"{LEVEL_GLYPH[board.level]} {board.level.value}", LEVEL_ROLE[board.level]),),
    ]
    servers: dict[str, list[SourceState]] = {}
    for state in board.sources:
        servers.setdefault(state.source.server, []).append(state)
    parts += [_server(name, states) for name, states in servers.items()]
    parts.append((Span(f"{clock_time(board.frame.at)}Z", Role.DIM),))
    return tuple(parts)


SHORT = {"postgres": "pg", "rabbitmq": "rabbit"}


def _server(server: str, states: list[SourceState]) -> Line:
    name = SHORT.get(server, server)
    fresh = [state for state in states if state.state == "fresh"]
    if all(state.pending for state in states):
        return (Span(f"{name} ", Role.DIM), Span("… connecting", Role.UNKNOWN))
    if len(fresh) == len(states):
        took = min(fresh, key=lambda state: state.age_s or 0.0).cost.took_s * 1000
        shown = f"{took:.0f}ms" if took >= 1 else "<1ms"
        tail = shown if len(states) == 1 or name != "http" else f"{len(fresh)}/{len(states)}"
        return (Span(f"{name} ", Role.DIM), Span("●", Role.OK), Span(f" {tail}", Role.DIM))
    failed = next(state for state in states if state.state != "fresh")
    kind = failed.trouble.kind if failed.trouble else TroubleKind.TIMEOUT
    if fresh:
        return (Span(f"{name} ", Role.DIM), Span(f"◐ {len(fresh)}/{len(states)}", Role.WARNING))
    since = duration(failed.failing_s if failed.failing_s is not None else failed.age_s)
    return (Span(f"{name} ", Role.DIM), Span(f"✖ {kind.value} {since}", Role.CRITICAL))


def verdict(board: Board) -> PaneView:
    """Findings, the worst first."""
    acks = {finding.id: board.acks[finding.id].ack for finding in board.findings if finding.id in board.acks}
    ordered = sorted(board.findings, key=lambda finding: finding.id in acks)
    rows = tuple(findings.row(finding, board.frame.at, acks.get(finding.id)) for finding in ordered)
    loud = [finding for finding in board.findings if finding.id not in acks]
    critical = sum(finding.level is Level.CRITICAL for finding in loud)
    warned = sum(finding.level is Level.WARNING for finding in loud)
    blind = len(loud) - critical - warned
    counts = tally(
        (critical, "critical", Role.CRITICAL),
        (warned, "warned", Role.WARNING),
        (blind, "unseen", Role.UNKNOWN),
        *(((len(acks), "noted", Role.DIM),) if acks else ()),
    )
    return PaneView(
        "verdict",
        "What is stuck",
        board.level,
        counts,
        (),
        findings.COLUMNS,
        rows,
        (),
        _quiet(board),
    )


def quiet(board: Board) -> str:
    """What to say where nothing was found: it is good news only as far as everything could be seen."""
    unseen = [key for key, level in subject_levels(board.subjects).items() if level is Level.UNKNOWN]
    return f"nothing seen to be stuck; cannot tell: {', '.join(unseen)}" if unseen else "nothing is stuck"


def _quiet(board: Board) -> Line:
    if any(state.pending for state in board.sources):
        return (Span("looking …", Role.UNKNOWN),)
    return (Span(quiet(board), Role.OK if board.level is Level.OK else Role.UNKNOWN),)
