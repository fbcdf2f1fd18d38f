"""What can be written behind ``:``. Every key is a command by its name; some take a word more. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from unstick.facts.level import Level
from unstick.tui.keys import REGISTRY, keys_of, label
from unstick.views.pane import Column, PaneView, Role, Row, Span

KEY = "commands"
MOST = 50
"""Lines of history that are kept."""
_RECENT = 5


class Command(NamedTuple):
    """``action`` is what its key does, empty where there is none; ``words`` are what may follow its name."""

    name: str
    help: str
    action: str = ""
    keys: str = ""
    words: tuple[str, ...] = ()
    free: str = ""
    """What any text may follow for: ``TIME``, ``NOTE``."""
    told: Mapping[str, str] = {}
    """What the words do, where it is not what the command does."""


class Suggestion(NamedTuple):
    """``text`` is the whole line that it stands for; ``more``: something must or may follow."""

    text: str
    help: str
    keys: str = ""
    more: bool = False


_NUMBERED = "the pane of that number"
"""What one line of help says of eight keys; a command is one of them."""
_FREE = {"go": "TIME", "filter": "TEXT", "mark": "NOTE", "acknowledge": "NOTE", "snooze": "TIME NOTE"}
_KEYLESS = (Command("role", "who does what in an incident: commander lena", free="WHAT WHO"),)
"""Commands that no key does."""
OWN = "own"
EXPORTS = ("csv", "json")
COPIES = ("row", "cell", "pane")


def commands(
    overrides: Mapping[str, str],
    themes: Sequence[str],
    presets: Sequence[str],
    columns: Sequence[str],
    own: Mapping[str, str] = {},
) -> tuple[Command, ...]:
    """All there are; ``columns`` are those of the pane that has the focus, ``own`` what one's own actions do."""
    words = {
        "theme": tuple(themes), "preset": tuple(presets), "sort": tuple(columns), "export": EXPORTS, "copy": COPIES,
        OWN: tuple(own),
    }  # fmt: skip
    found = tuple(
        Command(
            key.id,
            key.help.replace(_NUMBERED, key.id.removeprefix("pane-")),
            key.action,
            " ".join(label(name) for name in keys_of(key, overrides)),
            words.get(key.id, ()),
            _FREE.get(key.id, ""),
            own if key.id == OWN else {},
        )
        for key in REGISTRY
    )
    return (*found, *_KEYLESS)


def parse(text: str, known: Iterable[Command]) -> tuple[Command, str] | None:
    """The command that ``text`` names and what follows it; the beginning of a name will do if no other has it."""
    name, _, rest = text.strip().partition(" ")
    found = [command for command in known if command.name == name] or [
        command for command in known if name and command.name.startswith(name)
    ]
    return (found[0], rest.strip()) if len(found) == 1 else None


def is_whole(text: str, known: Iterable[Command]) -> bool:
    """Whether ``text`` is a command as it stands, not the beginning of one."""
    found = parse(text, known)
    if found is None:
        return False
    command, rest = found
    if rest:
        return rest in command.words or not command.words
    return command.name == text.strip() and not (command.words and text.endswith(" "))


def suggest(text: str, known: Sequence[Command], history: Sequence[str]) -> tuple[Suggestion, ...]:
    """What ``text`` may become: the newest of ``history`` and everything when it is empty."""
    written = text.lstrip()
    if " " in written:
        return tuple(_words(written, known))
    recent = [Suggestion(line, "again") for line in history[-1 : -_RECENT - 1 : -1]] if not written else []
    begins = [command for command in known if command.name.startswith(written)]
    inside = [c for c in known if c not in begins and (written in c.name or _spread(written, c.name))]
    told = [c for c in known if c not in (*begins, *inside) and len(written) > 2 and written in c.help]
    return (*recent, *(_suggestion(command) for command in (*begins, *inside, *told)))


def _spread(letters: str, name: str) -> bool:
    """Whether ``letters`` stand in ``name`` in their order."""
    rest = iter(name)
    return all(letter in rest for letter in letters)


def _suggestion(command: Command) -> Suggestion:
    more = " ".join((f"[{command.free}]",) if command.free else ("…",) if command.words else ())
    return Suggestion(command.name, f"{command.help}{'  ' if more else ''}{more}", command.keys, bool(more))


def _words(written: str, known: Sequence[Command]) -> Iterator[Suggestion]:
    found = parse(written, known)
    if found is None:
        return
    command, rest = found
    fitting = [word for word in command.words if rest in word]
    for word in sorted(fitting, key=lambda word: not word.startswith(rest)):
        yield Suggestion(f"{command.name} {word}", command.told.get(word, command.help))


def view(suggestions: Sequence[Suggestion]) -> PaneView:
    """The list, told as a pane: the row under the cursor is what Enter does."""
    longest = max((len(each.text) for each in suggestions), default=0)
    columns = (Column("text", "", max(24, min(48, longest))), Column("keys", "", 10), Column("help", "", 20, flex=1))
    rows = tuple(
        Row(
            f"{nth}|{each.text}",
            Level.OK,
            ((Span(each.text, Role.STRONG),), (Span(each.keys, Role.KEY),), (Span(each.help, Role.DIM),)),
            (),
        )
        for nth, each in enumerate(suggestions)
    )
    empty = (Span("enter does what is written", Role.DIM),)
    return PaneView(KEY, "Commands", Level.OK, (), (), columns, rows, (), empty)


def text_of(row: Row) -> str:
    """The line that a row of the list stands for."""
    return row.key.partition("|")[2]
