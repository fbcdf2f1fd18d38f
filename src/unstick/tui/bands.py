"""The one-line bands: header, alarm, tabs, footer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from unstick.facts.place import Place
from unstick.facts.units import clock_time, elapsed
from unstick.tui import places
from unstick.tui.keys import KEYS, REGISTRY, Occasion, keys_of, label
from unstick.tui.options import BoardOptions
from unstick.tui.roles import Chrome, Drawn, Ground, Piece, on
from unstick.views.layout import Measure, draw_ends, fit, shown, width_of
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Line, PaneView, Role, Span
from unstick.views.screen import Told
from unstick.views.scrub import caption_height
from unstick.views.shelf import KEY as SHELF
from unstick.views.ui import UiState

_AWAY = ("pause", "step-back", "go", "shelf", "mark", "mark-next", "compare", "slower")
"""The keys that come first in the footer when the newest is not shown."""


class Signal(msgspec.Struct, frozen=True):
    """How the picture relates to now: its place in time, and seconds since the last frame (``None``: just now)."""

    place: Place | None = None
    silent_s: int | None = None
    ended: bool = False
    armed: str = ""
    """That actions are armed, and for how long."""
    busy: str = ""
    """The action under way."""


def span_of(seconds: int) -> str:
    """A span, short.

    >>> span_of(59), span_of(754), span_of(7260)
    ('59s', '12m34s', '2h01m')
    """
    if seconds < 60:
        return f"{seconds}s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def badges(signal: Signal, overrides: Mapping[str, str]) -> Drawn:
    """What must not be overlooked in the header."""
    out: list[Piece] = []
    if signal.place is not None and signal.place.incident is not None:
        clock = elapsed(signal.place.at - signal.place.incident.begun_at)
        out += [Piece(f" ⚑ incident {clock} ", Chrome.PAUSED, Ground.HEADER)]
    if signal.armed:
        out += [Piece(f" ▲ {signal.armed} ", Chrome.ALARM, Ground.HEADER)]
    if signal.busy:
        out += [Piece(f" {signal.busy} ", Chrome.PAUSED, Ground.HEADER)]
    if signal.place is not None and (words := where_in_time(signal.place, overrides)):
        loud = signal.place.grows or signal.place.paused or signal.place.over
        out += [Piece(f" {words} ", Chrome.PAUSED if loud else Chrome.TAB_ACTIVE, Ground.HEADER)]
    if signal.place is not None and signal.place.reel_trouble is not None:
        out += [Piece(f" {shown(signal.place.reel_trouble)} ", Chrome.ALARM, Ground.HEADER)]
    if signal.place is not None and signal.place.tape_trouble is not None:
        out += [Piece(f" REC PAUSED: {shown(signal.place.tape_trouble)} ", Chrome.ALARM, Ground.HEADER)]
    elif signal.place is not None and signal.place.taped is not None:
        out += [Piece(f"● REC {signal.place.taped}", Role.CRITICAL, Ground.HEADER)]
    if signal.silent_s is not None:
        out += [Piece(f" NO SIGNAL {span_of(signal.silent_s)} ", Chrome.ALARM, Ground.HEADER)]
    elif signal.ended:
        out += [Piece(" END ", Chrome.PAUSED, Ground.HEADER)]
    gap = Piece(" ", Role.TEXT, Ground.HEADER)
    return tuple(piece for badge in out for piece in (gap, badge))


def where_in_time(place: Place, overrides: Mapping[str, str]) -> str:
    """Words for a picture that is not the newest there is; none for one that is.

    >>> where_in_time(Place("live", 100.0, 0.0, 292.0, grows=True, paused=True), {})
    'PAUSED  3m12s behind  end: live'
    >>> where_in_time(Place("replay", 100.0, 0.0, 292.0, since_at=60.0), {})
    'REPLAY  ages from 00:01:00'
    >>> where_in_time(Place("replay", 292.0, 0.0, 292.0, over=True), {})
    'REPLAY END  space: again'
    """
    speed = "" if place.speed == 1 or place.paused else f" {place.speed:g}x"
    rough = "" if place.since_at is None else f"  ages from {clock_time(place.since_at)}"
    if place.over and not rough:
        return f"{place.name.upper()} END  {label(keys_of(KEYS['pause'], overrides)[0])}: again"
    if not place.grows:
        return f"{place.name.upper()}{' PAUSED' if place.paused else speed}{rough}"
    if place.following:
        return ""
    moving = "PAUSED" if place.paused else f"PAST{speed}"
    back = label(keys_of(KEYS["newest"], overrides)[0])
    return f"{moving}  {span_of(int(place.behind_s))} behind{rough}  {back}: {place.name}"


def draw_header(parts: Sequence[Line], signal: Signal, options: BoardOptions, width: int, measure: Measure) -> Drawn:
    """Name and context at the left, loud in production; then what must not be overlooked; then the rest."""
    name = _name(parts[0] if parts else (), options)
    flags = badges(signal, options.keys)
    space = max(0, width - sum(measure(piece.text) for piece in flags))
    name = _cropped(name, space, measure)
    room = space - sum(measure(piece.text) for piece in name)
    if room < 4:
        return _cropped((*name, *flags, Piece(" " * room, Role.TEXT, Ground.HEADER)), width, measure)
    rest = draw_ends(parts[1:], room - 3, measure, keep_first=False)
    pad = Piece("  ", Role.TEXT, Ground.HEADER)
    return (*name, *flags, pad, *on(Ground.HEADER, rest), Piece(" ", Role.TEXT, Ground.HEADER))


def _cropped(drawn: Drawn, width: int, measure: Measure) -> Drawn:
    """At most ``width`` cells of ``drawn``; the piece that is cut ends in an ellipsis."""
    out: list[Piece] = []
    for piece in drawn:
        size = measure(piece.text)
        if size > width:
            out += [piece._replace(text=span.text) for span in fit((Span(piece.text),), width, measure)]
            break
        out.append(piece)
        width -= size
    return tuple(out)


def _name(part: Line, options: BoardOptions) -> Drawn:
    text = (Span(" "), *(Span(shown(span.text), span.role) for span in part), Span(" "))
    if not (options.production or options.color):
        return on(Ground.HEADER, text)
    role = f"context:{options.color}" if options.color else Chrome.PRODUCTION
    words = "".join(span.text for span in text)
    return (Piece(f" PRODUCTION {words}" if options.production else words, role, Ground.HEADER),)


def verdict_lines(verdict: PaneView) -> int:
    """Lines that the verdict has to say; 0 when it is quiet."""
    return len(verdict.rows) and len(verdict.rows) + len(verdict.summary)


def time_lines(told: Told, size: tuple[int, int], measure: Measure) -> int:
    """Lines that tell the place in time: one, and those of the longest caption, where there is room."""
    width, height = size
    wanted = 0 if told.place is None else 1 + caption_height(told.place, width, measure)
    return min(wanted, places.time_room(height))


def draw_alarm(text: str, width: int, measure: Measure) -> Drawn:
    """The engine's own trouble, over the whole width."""
    return tuple(Piece(span.text, Chrome.ALARM) for span in fit((Span(f" ✖ {text}"),), width, measure))


_TAB_WIDTHS = (16, 4, 3, 0)


def draw_tabs(panes: Sequence[PaneView], active: str, width: int, measure: Measure) -> Drawn:
    """One tab per pane with its level; names are shortened until all fit."""
    pieces: list[Piece] = []
    for limit in _TAB_WIDTHS:
        pieces = [piece for nth, pane in enumerate(panes, 1) for piece in _tab(nth, pane, pane.key == active, limit)]
        if sum(measure(piece.text) for piece in pieces) <= width:
            break
    for nth in range(1, len(pieces)):
        if pieces[nth - 1].role == Chrome.TAB_ACTIVE and pieces[nth].text == " ":
            pieces[nth] = pieces[nth]._replace(role=Chrome.TAB_ACTIVE)
    used = sum(measure(piece.text) for piece in pieces)
    return _cropped((*pieces, Piece(" " * max(0, width - used), Role.TEXT)), width, measure)


def tab_under(tabs: Drawn, x: int, measure: Measure) -> int | None:
    """Which tab, from 0, is drawn at cell ``x``; ``None``: beyond the last."""
    found = -1
    for piece in tabs:
        found += piece.role == Role.KEY or (piece.role == Chrome.TAB_ACTIVE and len(piece.text) > 1)
        x -= measure(piece.text)
        if x < 0:
            return max(0, found) if piece.role != Role.TEXT else None
    return None


def _tab(number: int, pane: PaneView, active: bool, limit: int) -> Drawn:  # noqa: FBT001 - one caller, just above
    glyph = LEVEL_GLYPH[pane.level] if pane.level.rank else " "
    name = shown(pane.title)[:limit]
    if active:
        return (Piece(f" {number}{glyph}{name}", Chrome.TAB_ACTIVE),)
    role = LEVEL_ROLE[pane.level] if pane.level.rank else Chrome.TAB
    return Piece(" ", Chrome.TAB), Piece(f"{number}", Role.KEY), Piece(f"{glyph}{name}", role)


def draw_footer(
    ui: UiState,
    overrides: Mapping[str, str],
    notice: str,
    width: int,
    measure: Measure,
    *,
    told: Told | None = None,
    armed: bool = False,
) -> Drawn:
    """Keys at the left as many as fit, what narrows the view or a notice at the right; a long notice stands alone."""
    active = {"filter": bool(ui.query), "faults": ui.faults_only}
    occasions = _occasions(told, armed=armed)
    place = told.place if told is not None else None
    words = (
        {"pause": "again" if place.over else "go on"} if place is not None and (place.over or place.paused) else {}
    )
    hints: list[Span] = [Span(" 1-8", Role.KEY), Span(" pane", Role.DIM)]
    last = _hint("help", overrides, "help"), _hint("quit", overrides, "quit")
    reserve = sum(width_of(hint, measure) for hint in last)
    state = _state(ui, notice)
    keep = min(width_of(state, measure), max(0, width - width_of(tuple(hints), measure) - reserve - 2))
    state = fit(state, keep, measure)
    first = [KEYS[name] for name in _AWAY] if "away" in occasions else []
    for key in (*first, *(key for key in REGISTRY if key not in first)):
        if not key.hint or key.id in ("help", "quit") or key.when not in occasions:
            continue
        hint = _hint(key.id, overrides, words.get(key.id, key.hint), active=active.get(key.id, False))
        if width_of((*hints, *hint), measure) + reserve + keep + 2 <= width:
            hints += hint
    for hint in last:
        hints += hint
    if width_of(tuple(hints), measure) + keep + 2 > width and notice:
        return on(Ground.HEADER, fit((Span(" "), *state), width, measure))
    return on(Ground.HEADER, draw_ends((tuple(hints), state), width, measure))


def _occasions(told: Told | None, *, armed: bool) -> frozenset[Occasion]:
    """Which keys matter now, besides those that always do."""
    place = told.place if told is not None else None
    found: dict[Occasion, bool] = {
        "": True,
        "armed": armed,
        "away": place is not None and not place.following,
        "live": place is None or place.grows,
        "shelf": told is not None and any(page.key == SHELF for page in told.pages),
    }
    return frozenset(occasion for occasion, holds in found.items() if holds)


def draw_answers(hints: Iterable[tuple[str, str]], notice: str, width: int, measure: Measure) -> Drawn:
    """What keys do in a dialog at the left, a notice at the right; no key of the board does anything meanwhile."""
    told = tuple(span for key, what in hints for span in (Span(f" {key}", Role.KEY), Span(f" {what} ", Role.DIM)))
    state = (Span(f" {notice} ", Role.ACCENT),) if notice else ()
    if state and width_of((*told, *state), measure) > width:
        return on(Ground.HEADER, fit(state, width, measure))
    return on(Ground.HEADER, draw_ends((told, state), width, measure))


def _hint(id_: str, overrides: Mapping[str, str], word: str, *, active: bool = False) -> Line:
    key = KEYS[id_]
    name = "".join(label(keys_of(KEYS[each], overrides)[0]) for each in (id_, key.pair) if each)
    return Span(f"  {name}", Role.KEY), Span(f" {word}", Role.ACCENT if active else Role.DIM)


def narrowed(ui: UiState) -> str:
    """What hides rows, in words."""
    words = [f'"{ui.query}"'] if ui.query else []
    return ", ".join([*words, *(["faults only"] if ui.faults_only else [])])


def _state(ui: UiState, notice: str) -> Line:
    text = notice or narrowed(ui)
    return (Span(f"{text} ", Role.ACCENT),) if text else ()
