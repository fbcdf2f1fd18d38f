"""Pages: everything known of one thing, by the key of its row. Pure, as the panes are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unstick.board.board import Board
from unstick.facts.level import Level
from unstick.facts.place import Tick
from unstick.views.pages.channels import link
from unstick.views.pages.containers import container
from unstick.views.pages.findings import finding
from unstick.views.pages.host import process, resource
from unstick.views.pages.locks import lock
from unstick.views.pages.model import Curve, Fact, History, Known, Limit, Page, Part
from unstick.views.pages.proxies import proxy
from unstick.views.pages.queues import queue
from unstick.views.pages.services import service
from unstick.views.pages.sync import sync
from unstick.views.pages.tasks import tasks
from unstick.views.pages.timeline import timeline
from unstick.views.pages.workers import worker
from unstick.views.pane import PaneView, Row
from unstick.views.words import cell

__all__ = ["PAGES", "Curve", "Fact", "History", "Limit", "Page", "Part", "page", "page_key", "plain"]

PAGES: dict[str, Callable[[Known, str], Page | None]] = {
    "worker": worker,
    "container": container,
    "proxy": proxy,
    "queue": queue,
    "link": link,
    "lock": lock,
    "sync": sync,
    "service": service,
    "host": resource,
    "process": process,
    "tasks": tasks,
    "finding": finding,
    "timeline": timeline,
}
"""One line per kind of row, by what its keys begin with."""


def page_key(pane: str, row: Row) -> str:
    """The key of the page that a row opens."""
    return f"finding:{row.key.partition('|')[2]}" if pane == "verdict" else row.key


def page(board: Board, key: str, ticks: Sequence[Tick] = ()) -> Page | None:
    """The page of ``key``; ``None`` when it is not there, or has no page of its own.

    ``ticks`` are marks and receipts.
    """
    told = PAGES.get(key.partition(":")[0])
    return told(Known(board, ticks), key) if told else None


def plain(view: PaneView, row: Row) -> Page:
    """The page of a row that has none of its own: its cells in full, and what it tells when opened."""
    facts = []
    for nth, value in enumerate(row.cells):
        title = view.columns[nth].title or view.columns[nth].key if nth < len(view.columns) else ""
        if any(span.text.strip() for span in value):
            facts.append(Fact(title, value))
    facts += [Fact(name, cell(text)) for name, text in row.details]
    says = row.cells[0] if row.cells else ()
    wrong = row.level if row.level is not Level.OK else Level.OK
    return Page(row.key, view.key, row.key.partition(":")[2] or row.key, wrong, says, (Part("", tuple(facts)),))
