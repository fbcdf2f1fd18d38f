"""The page of a proxy: who holds it, and why it is or is not stuck."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.proxies import Proxy
from unstick.facts.level import Level
from unstick.facts.units import duration, exact
from unstick.views.pages.model import Fact, Known, Limit, Page, Part, findings, happened
from unstick.views.words import cell
from unstick.views.workers import worker_key


def proxy(known: Known, key: str) -> Page | None:
    """A held proxy without a task."""
    proxies, name = known.subjects.proxies, key.partition(":")[2]
    found = next((p for p in proxies.items if p.id == name), None) if proxies else None
    if proxies is None or found is None:
        return None
    level = Level.CRITICAL if found.state == "stuck" else Level.UNKNOWN
    source = known.of_system("crawler")
    total = proxies.total or 0
    limits = known.board.context.thresholds
    pool = (
        known.fact("pool", f"{exact(proxies.free)} of {exact(proxies.total)} free", source),
        known.fact("stuck in all", exact(proxies.stuck), source),
    )
    return Page(
        key,
        "proxies",
        f"proxy {name}",
        level,
        cell(f"{found.state}: held for {duration(found.held_s)} by {found.worker_id or 'nobody'} without a task"),
        (
            Part("Who holds it", tuple(_holder(known, found, source))),
            Part("Evidence", tuple(known.fact("", text, source) for text in found.evidence)),
            Part("What is wrong", findings(known, found.container or "", found.worker_id or ""), "nothing is"),
            Part("The pool", pool),
            happened(known, found.worker_id or "", found.container or ""),
        ),
        (
            *known.curve(
                "proxies:free",
                "proxies free",
                "count",
                Limit(total * limits.pool_free_warning / 100, "warning"),
                Limit(total * limits.pool_free_critical / 100, "critical", Level.CRITICAL),
            ),
            *known.curve("proxies:stuck", "proxies stuck", "count"),
        ),
    )


def _holder(known: Known, found: Proxy, source: str) -> Iterator[Fact]:
    workers = known.subjects.workers
    holder = workers.find(found.worker_id) if workers and found.worker_id else None
    if holder is not None:
        text = f"{found.worker_id}, {holder.life}"
        yield known.fact("worker", text, source, jump=worker_key(holder), level=holder.level)
    else:
        yield known.fact("worker", found.worker_id or "none: in use without a worker", source)
    if found.container:
        yield known.fact("container", found.container, source, jump=f"container:{found.container}")
    yield known.fact("row unchanged for", duration(found.held_s), source)
