"""The footer: keys, or the line in which a filter, a time or a note is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual import events

from unstick.tui.lines import Lines
from unstick.tui.paint import measure
from unstick.tui.roles import Chrome, Drawn, Ground, Piece, on
from unstick.views.layout import Measure, fit, shown, width_of
from unstick.views.pane import Line, Role, Span

_LONGEST = 200


class Draft(NamedTuple):
    """A text being written and the place of its cursor."""

    text: str = ""
    place: int = 0


def edit(draft: Draft, key: str, character: str | None) -> Draft:
    """``draft`` after a key; keys that edit nothing leave it as it is."""
    text, place = draft
    if key in _CUTS:
        return _CUTS[key](text, place)
    moves = {"left": place - 1, "right": place + 1, "home": 0, "end": len(text), "ctrl+a": 0, "ctrl+e": len(text)}
    if key in moves:
        return Draft(text, max(0, min(len(text), moves[key])))
    if character and character.isprintable() and len(text) < _LONGEST:
        return Draft(text[:place] + character + text[place:], place + len(character))
    return draft


def _backspace(text: str, place: int) -> Draft:
    return Draft(text[: max(0, place - 1)] + text[place:], max(0, place - 1))


def _delete(text: str, place: int) -> Draft:
    return Draft(text[:place] + text[place + 1 :], place)


def _word_back(text: str, place: int) -> Draft:
    before, gap, _ = text[:place].rstrip().rpartition(" ")
    return Draft(before + gap + text[place:], len(before + gap))


_CUTS: dict[str, Callable[[str, int], Draft]] = {
    "backspace": _backspace,
    "ctrl+h": _backspace,
    "delete": _delete,
    "ctrl+d": _delete,
    "ctrl+w": _word_back,
    "ctrl+u": lambda text, place: Draft(text[place:], 0),
    "ctrl+k": lambda text, place: Draft(text[:place], place),
}


_STEERS = frozenset({"up", "down", "pageup", "pagedown", "tab"})


class Prompt(NamedTuple):
    """What is written for: the sign at the left, and what the keys that end it do."""

    sign: str
    ends: str


FILTER = Prompt("/", "enter keeps  esc clears")
SIFT = Prompt("/", "kind: level: source: and text or /regex/, ! inverts  enter keeps  esc clears")
GO = Prompt("go to", "03:12, 5m ago, 2025-12-10T03:12  enter goes  esc stays")
COMMAND = Prompt(":", "↑↓ chooses  tab completes  enter does it  esc leaves")
ACKNOWLEDGE = Prompt("acknowledge", "a note  enter acknowledges  esc leaves it")
SNOOZE = Prompt("snooze", "30m and a note  enter snoozes  esc leaves it")
INCIDENT = Prompt("what ended it", "enter ends the incident and writes its report  esc goes on")
MARK = Prompt("mark", "a note  enter marks what was shown  esc leaves it")


def draw_prompt(draft: Draft, prompt: Prompt, words: str, width: int, measure: Measure) -> Drawn:
    """The line: its sign, what was written, the cursor, and at the right what it does."""
    told: Line = (Span(f"{words}  {prompt.ends} " if words else f"{prompt.ends} ", Role.DIM),)
    sign = f" {prompt.sign} "
    hint = fit(told, min(width_of(told, measure), max(0, width - 24)), measure)
    room = width - width_of(hint, measure) - len(sign)
    before, after = draft.text[: draft.place], draft.text[draft.place :]
    here, rest = after[:1] or " ", after[1:]
    while before and measure(shown(before)) + measure(shown(here)) > room:
        before = before[1:]
    written = (Span(shown(before), Role.STRONG),)
    left = max(0, room - measure(shown(before)) - measure(shown(here)))
    return (
        Piece(sign, Role.KEY, Ground.HEADER),
        *on(Ground.HEADER, written),
        Piece(shown(here), Chrome.TAB_ACTIVE, Ground.HEADER),
        *on(Ground.HEADER, fit((Span(rest, Role.STRONG),), left, measure)),
        *on(Ground.HEADER, hint),
    )


class Footer(Lines):
    """Keys until something is to be written; then what is typed is handed to :meth:`take`.

    ``changed`` is told the text at every change, ``done`` at the end; ``None``: it was given up. ``steered`` gives
    what is written after keys that move elsewhere.
    """

    def __init__(
        self,
        changed: Callable[[Prompt, str], None],
        done: Callable[[Prompt, str | None], None],
        steered: Callable[[Prompt, str], str | None],
    ) -> None:
        super().__init__(id="footer")
        self._steered = steered
        self.draft: Draft | None = None
        self.prompt = FILTER
        self._changed = changed
        self._done = done

    def begin(self, prompt: Prompt, text: str = "") -> None:
        """Edit ``text``."""
        self.prompt, self.draft = prompt, Draft(text, len(text))

    def written(self, words: str, width: int) -> Drawn:
        """The line in which is written."""
        return draw_prompt(self.draft or Draft(), self.prompt, words, width, measure)

    def take(self, event: events.Key | events.Paste) -> bool:
        """What was typed belongs to the draft: Enter keeps it, Escape gives it up; ``False``: nothing is written."""
        before = self.draft
        if before is None or (isinstance(event, events.Key) and event.key == "ctrl+c"):
            return False
        if isinstance(event, events.Paste):
            self.draft = edit(before, "paste", " ".join(event.text.split())[:_LONGEST])
        elif event.key in ("enter", "escape"):
            self.draft = None
            self._done(self.prompt, before.text if event.key == "enter" else None)
            return True
        elif event.key in _STEERS and (text := self._steered(self.prompt, event.key)) is not None:
            self.draft = Draft(text, len(text))
        else:
            self.draft = edit(before, event.key, event.character)
        if self.draft != before:
            self._changed(self.prompt, self.draft.text)
        return True
