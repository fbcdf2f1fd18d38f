"""Users who spend and earn: changes ``balance:<user_id>`` in Redis all the time.

At the start every wallet is set to what PostgreSQL has, so that the world begins without drift.
"""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import cast

import redis.asyncio

from demo_data.world.common import connect, log_to_stdout, run_until_terminated, setting


async def main() -> None:
    """Fills the cache, then changes one about every second."""
    log = log_to_stdout("wallets")
    cache = redis.asyncio.Redis.from_url(setting("WORLD_BALANCES_URL"), decode_responses=True)
    connection = await connect("wallets")
    rows = await connection.fetch("SELECT user_id, balance FROM user_balances")
    await connection.close()
    await cache.mset({f"balance:{row['user_id']}": str(row["balance"]) for row in rows})
    log.info("filled %d wallets", len(rows))
    dice = random.Random(7)
    try:
        while True:
            key = f"balance:{dice.randrange(1, len(rows) + 1)}"
            balance = Decimal(cast("str", await cache.get(key)) or "0")
            change = Decimal(dice.randrange(-5000, 5200)) / 100
            await cache.set(key, str(max(balance + change, Decimal(0))))
            await asyncio.sleep(dice.uniform(0.5, 1.5))
    finally:
        await cache.aclose()


if __name__ == "__main__":
    run_until_terminated(main())
