"""A Redis server itself, by ``INFO`` and the length of its slow log: one round trip."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from unstick.backends.base import failure
from unstick.backends.redis import RedisConnection
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.servers import Keyspace, RedisServerFacts
from unstick.facts.text import clean
from unstick.pollers.redis_round import RoundTrip
from unstick.pollers.values import number, whole

REPLICAS_CAP = 20
KEYSPACES_CAP = 64
_LINE = re.compile(r"^([a-z0-9_]{1,64}):(.*?)\r?$", re.MULTILINE)
_DATABASE = re.compile(r"db(\d{1,9})\Z")
_REPLICA = re.compile(r"slave\d{1,9}\Z")


class RedisServerPoller:
    """One server. ``purposes`` say what the configuration uses its numbered databases for."""

    def __init__(self, source: Source, name: str, purposes: Mapping[int, str]) -> None:
        self.source = source
        self._name = clean(name)
        self._purposes = dict(purposes)

    async def look(self, connection: RedisConnection) -> RedisServerFacts:
        """Ask once. Raises :class:`BackendError`, also where ``INFO`` is not permitted."""
        trip = RoundTrip()
        info, slow_log = trip.ask("INFO"), trip.ask("SLOWLOG", "LEN")
        await trip.go(connection)
        text = info.sure().text
        if text is None:
            raise failure(TroubleKind.PROTOCOL, "bad reply: INFO is no text")
        return server_facts(self._name, text, slow_log.count, self._purposes)


def server_facts(name: str, text: bytes, slow_log: int | None, purposes: Mapping[int, str]) -> RedisServerFacts:
    """The facts of one ``INFO``: pure. A field that is not there, or is no number, is unknown."""
    fields = dict(_LINE.findall(text.decode("utf-8", "replace")))
    link, background = fields.get("master_link_status"), fields.get("rdb_last_bgsave_status")
    return RedisServerFacts(
        name=name,
        version=_word(fields, "redis_version"),
        used_bytes=whole(fields.get("used_memory")),
        max_bytes=whole(fields.get("maxmemory")),
        host_bytes=whole(fields.get("total_system_memory")),
        policy=_word(fields, "maxmemory_policy"),
        clients=whole(fields.get("connected_clients")),
        max_clients=whole(fields.get("maxclients")),
        blocked_clients=whole(fields.get("blocked_clients")),
        rejected=whole(fields.get("rejected_connections")),
        evicted=whole(fields.get("evicted_keys")),
        slow_log=slow_log,
        ops_per_s=number(fields.get("instantaneous_ops_per_sec")),
        role=_word(fields, "role"),
        link_up=None if link is None else link == "up",
        silent_s=_since(fields.get("master_last_io_seconds_ago")),
        replicas=tuple(_replicas(fields))[:REPLICAS_CAP],
        snapshot_failed=None if background is None else background != "ok",
        keyspaces=tuple(_keyspaces(fields, purposes))[:KEYSPACES_CAP],
    )


def _word(fields: Mapping[str, str], name: str) -> str | None:
    return clean(fields[name], 64) if fields.get(name) else None


def _since(text: str | None) -> float | None:
    found = number(text)
    return found if found is not None and found >= 0 else None


def _pairs(text: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in text.split(","))


def _replicas(fields: Mapping[str, str]) -> list[tuple[str, float | None]]:
    found = [_pairs(text) for name, text in fields.items() if _REPLICA.match(name)]
    return [(clean(f"{each.get('ip', '?')}:{each.get('port', '?')}", 80), _since(each.get("lag"))) for each in found]


def _keyspaces(fields: Mapping[str, str], purposes: Mapping[int, str]) -> Iterator[Keyspace]:
    """Databases that have keys, and those that the configuration uses: a database without keys has no line."""
    found = {int(match[1]): _pairs(text) for name, text in fields.items() if (match := _DATABASE.match(name))}
    for at in sorted(found.keys() | purposes.keys()):
        counts = found.get(at, {"keys": "0", "expires": "0"})
        keys, expiring = whole(counts.get("keys")), whole(counts.get("expires"))
        if keys is not None and expiring is not None:
            yield Keyspace(at, clean(purposes.get(at, "")), keys, expiring)
