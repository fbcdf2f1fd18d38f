"""Applies whose connection is cut, at COMMIT or anywhere, and operators who press at once; the receipts against the rows."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.lab.fault_proxy import FaultProxy
from tests.live.acting import YES, Shop
from unstick.actions.gate import Gate
from unstick.facts.actions import Actor, FreeProxies, Outcome, Plan, Receipt, State
from unstick.secret import Url

HELD = (1, 2, 3, 4)
HOLD = """
UPDATE proxies SET is_in_use = (id = ANY($1::bigint[])), worker_id = CASE WHEN id = ANY($1::bigint[]) THEN 'gone_1' END,
       updated_at = now() - interval '1 hour'"""
COMMIT = b"COMMIT\0"
"""The statement alone: the isolation level has the word in it, too."""
CHANGED = (Outcome.APPLIED, Outcome.PARTIAL)


@dataclass
class Tally:
    """What came of it. ``wrong`` are receipts that say what is not so."""

    outcomes: dict[str, int] = field(default_factory=dict)
    struck: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, receipt: Receipt, freed: set[str]) -> None:
        """One receipt against the ids that were really freed."""
        self.outcomes[receipt.outcome] = self.outcomes.get(receipt.outcome, 0) + 1
        told = {one.id for one in receipt.results if one.state is State.DONE}
        true = told == freed and (receipt.outcome in CHANGED) == bool(freed)
        if not true and receipt.outcome is not Outcome.UNKNOWN:
            self.wrong.append(f"{receipt.outcome}: {receipt.text}; told {sorted(told)}, freed {sorted(freed)}")


async def cut(shop: Shop, proxy: FaultProxy, runs: int, seed: int) -> Tally:
    """``runs`` applies by way of ``proxy``, each cut at a place of its own."""
    dice, tally = random.Random(seed), Tally()
    direct: asyncpg.Connection[Any] = await asyncpg.connect(shop.url)
    host = shop.url.rpartition("@")[0]
    shop.configure(postgres_url=Url(f"{host}@127.0.0.1:{proxy.port}/{shop.url.rpartition('/')[2]}"))
    try:
        for number in range(runs):
            await direct.execute(HOLD, HELD)
            gate = shop.gate()
            plan = await shop.decided(gate, FreeProxies())
            assert len(plan.targets) == len(HELD), plan
            before = proxy.triggered
            _arm(proxy, number, dice)
            receipt = await gate.apply(plan, YES)
            tally.struck += proxy.triggered - before
            proxy.clear()
            await gate.close()
            tally.count(receipt, await _freed(direct))
    finally:
        await direct.close()
    return tally


def _arm(proxy: FaultProxy, number: int, dice: random.Random) -> None:
    match number % 4:
        case 0:
            proxy.drop_on(COMMIT)
        case 1:
            proxy.drop_on(COMMIT, after=True)
        case 2:
            proxy.cut_after(dice.randrange(1, 4000))
        case 3:
            proxy.drop_on(dice.choice((b"LOCK TABLE", b"UPDATE", b"pg_try_advisory", b"FOR UPDATE")), after=True)


async def _freed(direct: asyncpg.Connection[Any]) -> set[str]:
    rows = await direct.fetch("SELECT id::text FROM proxies WHERE id = ANY($1::bigint[]) AND NOT is_in_use", HELD)
    return {row["id"] for row in rows}


async def pressed_at_once(shop: Shop, operators: int, rounds: int) -> Tally:
    """So many operators with plans of their own, who all confirm at the same moment; each round anew."""
    tally = Tally()
    direct: asyncpg.Connection[Any] = await asyncpg.connect(shop.url)
    gates = [shop.gate(Actor(f"op{number}", "here")) for number in range(operators)]
    try:
        for _ in range(rounds):
            await direct.execute(HOLD, HELD)
            plans = await asyncio.gather(*(shop.decided(gate, FreeProxies()) for gate in gates))
            receipts = await asyncio.gather(*map(_press, gates, plans))
            told = [one.id for receipt in receipts for one in receipt.results if one.state is State.DONE]
            if sorted(told) != sorted(await _freed(direct)) or len(told) != len(HELD):
                tally.wrong.append(f"told {sorted(told)}")
            for receipt in receipts:
                tally.outcomes[receipt.outcome] = tally.outcomes.get(receipt.outcome, 0) + 1
                tally.wrong += [receipt.text] if receipt.outcome in {Outcome.UNKNOWN, Outcome.NOT_SENT} else []
    finally:
        for gate in gates:
            await gate.close()
        await direct.close()
    return tally


async def _press(gate: Gate, plan: Plan) -> Receipt:
    return await gate.apply(plan, YES)


SLOW = """
CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN new; END $$;
CREATE {kind} TRIGGER slow AFTER UPDATE ON proxies {when} FOR EACH ROW EXECUTE FUNCTION slowly();
"""


def sessions(shop: Shop, condition: str) -> int:
    """How many sessions of unstick in this database meet a condition."""
    where = f"application_name LIKE 'unstick%' AND datname = current_database() AND {condition}"
    return int(shop.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {where};"))


def slow(shop: Shop, seconds: float, *, at_commit: bool) -> None:
    """Freeing takes its time: in the statement, or in the commit."""
    kind, when = ("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED") if at_commit else ("", "")
    shop.sql(SLOW.format(seconds=seconds, kind=kind, when=when))
