"""The board: one fold from the board before and the next Frame."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from unstick.board import histories
from unstick.board.acks import Acks, fold_acks
from unstick.board.channels import fold_channels
from unstick.board.events import KEPT, Event, happened
from unstick.board.findings import Finding, Subjects
from unstick.board.host import fold_host
from unstick.board.locks import fold_locks
from unstick.board.memory import Memory, Notes
from unstick.board.proxies import fold_proxies
from unstick.board.queues import fold_queues
from unstick.board.rules import Case
from unstick.board.services import fold_services
from unstick.board.sources import Sight, SourceState
from unstick.board.sync import fold_sync
from unstick.board.verdict import Verdict, judge
from unstick.board.workers import fold_workers
from unstick.facts.ack import Ack
from unstick.facts.frame import Frame
from unstick.facts.level import Level, worst
from unstick.settings import Context


class Board(msgspec.Struct, frozen=True, eq=False):
    """What one Frame means in the light of those before it."""

    frame: Frame
    context: Context
    sources: tuple[SourceState, ...]
    subjects: Subjects
    verdict: Verdict
    level: Level
    memory: Memory
    news: tuple[Event, ...] = ()
    """What this Frame changed."""
    timeline: tuple[Event, ...] = ()
    """What changed lately, the newest last."""
    acks: Acks = {}
    """Findings that somebody has taken notice of, by their ids."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, the worst first, causes before symptoms."""
        return self.verdict.findings

    @property
    def undecided(self) -> frozenset[str]:
        """The sources where another look would settle a judgement that one look can't."""
        workers, proxies = self.subjects.workers, self.subjects.proxies
        again = {worker.source for worker in workers.items if "looking again" in worker.note} if workers else set()
        if proxies and proxies.undecided:
            again |= {state.source.id for state in self.sources if state.source.system == "crawler"}
        return frozenset(again)


def fold(before: Board | None, frame: Frame, context: Context, marks: Iterable[Ack] = ()) -> Board:
    """The board after ``frame``. Pure: the same Frames and marks in the same order give the same board.

    ``marks`` are those that were set since the Frame before.
    """
    sight = Sight(frame, context.thresholds.stale_factor)
    notes = Notes(before.memory if before else Memory(), frame.at)
    workers = fold_workers(sight, notes, context)
    histories.record(workers, notes)
    subjects = Subjects(
        workers=workers,
        proxies=fold_proxies(sight, notes, context, workers),
        queues=fold_queues(sight, notes, context),
        channels=fold_channels(sight, notes, context),
        sync=fold_sync(sight, notes, context),
        locks=fold_locks(sight, notes, context, workers),
        services=fold_services(sight, notes, workers, context),
        host=fold_host(sight, notes, context),
    )
    memory = notes.memory()
    verdict = judge(Case(subjects, sight, memory, context), before.verdict if before else None)
    level = worst([*(finding.level for finding in verdict.findings), *_unknown(subjects)])
    acks = fold_acks(before.acks if before else {}, marks, verdict)
    board = Board(frame, context, sight.sources, subjects, verdict, level, memory, acks=acks)
    news = tuple(happened(before, board))
    timeline = before.timeline if before else ()
    return msgspec.structs.replace(board, news=news, timeline=(*timeline, *news)[-KEPT:] if news else timeline)


def subject_levels(subjects: Subjects) -> dict[str, Level | None]:
    """The level of each subject by the key of its pane; ``None`` where it is not configured."""
    parts = {
        "workers": subjects.workers,
        "proxies": subjects.proxies,
        "queues": subjects.queues,
        "channels": subjects.channels,
        "sync": subjects.sync,
        "locks": subjects.locks,
        "services": subjects.services,
        "host": subjects.host,
    }
    return {key: None if part is None else part.level for key, part in parts.items()}


def _unknown(subjects: Subjects) -> list[Level]:
    """What can't be seen is not well, though nothing was found there."""
    return [level for level in subject_levels(subjects).values() if level is Level.UNKNOWN]
