"""Histories of single workers and containers, for their pages: of the worst only, so that thousands cost no more."""

from __future__ import annotations

from unstick.board.memory import Notes
from unstick.board.workers import Workers

MOST = 100


def record(workers: Workers | None, notes: Notes) -> None:
    """How long each of the worst workers is silent, and how many proxies their containers hold."""
    if workers is None:
        return
    for worker in workers.items[:MOST]:
        notes.record(f"silent:{worker.source}:{worker.id}", worker.last_seen_s)
    for container in workers.containers[:MOST]:
        notes.record(f"held:{container.id}", container.proxies)
