"""The board for a wall: what is wrong in big type, how long people are at it, and the few numbers that matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from unstick.board.board import Board
from unstick.board.findings import Finding
from unstick.facts.level import Level
from unstick.facts.place import Place
from unstick.facts.units import clock_time, count, duration, elapsed
from unstick.views.bigtype import LARGE, SMALL, Scale, big, broken
from unstick.views.findings import noted, said, title
from unstick.views.layout import Measure, draw_ends, fit, wrap
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Line, Role, Span
from unstick.views.screen import Told
from unstick.views.scrub import TICK_GLYPH
from unstick.views.tell import quiet

MARGIN = 3
_LARGE_WIDE, _LARGE_HIGH = 160, 44
_NOTES = 5
_ROOMY = 28
"""Lines from which the numbers and notes are worth a smaller headline."""
_CLAUSE = re.compile(r" and still |; |, | for \d")
"""What stands before it says what is wrong, where there is no room for all of it."""


def draw_wall(told: Told, width: int, height: int, measure: Measure) -> tuple[Line, ...]:
    """Exactly ``height`` lines of ``width`` cells. What finds no room is left out, the least important first."""
    if width < 1 or height < 1:
        return ()
    inner = max(1, width - 2 * MARGIN)
    scale = LARGE if width >= _LARGE_WIDE and height >= _LARGE_HIGH else SMALL
    board, place = told.board, told.place
    blocks: list[list[Line]] = [_clock(board, place, inner, scale, measure)]
    if board is not None:
        below = [_numbers(board, inner, scale), _notes(place, inner, measure)]
        others = _others(board, inner, measure)
        kept = below if height >= _ROOMY else []
        room = height - sum(len(block) + 1 for block in (*blocks, *kept) if block) - min(4, len(others) + 1)
        headline = _headline(board, inner, scale, room, measure)
        room = height - sum(len(block) + 1 for block in (*blocks, headline, *below) if block)
        blocks += [headline, others[: max(0, room - 1)], *below]
    lines = _stacked([block for block in blocks if block], height)
    return tuple(fit((Span(" " * MARGIN), *line) if line else (), width, measure) for line in _filled(lines, height))


def _stacked(blocks: list[list[Line]], height: int) -> list[Line]:
    """Blocks from top to bottom with room between them; those that do not fit any more are left out."""
    kept: list[list[Line]] = []
    for block in blocks:
        if kept and sum(len(each) + 1 for each in (*kept, block)) > height:
            break
        kept.append(block)
    spare = height - sum(len(block) + 1 for block in kept)
    air = 1 + min(3, max(0, spare) // (len(kept) + 1))
    lines: list[Line] = []
    for block in kept:
        lines += [*[()] * air, *block]
    return lines


def _filled(lines: Sequence[Line], height: int) -> Iterator[Line]:
    yield from lines[:height]
    yield from [()] * (height - len(lines))


def _clock(board: Board | None, place: Place | None, width: int, scale: Scale, measure: Measure) -> list[Line]:
    """How long the incident lasts, or what time it is; at the right how bad it is."""
    incident = place.incident if place is not None else None
    at = place.at if place is not None else board.frame.at if board is not None else 0.0
    level = board.level if board is not None else Level.UNKNOWN
    clock = elapsed(at - incident.begun_at) if incident is not None else clock_time(at)
    word = level.value.upper()
    if scale.width(clock) + scale.width(word) + 4 > width:
        scale = SMALL
    if scale.width(clock) + scale.width(word) + 4 > width:
        word = ""
    role = Role.ACCENT if incident is not None else Role.DIM
    gap = " " * max(0, width - scale.width(clock) - scale.width(word))
    lines: list[Line] = [
        (Span(left, role), Span(gap), Span(right, LEVEL_ROLE[level]))
        for left, right in zip(big(clock, scale), big(word, scale) if word else [""] * scale.lines, strict=True)
    ]
    name = board.context.name if board is not None else ""
    said_at: list[Line] = [(Span(f"{clock_time(at)}Z", Role.DIM),)]
    if incident is not None:
        roles = " · ".join(f"{what} {who}" for what, who in incident.roles)
        words = (Span(f"⚑ incident since {clock_time(incident.begun_at)}Z", Role.ACCENT),)
        left: Line = (*words, Span(f"  {roles}", Role.STRONG)) if roles else words
    else:
        left = (Span("UTC", Role.DIM),)
    right: Line = (Span(f"{LEVEL_GLYPH[level]} {name}", LEVEL_ROLE[level]),)
    lines.append(draw_ends((left, *(said_at if incident is not None else []), right), width, measure))
    return lines


def _headline(board: Board, width: int, scale: Scale, room: int, measure: Measure) -> list[Line]:
    """The first finding that nobody took note of, as big as there is room for, with what it rests on."""
    found = next((finding for finding in board.findings if finding.id not in board.acks), None)
    if found is None:
        text = quiet(board) if not board.findings else "all that is wrong is taken note of"
        return _written(text, LEVEL_ROLE[board.level], width, scale, room, measure)
    told = re.sub(r" \([^()]*\)", "", found.title)
    lasts = duration(max(0.0, board.frame.at - found.since))
    beside = " · ".join(part for part in (found.aside, f"for {lasts}") if part)
    under: list[Line] = [(), (Span(beside, Role.STRONG),)]
    if found.advice:
        under.append((Span(f"▸ {found.advice}", Role.ACCENT),))
    under += [(Span(f"  {evidence.text}", Role.DIM),) for evidence in found.evidence[:2]]
    space, role = room - min(3, len(under)), LEVEL_ROLE[found.level]
    short = _CLAUSE.split(told)[0]
    if _size(told, width, scale, space) is None and _size(short, width, scale, space - 1) is not None:
        lines = _written(short, role, width, scale, space - 1, measure)
        under[:1] = [(), (Span(told, role),)]
    else:
        lines = _written(told, role, width, scale, space, measure)
    return [*lines, *under[: max(0, room - len(lines))]]


def _written(text: str, role: Role, width: int, scale: Scale, room: int, measure: Measure) -> list[Line]:
    """``text`` in the biggest type that leaves it whole."""
    size = _size(text, width, scale, room)
    if size is None:
        return list(wrap((Span(text, role),), width, measure))[: max(1, room)]
    lines: list[Line] = []
    for nth, words in enumerate(broken(text, size.fits(width))):
        lines += [*([()] if nth else []), *((Span(part, role),) for part in big(words, size))]
    return lines


def _size(text: str, width: int, scale: Scale, room: int) -> Scale | None:
    """The biggest type in which ``text`` fits; ``None``: it does in none."""
    sizes = dict.fromkeys((scale, SMALL))
    return next((s for s in sizes if len(broken(text, s.fits(width))) * (s.lines + 1) - 1 <= room), None)


def _others(board: Board, width: int, measure: Measure) -> list[Line]:
    """The other findings, a line each; those that somebody took note of last."""
    loud = [finding for finding in board.findings if finding.id not in board.acks]
    lines = [_other(finding, board, width, measure) for finding in loud[1:]]
    return lines + [_other(f, board, width, measure) for f in board.findings if f.id in board.acks]


def _other(finding: Finding, board: Board, width: int, measure: Measure) -> Line:
    standing = board.acks.get(finding.id)
    lasts = duration(max(0.0, board.frame.at - finding.since))
    if standing is not None:
        words: Line = (Span(f"✓ {title(finding)}  {noted(standing.ack, board.frame.at)}", Role.DIM),)
    else:
        glyph = Span(f"{LEVEL_GLYPH[finding.level]} ", LEVEL_ROLE[finding.level])
        words = (glyph, Span(said(finding), Role.STRONG))
    end: Line = (Span(f"for {lasts}", Role.DIM),)
    return (*fit(words, max(1, width - 14), measure), *fit(end, min(14, width), measure, right=True))


def _numbers(board: Board, width: int, scale: Scale) -> list[Line]:
    """The few numbers that matter, side by side, each over its name."""
    tiles = list(_tiles(board))
    fitting = [size for size in (scale, SMALL) if tiles and size.width("9") * 4 < width // len(tiles)]
    if not fitting:
        return []
    size, share = fitting[0], width // len(tiles)
    rows: list[Line] = []
    drawn = [big(value, size if size.width(value) < share else SMALL) for value, _, _ in tiles]
    for nth in range(size.lines):
        spans = []
        for (_, _, role), lines in zip(tiles, drawn, strict=True):
            down = nth - (size.lines - len(lines))
            text = lines[down] if down >= 0 else ""
            spans.append(Span(text[:share].ljust(share), role))
        rows.append(tuple(spans))
    rows.append(tuple(Span(name[: share - 1].ljust(share), Role.DIM) for _, name, _ in tiles))
    return rows


def _tiles(board: Board) -> Iterator[tuple[str, str, Role]]:
    """Value, name and role; what nobody knows is a dash."""
    workers, proxies, queues, sync = (
        getattr(board.subjects, name) for name in ("workers", "proxies", "queues", "sync")
    )
    if workers is not None:
        dead = None if workers.dead is None else workers.dead + (workers.stalled or 0)
        yield _short(workers.alive), "workers alive", _role(workers.alive, Level.OK)
        yield _short(dead), "dead or stalled", _role(dead, Level.CRITICAL if dead else Level.OK)
    if proxies is not None:
        yield _short(proxies.free), "proxies free", _role(proxies.free, proxies.free_level)
    if queues is not None:
        yield _short(queues.waiting), "messages wait", _role(queues.waiting, queues.level)
    if sync is not None:
        lag = None if sync.lag_s is None else duration(sync.lag_s).split("m")[0] + ("m" if sync.lag_s >= 60 else "")
        yield lag or "-", "since the sync", _role(sync.lag_s, sync.level)


def _short(value: int | None) -> str:
    return "-" if value is None else count(value)


def _role(value: float | None, level: Level) -> Role:
    return Role.UNKNOWN if value is None else Role.STRONG if level is Level.OK else LEVEL_ROLE[level]


def _notes(place: Place | None, width: int, measure: Measure) -> list[Line]:
    """What was marked and done lately, the newest first."""
    ticks = [tick for tick in place.ticks if tick.at <= place.at + 0.001] if place is not None else []
    return [
        fit(
            (
                Span(f"{TICK_GLYPH.get(tick.kind, '◆')} {clock_time(tick.at)}Z  ", Role.ACCENT),
                Span(tick.text, Role.TEXT),
            ),
            width,
            measure,
        )
        for tick in reversed(ticks[-_NOTES:])
    ]
