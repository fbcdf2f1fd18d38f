"""Balance rows: how fresh they are, and how far a sample of them is from what Redis holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from unstick import sql
from unstick.backends.base import BackendError
from unstick.facts.reading import Source
from unstick.facts.sync import SyncDataFacts
from unstick.facts.text import clean
from unstick.pollers import drift
from unstick.pollers.drift import Comparison
from unstick.settings import Sync
from unstick.sql.relations import relations
from unstick.sql.rights import explain

if TYPE_CHECKING:
    from unstick.backends.pair import Pair
    from unstick.backends.postgres import Look, Row
    from unstick.backends.redis import RedisConnection

SAMPLE_CAP = 2000
BOUNDED_ROWS = 10_000
PASS_PAGES = 20_000
"""160 MB: a larger table without an index on its instants is not read from end to end every half minute."""
NOBODY: dict[str, float | None] = {"newest_at": None, "oldest_at": None}
_PAGELESS = frozenset({"v", "f"})


class SyncDataPoller:
    """Asks PostgreSQL for the rows, then Redis for the same keys; no transaction waits for Redis."""

    def __init__(self, source: Source, settings: Sync) -> None:
        self._source = source
        self._settings = settings
        self._relations = relations(settings)
        (balances,) = self._relations
        named = {
            "balances": balances.source,
            "id": balances.column(settings.id),
            "balance": balances.column(settings.balance),
        }
        self._table = sql.table(settings.table)
        self._state = sql.statement("balance_state")
        synced_at = balances.optional(settings.synced_at)
        self._instants = sql.statement("balance_instants", **named, synced_at=synced_at) if synced_at else None
        self._sample = sql.statement("balance_sample", **named)
        self._bounded = sql.statement("balance_sample_bounded", **named)

    @property
    def source(self) -> Source:
        """Who is asked."""
        return self._source

    async def look(self, connection: Pair) -> SyncDataFacts:
        """One look. Raises :class:`BackendError`; Redis alone only when PostgreSQL had nothing to say either."""
        facts, _ = await self.compared(connection, self._settings.sample)
        return facts

    async def compared(self, connection: Pair, sample_size: int) -> tuple[SyncDataFacts, Comparison | None]:
        """One look at ``sample_size`` rows, key by key. Raises as :meth:`look`."""
        postgres = connection.postgres
        wanted = min(sample_size, SAMPLE_CAP) if connection.redis is not None else 0
        async with postgres.look(partial(explain, self._relations, postgres.user)) as look:
            (state,) = await look.rows(self._state, self._table, self._settings.synced_at or "")
            unasked = self._unasked(state)
            (ends,) = await look.rows(self._instants) if self._instants and not unasked else [NOBODY]
            sample = await self._rows(look, state, wanted) if wanted > 0 else []
        estimate = state["estimate"]
        rows = None if estimate is None else int(estimate)
        measured: Comparison | None = None
        trouble: str | None = None
        if connection.redis is not None and wanted > 0:
            try:
                measured = await self._drift(connection.redis, sample)
            except BackendError as error:
                if rows is None and ends["newest_at"] is None:
                    raise
                trouble = error.trouble.text
        facts = SyncDataFacts(
            server_at=state["server_at"],
            rows=rows,
            newest_at=ends["newest_at"],
            oldest_at=ends["oldest_at"],
            drift=None if measured is None else drift.drift_of(measured),
            drift_trouble=trouble,
            instants_trouble=unasked,
        )
        return facts, measured

    def _unasked(self, state: Row) -> str | None:
        """Why the newest and the oldest row are not asked for."""
        if self._instants is None or state["ordered"] or state["pages"] <= PASS_PAGES:
            return None
        return f"its age is not asked: no index on {clean(self._settings.synced_at or '')}"

    async def _rows(self, look: Look, state: Row, wanted: int) -> list[Row]:
        """One page per wanted row is enough; bloated tables have empty pages, and then the first rows must do."""
        pages = state["pages"]
        if state["kind"] not in _PAGELESS:
            percent = 100.0 if pages <= wanted else 100.0 * wanted / pages
            found = await look.rows(self._sample, percent, wanted)
            if found or percent == 100.0:
                return found
        return await look.rows(self._bounded, BOUNDED_ROWS, wanted)

    async def _drift(self, redis: RedisConnection, sample: list[Row]) -> Comparison:
        keys = [self._settings.balance_key.replace("{id}", row["id"] or "") for row in sample]
        try:
            await redis.open()
            cached = await drift.held(redis, keys, self._settings.balance_field)
        except BackendError as error:
            if error.transport:
                redis.abort()
            raise
        return drift.compared(keys, cached, [row["balance"] for row in sample])
