"""``status --json``, schema 1: other people's scripts rely on every key."""

from __future__ import annotations

import math
from typing import Any

from unstick.board.board import Board
from unstick.board.channels import Channels
from unstick.board.host import Host
from unstick.board.locks import Locks
from unstick.board.proxies import Proxies
from unstick.board.queues import Queues
from unstick.board.services import Services
from unstick.board.sources import SourceState
from unstick.board.sync import Sync
from unstick.board.workers import Workers
from unstick.facts.units import timestamp
from unstick.views import findings

Json = dict[str, Any]

SCHEMA = 1
_WORSE = {"fresh": 0, "stale": 1, "missing": 2}


def status(board: Board) -> Json:
    """The board as plain data: a pane that was not configured and a number that could not be had are ``None``."""
    s = board.subjects
    return {
        "schema": SCHEMA,
        "context": board.context.name,
        "at": timestamp(board.frame.at),
        "level": board.level.value,
        "sources": _sources(board.sources),
        "workers": s.workers and _workers(s.workers),
        "proxies": s.proxies and _proxies(s.proxies),
        "queues": s.queues and _queues(s.queues),
        "channels": s.channels and _channels(s.channels),
        "sync": s.sync and _sync(s.sync),
        "locks": s.locks and _locks(s.locks),
        "services": _services(s.services),
        "host": s.host and _host(s.host),
        "findings": [findings.plain(finding) for finding in board.findings],
    }


def _round(value: float | None, digits: int = 3) -> float | None:
    """Rounded; what is no finite number is unknown."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _sources(states: tuple[SourceState, ...]) -> Json:
    """Per server the worst state of its questions, and the questions one by one."""
    servers: Json = {}
    for state in states:
        entry = servers.setdefault(state.source.server, {"state": "fresh", "age_s": None, "error": None, "asked": {}})
        error = state.trouble.text if state.trouble else None
        age = _round(state.age_s)
        entry["asked"][state.source.id] = {
            "state": state.state,
            "age_s": age,
            "error": error,
            "kind": state.trouble.kind.value if state.trouble else None,
            "took_ms": _round(state.cost.took_s * 1000) if state.state == "fresh" else None,
            "queries": state.cost.queries,
            "bytes": state.cost.bytes_in + state.cost.bytes_out,
            "interval_s": state.source.interval_s,
        }
        if _WORSE[state.state] > _WORSE[entry["state"]]:
            entry["state"], entry["error"] = state.state, error
        if age is not None:
            entry["age_s"] = max(age, entry["age_s"] or 0.0)
    return servers


def _workers(workers: Workers) -> Json:
    return {
        "total": workers.total,
        "alive": workers.alive,
        "stalled": workers.stalled,
        "dead": workers.dead,
        "unknown": workers.unknown,
        "items": [
            {
                "id": w.id,
                "kind": w.kind,
                "level": w.level.value,
                "life": w.life,
                "container": w.container,
                "last_seen_s": _round(w.last_seen_s),
                "holds": {
                    "proxies": w.holds.proxies,
                    "locks": w.holds.locks,
                    "tasks": w.holds.tasks,
                    "unacked": w.holds.unacked,
                },
                "note": w.note,
            }
            for w in workers.items
        ],
    }


def _proxies(proxies: Proxies) -> Json:
    return {
        "total": proxies.total,
        "in_use": proxies.in_use,
        "blocked": proxies.blocked,
        "free": proxies.free,
        "stuck": proxies.stuck,
        "unowned": proxies.unowned,
        "stuck_items": [
            {"id": p.id, "worker_id": p.worker_id, "held_s": _round(p.held_s), "evidence": list(p.evidence)}
            for p in proxies.items
            if p.state == "stuck"
        ],
    }


def _queues(queues: Queues) -> Json:
    return {
        "waiting": queues.waiting,
        "items": [
            {
                "name": q.name,
                "system": q.system,
                "place": q.place,
                "level": q.level.value,
                "ready": q.ready,
                "in_flight": q.in_flight,
                "delayed": q.delayed,
                "dead": q.dead,
                "consumers": q.consumers,
                "oldest_s": _round(q.oldest_s),
            }
            for q in queues.items
        ],
    }


def _channels(channels: Channels) -> Json:
    return {
        "connections": channels.connections,
        "channels": channels.channels,
        "alarms": list(channels.alarms) if channels.alarms_known else None,
        "via": channels.via or None,
        "items": [
            {
                "connection": link.connection.name,
                "client": link.connection.client,
                "vhost": link.connection.vhost,
                "level": link.level.value,
                "channels": link.connection.channels,
                "channel_max": link.connection.channel_max,
                "heartbeat_s": link.connection.heartbeat_s,
                "growth_per_min": _round(link.growth_per_min, 1),
                "state": link.connection.state,
            }
            for link in channels.items
        ],
    }


def _sync(sync: Sync) -> Json:
    drift = sync.drift
    return {
        "lag_s": _round(sync.lag_s),
        "last_success_at": timestamp(sync.last_success_at),
        "next_due_at": timestamp(sync.next_due_at),
        "overdue": sync.overdue,
        "running": sync.running,
        "processed": sync.processed,
        "updated": sync.updated,
        "errors": sync.errors,
        "duration_s": _round(sync.last_duration_s),
        "redis_ok": sync.redis_ok,
        "database_ok": sync.database_ok,
        "level": sync.level.value,
        "drift": drift
        and {
            "sampled": drift.sampled,
            "differing": drift.differing,
            "missing": drift.missing,
            "unreadable": drift.unreadable,
            "largest": drift.largest,
        },
    }


def _locks(locks: Locks) -> Json:
    return {
        "total": locks.total,
        "expired": locks.expired,
        "orphaned": locks.orphaned,
        "endless": locks.endless,
        "items": [
            {
                "id": lock.row.id,
                "kind": lock.row.kind,
                "task_id": lock.row.task_id,
                "worker_id": lock.row.worker_id,
                "state": lock.state,
                "level": lock.level.value,
                "acquired_at": timestamp(lock.row.acquired_at),
                "expires_at": timestamp(lock.row.expires_at),
            }
            for lock in locks.items
        ],
    }


def _services(services: Services) -> Json:
    return {
        "items": [
            {
                "name": item.name,
                "kind": item.kind,
                "level": item.level.value,
                "state": item.state.state,
                "note": item.note,
                "numbers": {name: _round(value) for name, value in item.judged.numbers} if item.judged else None,
                "queries_per_s": _round(item.queries_per_s),
                "bytes_per_s": _round(item.bytes_per_s, 1),
                "uptime_s": _round(item.worker.uptime_s) if item.worker else None,
                "processed": item.worker.processed if item.worker else None,
                "broker_connected": item.worker.broker_connected if item.worker else None,
            }
            for item in services.items
        ]
    }


def _host(host: Host) -> Json:
    facts = host.facts
    disks = facts.disks if facts else ()
    return {
        "level": host.level.value,
        "hostname": facts and facts.hostname,
        "cpu_percent": facts and facts.cpu_percent,
        "cores": facts and facts.cores,
        "memory_percent": facts and facts.memory_percent,
        "memory_total_bytes": facts and facts.memory_total,
        "swap_percent": facts and facts.swap_percent,
        "load_1": facts and facts.load_1,
        "disks": [{"mount": d.mount, "used_percent": d.used_percent, "free_bytes": d.free_bytes} for d in disks],
    }
