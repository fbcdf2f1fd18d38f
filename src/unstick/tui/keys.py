"""The one table of keys: bindings, footer, help and the check of a user's own keys come from here.

Lower-case keys change nothing but the view; upper-case keys belong to actions that change the world, and to what
arms them. Exceptions: ``N`` goes back where ``n`` goes on, as everywhere; ``P`` writes a picture, ``I`` a report.
"""

from __future__ import annotations

import difflib
import string
import unicodedata
from collections.abc import Mapping
from typing import Literal

import msgspec

Occasion = Literal["", "armed", "away", "live", "shelf"]


class Key(msgspec.Struct, frozen=True):
    """``keys`` are Textual key names; ``hint`` is the word in the footer, empty when it stands there in no word."""

    id: str
    keys: tuple[str, ...]
    action: str
    help: str
    group: str
    hint: str = ""
    priority: bool = False
    pair: str = ""
    """The key that does the opposite; in the footer both stand before one word."""
    when: Occasion = ""
    """It stands in the footer only while actions are armed, while the newest is not shown, …"""


_PANES = ("workers", "proxies", "queues", "channels", "sync", "locks", "services", "host")

REGISTRY: tuple[Key, ...] = (
    *(
        Key(
            f"pane-{name}",
            (str(number),),
            f"pane('{name}')",
            "the pane of that number alone on screen, or back",
            "Panes",
        )
        for number, name in enumerate(_PANES, 1)
    ),
    Key("pane-verdict", ("v",), "pane('verdict')", "what is stuck: alone on screen, or back", "Panes"),
    Key("board", ("0",), "board", "the whole board", "Panes"),
    Key("preset", ("z",), "preset", "the next preset: all panes, who holds what, what flows, your own", "Panes"),
    *(
        Key(action, (letter,), f"act('{action}')", f"{words}; asks first", "Actions", hint, when="armed")
        for action, letter, words, hint in (
            (
                "free-proxies",
                "F",
                "free proxies that the dead hold: of the row under the cursor, or all",
                "free proxies",
            ),
            (
                "drain-locks",
                "D",
                "drain locks of the dead and expired: of the row under the cursor, or all",
                "drain locks",
            ),
            ("sync-balances", "S", "start a balance sync", "sync"),
        )
    ),
    Key(
        "own",
        ("O",),
        "own",
        "choose an action of your own for the row under the cursor; asks first",
        "Actions",
    ),
    Key("arm", ("A",), "arm", "arm the actions, for ten minutes after the last one; or end that", "Actions"),
    Key("focus-next", ("tab",), "focus_pane(1)", "next pane", "Panes"),
    Key("focus-previous", ("shift+tab",), "focus_pane(-1)", "previous pane", "Panes"),
    Key("up", ("up", "k"), "move(-1)", "row up", "Rows"),
    Key("down", ("down", "j"), "move(1)", "row down", "Rows"),
    Key("page-up", ("pageup", "u"), "page(-1)", "page up", "Rows"),
    Key("page-down", ("pagedown", "d"), "page(1)", "page down", "Rows"),
    Key("first", ("less_than_sign", "ctrl+home"), "edge(-1)", "first row", "Rows"),
    Key("last", ("greater_than_sign", "ctrl+end"), "edge(1)", "last row", "Rows"),
    Key("open", ("enter",), "open", "everything known of the row", "Rows", "open"),
    Key("page-back", ("left_square_bracket", "backspace"), "page_back", "the page before, or the board", "Pages"),
    Key("page-on", ("right_square_bracket",), "page_on", "the page that was left", "Pages"),
    Key("timeline", ("h",), "happened", "what happened: findings, workers, sources, the newest first", "Pages"),
    Key(
        "inspect",
        ("i",),
        "inspect",
        "ask the Celery worker of the row or page, once: its pool, what it has in hand",
        "Pages",
    ),
    Key("curve", ("c",), "curve", "the next chart", "Pages"),
    Key("reach-less", ("minus",), "reach(-1)", "charts of less time", "Pages"),
    Key("reach-more", ("plus", "equals_sign"), "reach(1)", "charts of more time", "Pages"),
    Key("filter", ("slash",), "filter", "show only rows with a text or /regex/; ! inverts", "Rows", "filter"),
    Key("sort", ("o",), "sort", "order by the next column, then as told: worst first", "Rows", "sort"),
    Key("invert", ("f",), "invert", "the other direction of the order", "Rows"),
    Key(
        "acknowledge",
        ("a",),
        "acknowledge",
        "acknowledge the finding under the cursor, with a note: it steps back while it lasts; again: take it back",
        "Rows",
    ),
    Key("snooze", ("s",), "snooze", "the same for a while: 30m and a note; no longer when it gets worse", "Rows"),
    Key("faults", ("x",), "faults", "only rows that are not well", "Rows", "faults"),
    Key("pause", ("space",), "pause", "time stands still, or goes on; collection always does", "Time", "pause"),
    Key("step-back", ("left",), "step(-1)", "one look back", "Time", "step", pair="step-on"),
    Key("step-on", ("right",), "step(1)", "one look on", "Time"),
    Key("minute-back", ("shift+left",), "shift(-60)", "a minute back", "Time"),
    Key("minute-on", ("shift+right",), "shift(60)", "a minute on", "Time"),
    Key("slower", ("comma",), "pace(0.5)", "half as fast", "Time", "speed", pair="faster", when="away"),
    Key("faster", ("full_stop",), "pace(2)", "twice as fast", "Time"),
    Key("begin", ("home",), "begin", "the beginning", "Time"),
    Key("newest", ("end",), "newest", "the newest: back to live", "Time"),
    Key("go", ("g",), "go", "go to a time: 03:12, 5m ago, 2025-12-10T03:12", "Time", "go to"),
    Key("mark", ("m",), "mark", "mark what is shown, with a note", "Time", "mark"),
    Key("mark-next", ("n",), "skip(1)", "the next mark", "Time", "marks", pair="mark-previous", when="away"),
    Key("mark-previous", ("N",), "skip(-1)", "the mark before", "Time"),
    Key(
        "compare",
        ("b",),
        "compare",
        "remember this instant as A; elsewhere: what differs from A",
        "Time",
        "compare",
        when="away",
    ),
    Key("record", ("r",), "record", "record to a tape, or end it", "Time", "record", when="live"),
    Key(
        "incident",
        ("I",),
        "incident",
        "begin an incident: a clock, a tape, big type; or end it with a report, in a file and the clipboard",
        "Time",
    ),
    Key("wall", ("w",), "wall", "big type for a wall, or the board again", "Screen"),
    Key("shelf", ("l",), "page_of('shelf')", "other recordings", "Screen", "recordings", when="shelf"),
    Key("command", ("colon",), "command", "write a command: each key by its name, and more", "Screen", "command"),
    Key("copy", ("y",), "copy", "copy the row (a finding with its evidence) to the terminal's clipboard", "Screen"),
    Key("export", ("e",), "export", "the rows of the pane as a CSV file here; :export json", "Screen"),
    Key("picture", ("P",), "picture", "the screen as a picture (SVG) and as text, in files here", "Screen"),
    Key("theme", ("t",), "theme", "themes; the one under the cursor is tried on", "Screen", "theme"),
    Key("redraw", ("ctrl+l",), "redraw", "draw everything again", "Screen"),
    Key(
        "help",
        ("question_mark",),
        "help",
        "what the pane means: columns, symbols, limits; then every key",
        "Screen",
        "help",
    ),
    Key("keys", ("f1",), "help(True)", "every key", "Screen"),
    Key("back", ("escape",), "back", "close, clear the filter, leave the pane: one step back", "Screen"),
    Key("suspend", ("ctrl+z",), "suspend", "to the shell; fg comes back", "Screen"),
    Key("quit", ("q",), "quit", "quit", "Screen", "quit"),
    Key("interrupt", ("ctrl+c",), "interrupt", "quit, exit code 130", "Screen", "", True),  # noqa: FBT003
)

KEYS = {key.id: key for key in REGISTRY}
GROUPS = ("Panes", "Rows", "Pages", "Time", "Actions", "Screen")
_NAMES = {
    "slash": "/", "question_mark": "?", "escape": "esc", "pageup": "pgup", "pagedown": "pgdn",
    "up": "↑", "down": "↓", "left": "←", "right": "→", "comma": ",", "full_stop": ".",
    "colon": ":", "less_than_sign": "<", "greater_than_sign": ">",
    "left_square_bracket": "[", "right_square_bracket": "]", "minus": "-", "plus": "+", "equals_sign": "=",
    "backspace": "⌫",
}  # fmt: skip
_RENAMED = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
    "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip
_NAMED = "space enter escape tab up down left right home end pageup pagedown insert delete backspace"


def normal(name: str) -> str:
    """A key as Textual names it.

    >>> normal("/"), normal("x"), normal("ctrl+l")
    ('slash', 'x', 'ctrl+l')
    """
    if len(name) != 1 or name.isalnum():
        return name
    named = unicodedata.name(name, name).lower().replace("-", "_").replace(" ", "_")
    return _RENAMED.get(named, named)


_SPECIAL = frozenset(
    [*_NAMED.split(), *(f"f{number}" for number in range(1, 25)), *(normal(char) for char in string.punctuation)]
)


def keys_of(key: Key, overrides: Mapping[str, str]) -> tuple[str, ...]:
    """The keys that trigger ``key``: the user's, else the built-in ones."""
    own = overrides.get(key.id)
    return tuple(normal(part.strip()) for part in own.split(",")) if own else key.keys


def label(name: str) -> str:
    """A key's name as people read it.

    >>> label("slash"), label("ctrl+l"), label("shift+left")
    ('/', '^l', '⇧←')
    """
    lead, plus, base = name.rpartition("+")
    return f"{lead}{plus}".replace("ctrl+", "^").replace("shift+", "⇧") + _NAMES.get(base, base)


def key_label(id_: str, overrides: Mapping[str, str]) -> str:
    """The first key of what is called ``id_``, as people read it."""
    return label(keys_of(KEYS[id_], overrides)[0])


Wrong = tuple[str, str, str]
"""The name of a key of the configuration, what is wrong with it, and how to mend it."""


def check_overrides(overrides: Mapping[str, str]) -> list[Wrong]:
    """What is wrong with a user's keys; empty when all is well."""
    errors = [error for id_, keys in overrides.items() for error in _check(id_, keys)]
    owners: dict[str, str] = {}
    for key in REGISTRY:
        for name in keys_of(key, overrides):
            if name in owners and owners[name] != key.id:
                own = key.id if key.id in overrides else owners[name]
                errors.append((own, f"'{name}' would be both {owners[name]} and {key.id}", "choose another key"))
            owners.setdefault(name, key.id)
    return errors


def _check(id_: str, keys: str) -> list[Wrong]:
    if id_ not in KEYS:
        close = difflib.get_close_matches(id_, KEYS, 1)
        mend = f"did you mean '{close[0]}'?" if close else "docs/keys.md has the names"
        return [(id_, f"there is no '{id_}'", mend)]
    names = [name.strip() for name in keys.split(",")]
    own = KEYS[id_].keys
    acts = KEYS[id_].group == "Actions"
    reasons = (_bad(name, acts=acts) for name in names if name not in own)
    return [(id_, *reason) for reason in reasons if reason]


def _bad(name: str, *, acts: bool) -> tuple[str, str] | None:
    if acts:
        upper = len(name) == 1 and name.isascii() and name.isupper()
        return None if upper else (f"'{name}': actions have upper-case keys", "choose a letter like F")
    *modifiers, base = name.split("+") if len(name) > 1 else [name]
    if len(base) == 1 and base.isupper():
        return f"'{name}': upper-case keys are kept for actions that change the world", "choose another key"
    known = normal(base) in _SPECIAL or (len(base) == 1 and base.isalnum())
    if not known or any(modifier not in ("ctrl", "shift", "alt") for modifier in modifiers):
        return f"'{name}' is no key", "examples: x, ctrl+l, f5, slash"
    return None
