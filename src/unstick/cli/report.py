"""``unstick report``: what was wrong on a tape, when and on what evidence, as Markdown with pictures."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from unstick.board.board import Board
from unstick.cli.account import Account, Found, badness
from unstick.cli.codes import DONE, USAGE
from unstick.cli.complaint import complain
from unstick.cli.tapes import at_moment, io_error, with_tape
from unstick.facts.incident import BEGINS, ENDS, KEY
from unstick.facts.place import Stretch
from unstick.facts.text import clean
from unstick.facts.units import duration, elapsed, timestamp
from unstick.feeds.deck import Deck
from unstick.tape.event import ACTION, MARK, SOURCE, Event
from unstick.tape.meta import context_of
from unstick.tape.parts import Parts
from unstick.views.findings import measured
from unstick.views.status_text import status_lines

ROWS = 60
"""Rows of one receipt that are listed."""
MOST = 8
"""Pictures, if none are asked for."""


class Pictures(msgspec.Struct, frozen=True):
    """``into`` is a folder for the report and its pictures; ``at`` chooses instants, unset: each incident's worst."""

    into: Path | None = None
    at: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 36)
    theme: str | None = None


def run_report(path: Path, pictures: Pictures) -> int:
    """Print the report of the tape at ``path``, or write it with its pictures; the exit code."""
    if pictures.at and pictures.into is None:
        complain("--picture needs a folder; mend: --into FOLDER")
        return USAGE
    return with_tape(path, lambda tape: _report(tape, pictures))


def _report(tape: Parts, pictures: Pictures) -> int:
    asked = [tape.find(at_moment(tape, text, 0.0)) for text in pictures.at]
    account = Account(tape, asked)
    if pictures.into is None:
        for line in lines(tape, account):
            sys.stdout.write(line + "\n")
        return DONE
    boards = [account.boards[number] for number in asked if number in account.boards] or _worst(account)
    from unstick.tui.theme_file import ThemeError  # noqa: PLC0415 - imported when there is something to draw

    try:
        sys.stdout.write(f"{_written(tape, account, boards, pictures, pictures.into)}\n")
    except OSError as error:
        return io_error(pictures.into, error)
    except ThemeError as error:
        complain(f"--theme: {error}; mend: choose one of those")
        return USAGE
    return DONE


def _worst(account: Account) -> list[Board]:
    """The worst moments of the worst incidents, in order of time."""
    found = sorted((incident.worst for incident in account.incidents), key=badness, reverse=True)[:MOST]
    return sorted(found, key=lambda board: board.frame.at)


def _written(tape: Parts, account: Account, boards: Sequence[Board], pictures: Pictures, folder: Path) -> Path:
    """Write the report and its pictures, for their owner's eyes; where it is. Raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    drawn = []
    for board in boards:
        name = f"board-{_at(board.frame.at).replace(' ', 'T').replace(':', '')}Z.svg"
        _write(folder / name, _picture(tape, account, board, pictures))
        drawn.append((board, name))
    report = folder / "report.md"
    _write(report, "".join(f"{line}\n" for line in lines(tape, account, drawn)))
    return report


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _picture(tape: Parts, account: Account, board: Board, pictures: Pictures) -> str:
    from unstick.cli.session import Session  # noqa: PLC0415 - imported when there is something to draw
    from unstick.tui.options import BoardOptions  # noqa: PLC0415 - as above
    from unstick.tui.picture import picture  # noqa: PLC0415 - imports Textual

    context = context_of(tape.meta.settings)
    deck = Deck(tape, context, "replay")
    deck.board = board
    told = Session(context, deck).tell(board)
    place = None
    if told.place is not None:
        place = replace(told.place, surveyed_at=told.place.last_at, stretches=account.levels.stretches)
    options = BoardOptions(
        context=context.name,
        production=context.production,
        color=context.color,
        theme=pictures.theme or context.screen.theme,
    )
    return picture(replace(told, place=place), options, pictures.size, f"{context.name} at {_at(board.frame.at)} UTC")


def lines(tape: Parts, account: Account, drawn: Sequence[tuple[Board, str]] = ()) -> Iterator[str]:
    """The report, line by line; ``drawn`` are boards and the names of their pictures."""
    first, last = tape.at(tape.first), tape.at(tape.last)
    title = tape.meta.title or f"What {tape.meta.settings.name} went through"
    yield f"# {plain(title)}"
    yield ""
    yield f"{_at(first)} to {_at(last)} ({duration(last - first)}), context {plain(tape.meta.settings.name)}, "
    yield f"from `{tape.path.name}`: {len(tape)} frames by {plain(tape.meta.writer)}. All times are UTC."
    yield from _section("Levels", _levels(account.levels.stretches))
    yield from _section("What was wrong", _findings(account.findings))
    yield from _section("Incidents", _incidents(list(tape.events()), last))
    yield from _section("Receipts", _receipts(list(tape.events())))
    yield from _section("What happened", _events(account, list(tape.events()), tape))
    for board, name in drawn:
        yield from _section(f"The board at {_at(board.frame.at)}", [f"![the board at {_at(board.frame.at)}]({name})"])
    worst = account.worst
    if worst is not None and worst.findings:
        told = list(status_lines(worst))
        yield from _section(f"At its worst, {_at(worst.frame.at)}", [f"    {line}" for line in told])


def plain(text: str) -> str:
    r"""A text from a tape, without power over Markdown.

    >>> print(plain("a|b <i> [x](y)"))
    a\|b \<i\> \[x\](y)
    """
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", text.replace("\n", " "))


def _section(title: str, content: Sequence[str]) -> Iterator[str]:
    if content:
        yield from ("", f"## {title}", "", *content)


def _at(at: float) -> str:
    return (timestamp(at) or "–")[:19].replace("T", " ")


def _levels(levels: Sequence[Stretch]) -> list[str]:
    rows = [
        f"| {_at(s.begin)} | {duration(s.end - s.begin)} | {s.level.value} |"
        for s in levels
        if s.end > s.begin or s is levels[-1]
    ]
    return ["| from | for | level |", "|---|---|---|", *rows]


def _findings(found: Sequence[Found]) -> list[str]:
    if not found:
        return ["Nothing."]
    told = ["| begins | ends | for | level | what |", "|---|---|---|---|---|"]
    for s in found:
        end = "at the end of the tape" if s.open else _at(s.end)
        title = plain(s.finding.title)
        told.append(f"| {_at(s.begin)} | {end} | {duration(s.end - s.begin)} | {s.level.value} | {title} |")
    told.append("")
    for s in found:
        told.append(f"- **{plain(s.finding.title)}**")
        told += [f"    - {plain(measured(evidence))}" for evidence in s.finding.evidence]
        if s.last.title != s.finding.title:
            told.append(f"    - in the end: {plain(s.last.title)}")
    return told


def _incidents(events: list[Event], last_at: float) -> list[str]:
    """When people were at it, who did what, and what they noted."""
    told: list[str] = []
    begun_at: float | None = None
    for event in [event for event in events if event.event == MARK]:
        step = event.details.get(KEY)
        if step == BEGINS and begun_at is None:
            begun_at = event.at
            told.append(f"- **{_at(event.at)}** {plain(event.text)}")
        elif begun_at is not None:
            told.append(f"    - +{elapsed(event.at - begun_at)} {plain(event.text)}")
            begun_at = None if step == ENDS else begun_at
    if begun_at is not None:
        told.append(f"    - it goes on at the end of the tape, after {elapsed(last_at - begun_at)}")
    return told


def _receipts(events: list[Event]) -> list[str]:
    """What was changed from the board meanwhile, row by row."""
    told: list[str] = []
    for event in [event for event in events if event.event == ACTION]:
        told.append(f"- **{_at(event.at)}** {plain(event.text)}")
        for row in _list(event.details.get("results"))[:ROWS]:
            words = [f"{name}: {value}" for name, value in row.items() if isinstance(value, str | int | float)]
            told.append(f"    - {plain(clean(', '.join(words)))}")
    return told


def _list(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _events(account: Account, beside: list[Event], tape: Parts) -> list[str]:
    """What the fold saw change, and what is recorded beside the facts: marks, receipts, gaps."""
    rows: list[tuple[float, str, str]] = [(event.at, event.what, plain(event.text)) for event in account.events]
    rows += [(event.at, event.event, plain(event.text)) for event in beside if event.event != SOURCE]
    rows += [(at, "damage", plain(what)) for at, what in tape.damages()]
    if not rows:
        return []
    told = [f"| {_at(at)} | {plain(kind)} | {text} |" for at, kind, text in sorted(rows)]
    return ["| at | | what |", "|---|---|---|", *told]
