"""``unstick report``: what was wrong on a tape, when and on what evidence, as Markdown."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from unstick.board.board import Board, fold
from unstick.board.findings import Finding
from unstick.cli.codes import DONE
from unstick.cli.tapes import with_tape
from unstick.facts.level import Level
from unstick.facts.units import duration, timestamp
from unstick.tape.event import Event
from unstick.tape.meta import context_of
from unstick.tape.parts import Parts
from unstick.views.findings import measured
from unstick.views.status_text import status_lines

FLICKER_S = 15.0
"""A finding that is back so soon never ended."""


class Stretch(msgspec.Struct):
    """One level or finding from ``begin`` to ``end`` (UTC seconds); the finding as first seen at its worst."""

    begin: float
    end: float
    level: Level
    finding: Finding | None = None
    last: Finding | None = None
    open: bool = True


class Account:
    """What a tape shows from its first to its last Frame."""

    def __init__(self, tape: Parts) -> None:
        self.levels: list[Stretch] = []
        self.findings: list[Stretch] = []
        self.worst: Board | None = None
        self.board: Board | None = None
        self._last: dict[str, Stretch] = {}
        context = context_of(tape.meta.settings)
        for _, frame in tape.frames():
            self.board = fold(self.board, frame, context)
            self._take(self.board)

    def _take(self, board: Board) -> None:
        at = board.frame.at
        if self.levels:
            self.levels[-1].end = at
        if not self.levels or self.levels[-1].level is not board.level:
            self.levels.append(Stretch(at, at, board.level))
        if self.worst is None or _badness(board) > _badness(self.worst):
            self.worst = board
        for stretch in self._last.values():
            stretch.open = False
        for finding in board.findings:
            self._found(finding, at)

    def _found(self, finding: Finding, at: float) -> None:
        stretch = self._last.get(finding.id)
        if stretch is None or at - stretch.end > FLICKER_S:
            stretch = self._last[finding.id] = Stretch(at, at, finding.level, finding)
            self.findings.append(stretch)
        stretch.end, stretch.last, stretch.open = at, finding, True
        if finding.level.rank > stretch.level.rank:
            stretch.level, stretch.finding = finding.level, finding


def _badness(board: Board) -> tuple[int, int, int]:
    critical = sum(finding.level is Level.CRITICAL for finding in board.findings)
    return board.level.rank, critical, len(board.findings)


def run_report(path: Path) -> int:
    """Print the report of the tape at ``path``; the exit code."""
    return with_tape(path, _report)


def _report(tape: Parts) -> int:
    for line in lines(tape, Account(tape)):
        sys.stdout.write(line + "\n")
    return DONE


def lines(tape: Parts, account: Account) -> Iterator[str]:
    """The report, line by line."""
    first, last = tape.at(0), tape.at(len(tape) - 1)
    title = tape.meta.title or f"What {tape.meta.settings.name} went through"
    yield f"# {plain(title)}"
    yield ""
    yield f"{_at(first)} to {_at(last)} ({duration(last - first)}), context {plain(tape.meta.settings.name)}, "
    yield f"from `{tape.path.name}`: {len(tape)} frames by {plain(tape.meta.writer)}. All times are UTC."
    yield from _section("Levels", _levels(account.levels))
    yield from _section("What was wrong", _findings(account.findings))
    yield from _section("What happened", _events(list(tape.events()), tape))
    if account.worst is not None and account.worst.findings:
        told = list(status_lines(account.worst))
        yield from _section(f"At its worst, {_at(account.worst.frame.at)}", [f"    {line}" for line in told])


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


def _levels(levels: list[Stretch]) -> list[str]:
    rows = [
        f"| {_at(s.begin)} | {duration(s.end - s.begin)} | {s.level.value} |"
        for s in levels
        if s.end > s.begin or s is levels[-1]
    ]
    return ["| from | for | level |", "|---|---|---|", *rows]


def _findings(found: list[Stretch]) -> list[str]:
    if not found:
        return ["Nothing."]
    told = ["| begins | ends | for | level | what |", "|---|---|---|---|---|"]
    for s in found:
        end = "at the end of the tape" if s.open else _at(s.end)
        title = plain(s.finding.title) if s.finding else ""
        told.append(f"| {_at(s.begin)} | {end} | {duration(s.end - s.begin)} | {s.level.value} | {title} |")
    told.append("")
    for s in found:
        if s.finding and s.last:
            told.append(f"- **{plain(s.finding.title)}**")
            told += [f"    - {plain(measured(evidence))}" for evidence in s.finding.evidence]
            if s.last.title != s.finding.title:
                told.append(f"    - in the end: {plain(s.last.title)}")
    return told


def _events(events: list[Event], tape: Parts) -> list[str]:
    rows = [(event.at, event.event, plain(event.text)) for event in events]
    rows += [(at, "damage", plain(what)) for at, what in tape.damages()]
    if not rows:
        return []
    told = [f"| {_at(at)} | {plain(kind)} | {text} |" for at, kind, text in sorted(rows)]
    return ["| at | | what |", "|---|---|---|", *told]
