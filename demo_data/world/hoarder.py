"""A report generator that opens a connection to PostgreSQL for every report and never closes one.

It goes on until the server refuses, and tries again every few seconds.
"""

from __future__ import annotations

import asyncio

import asyncpg

from demo_data.world.common import connect, log_to_stdout, run_until_terminated

AGAIN_S = 2


async def main() -> None:
    """Opens and keeps."""
    log = log_to_stdout("reports")
    kept = []
    while True:
        try:
            kept.append(await connect("reports"))
        except asyncpg.PostgresError as error:
            log.error("no connection after %d: %s", len(kept), error)  # noqa: TRY400 - one line is enough
            await asyncio.sleep(AGAIN_S)


if __name__ == "__main__":
    run_until_terminated(main())
