"""The moving picture of the README: an incident from quiet to mended, as one SVG that needs nothing but CSS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tests.docs.stage import moment, played, pressed
from tests.tui.stand import Stand
from unstick.tui.options import BoardOptions
from unstick.tui.svg import EDGE, HIGH, WIDE, ground_of, head, legal, look


class Scene(NamedTuple):
    """The tape at ``second`` after ``key``, seen for ``shown_s``."""

    second: float
    shown_s: float
    key: str = ""


TAPE, SIZE, THEME = "stuck-proxies", (120, 36), "midnight"
SCENES = (
    *(Scene(second, 0.8) for second in (40, 56, 64, 72, 80)),
    *(Scene(second, 0.8) for second in (90, 96, 110, 130, 160)),
    Scene(200, 2.0),
    Scene(200, 4.0, "v"),
    Scene(200, 3.0, "enter"),
    Scene(200, 3.0, "enter"),
    Scene(200, 1.2, "0"),
    *(Scene(second, 0.8) for second in (220, 236, 242)),
    Scene(250, 3.0),
)
POSTER = 10
"""The scene that stands still where nothing may move."""
_KEYS = {"enter": "↵"}
_AT = SIZE[0] * WIDE - 60, SIZE[1] * HIGH - 74
_BADGE = f'<rect x="{_AT[0]:.0f}" y="{_AT[1]:.0f}" width="52" height="40" rx="8" fill="#ffd75f" stroke="#101214"/>'

Screen = Sequence[Iterable[Segment]]
Spans = tuple[tuple[int, int], ...]
"""Scenes in which something is seen: from one up to before another."""


def moving() -> str:
    """The picture."""
    screens = _screens()
    ground = ground_of(screens[0])
    boxes: dict[str, list[int]] = defaultdict(list)
    letters: dict[str, list[int]] = defaultdict(list)
    for nth, screen in enumerate(screens):
        for top, line in enumerate(screen):
            for box in _boxes(line, top, ground):
                boxes[box].append(nth)
            for text in _letters(line, top, ground):
                letters[text].append(nth)
        if SCENES[nth].key:
            boxes[_BADGE].append(nth)
            letters[_pressed(SCENES[nth].key)].append(nth)
    spans = {marks: _spans(seen) for parts in (boxes, letters) for marks, seen in parts.items()}
    names = {one: f"s{nth}" for nth, one in enumerate(sorted(set(spans.values())))}
    out = head(*SIZE, ground, "unstick: a container dies, its proxies are stuck, an operator frees them")
    out.append(_style(names))
    for parts in (boxes, letters):
        for one, name in names.items():
            mine = [marks for marks in parts if spans[marks] == one]
            out += [f'<g class="{name}">', *mine, "</g>"] if mine else []
    return "\n".join([*out, "</svg>", ""])


def _screens() -> list[Screen]:
    drawn: list[Screen] = []

    async def scenario(stand: Stand) -> None:
        shown = SCENES[0].second
        for scene in SCENES:
            if scene.second != shown:
                await stand.show(moment(TAPE, scene.second))
                shown = scene.second
            await pressed((scene.key,) if scene.key else ())(stand)
            drawn.append([list(line) for line in stand.app.board.painted()])

    played(moment(TAPE, SCENES[0].second), scenario, SIZE, BoardOptions(context="lab", theme=THEME))
    return drawn


def _boxes(line: Iterable[Segment], top: int, ground: str) -> Iterator[str]:
    """Backgrounds, neighbours of one colour together."""
    place, begin, before = 0, 0, ground
    for text, style, _ in [*line, Segment("")]:
        below = look(style or Style(), ground)[1] if text else ground
        if below != before:
            if before != ground:
                wide = (place - begin) * WIDE
                yield (
                    f'<rect x="{EDGE + begin * WIDE:.1f}" y="{EDGE + top * HIGH:.0f}" width="{wide:.1f}" '
                    f'height="{HIGH:.0f}" fill="{before}"/>'
                )
            begin, before = place, below
        place += cell_len(text)


def _letters(line: Iterable[Segment], top: int, ground: str) -> Iterator[str]:
    place = 0
    for text, style, _ in line:
        color, _, more = look(style or Style(), ground)
        words = text.strip(" ")
        if words:
            left = place + cell_len(text) - cell_len(text.lstrip(" "))
            yield (
                f'<text x="{EDGE + left * WIDE:.1f}" y="{EDGE + top * HIGH + 13:.0f}" '
                f'textLength="{cell_len(words) * WIDE:.1f}" lengthAdjust="spacingAndGlyphs" fill="{color}"{more} '
                f'xml:space="preserve">{legal(words)}</text>'
            )
        place += cell_len(text)


def _pressed(key: str) -> str:
    """The key that was pressed, large, where nothing else is."""
    return (
        f'<text x="{_AT[0] + 26:.0f}" y="{_AT[1] + 28:.0f}" text-anchor="middle" font-size="24" font-weight="bold" '
        f'fill="#101214">{legal(_KEYS.get(key, key))}</text>'
    )


def _spans(seen: Sequence[int]) -> Spans:
    spans: list[tuple[int, int]] = []
    for nth in sorted(set(seen)):
        if spans and spans[-1][1] == nth:
            spans[-1] = (spans[-1][0], nth + 1)
        else:
            spans.append((nth, nth + 1))
    return tuple(spans)


def _style(names: dict[Spans, str]) -> str:
    """One animation for each set of scenes; whoever wants no motion sees the incident standing still."""
    ends = [0.0]
    for scene in SCENES:
        ends.append(ends[-1] + scene.shown_s)
    rules, still = [], []
    for spans, name in names.items():
        if spans == ((0, len(SCENES)),):
            continue
        steps = {0.0: "hidden"}
        for begin, end in spans:
            steps[100 * ends[begin] / ends[-1]] = "visible"
            steps[100 * ends[end] / ends[-1]] = "hidden"
        frames = "".join(f"{at:.3f}%{{visibility:{state}}}" for at, state in sorted(steps.items()))
        rules.append(f"@keyframes {name}{{{frames}}}.{name}{{animation:{name} {ends[-1]:.1f}s step-end infinite}}")
        poster = any(begin <= POSTER < end for begin, end in spans)
        still.append(f".{name}{{animation:none;visibility:{'visible' if poster else 'hidden'}}}")
    motionless = f"@media (prefers-reduced-motion:reduce){{{''.join(still)}}}"
    return f"<style>{''.join(rules)}{motionless}</style>"
