"""The page of what happened: findings, workers and sources, the newest first."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.views.pages.model import Fact, Known, Page, Part, event_fact
from unstick.views.words import cell
from unstick.views.workers import worker_key

KEY = "timeline:all"


def timeline(known: Known, key: str) -> Page:
    """Everything that is remembered; what still is there leads to its page."""
    board = known.board
    facts = tuple(_facts(known))
    says = f"{len(facts)} events, the newest first" if facts else "nothing has happened since one looks"
    parts = (Part("", facts),) if facts else ()
    return Page(key, "verdict", "What happened", board.level, cell(says), parts)


def _facts(known: Known) -> Iterator[Fact]:
    findings = {finding.id for finding in known.board.findings}
    workers = known.subjects.workers
    keys = {worker.id: worker_key(worker) for worker in workers.items} if workers else {}
    sources = {state.source.id for state in known.board.sources}
    for event in reversed(known.board.timeline):
        fact = event_fact(event)
        jump = keys.get(event.id, "")
        jump = (
            f"finding:{event.id}" if event.id in findings else f"service:{event.id}" if event.id in sources else jump
        )
        yield Fact(fact.name, fact.value, "", None, jump, fact.level)
