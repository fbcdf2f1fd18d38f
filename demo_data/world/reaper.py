"""The heartbeat manager: returns tasks whose worker has been silent to ``pending``.

It is the program of the incident: it gives back the tasks of the dead, and never their proxies.
"""

from __future__ import annotations

import asyncio

from demo_data.world.common import connect, log_to_stdout, run_until_terminated, setting

RETURN = """
UPDATE {table} SET status = 'pending', worker_id = NULL, heartbeat_at = NULL
 WHERE status = 'processing' AND heartbeat_at < now() - make_interval(secs => $1)
RETURNING id"""


async def main() -> None:
    """Looks every few seconds."""
    log = log_to_stdout("heartbeat-manager")
    silence = float(setting("WORLD_TASK_SILENCE_S", "20"))
    connection = await connect("heartbeat-manager")
    while True:
        for table in ("catalog_tasks", "object_tasks"):
            rows = await connection.fetch(RETURN.format(table=table), silence)
            if rows:
                log.warning("returned %d of %s to pending", len(rows), table)
        await asyncio.sleep(5)


if __name__ == "__main__":
    run_until_terminated(main())
