"""What is found on this host without being named: cron scripts in the working directory, services on usual ports.

Only loopback is asked, with one GET to each port that answers; what answers in another way is none of ours.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from unstick.config.presets import DEPENDENCIES
from unstick.secret import Url
from unstick.settings import Context, Dependency, Maintenance

Preset = Literal["locks", "health", "metrics", "rotate", "backup"]

SCRIPTS: dict[str, Preset] = {
    "cleanup_locks.sh": "locks",
    "health_check.sh": "health",
    "collect_metrics.sh": "metrics",
    "rotate_logs.sh": "rotate",
    "backup_database.sh": "backup",
}
"""Of ``cron_scripts``, and the job that each of them is."""
DOLPHIN = DEPENDENCIES["dolphin-anty"]


async def here(context: Context, budget_s: float) -> dict[str, Any]:
    """Settings for what this host has and ``context`` does not name."""
    found: dict[str, Any] = {}
    if not context.maintenance and (jobs := maintenance_jobs(Path.cwd())):
        found["maintenance"] = jobs
    if not context.dependency and await dolphin(budget_s):
        found["dependency"] = (Dependency(preset="dolphin-anty"),)
    return found


def maintenance_jobs(folder: Path) -> tuple[Maintenance, ...]:
    """The usual cron jobs whose scripts stand in ``folder``."""
    there = [preset for script, preset in SCRIPTS.items() if (folder / "cron_scripts" / script).is_file()]
    return tuple(Maintenance(preset=preset, folder=str(folder)) for preset in there)


async def dolphin(budget_s: float) -> bool:
    """Whether the local API of Dolphin Anty listens: it answers with a document of its own, logged in or not."""
    answer = await asked(Url("http://127.0.0.1:3001"), "/v1.0/browser_profiles", budget_s)
    return isinstance(answer, dict) and bool(answer.keys() & {"data", "success", "error"})


async def asked(url: Url, path: str, budget_s: float) -> Any:
    """The document at ``path``; ``None`` where nobody listens or no JSON comes. No driver is loaded for nothing."""
    try:
        async with asyncio.timeout(budget_s):
            host, _, port = url.address.partition(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.transport.abort()
    except (OSError, TimeoutError):
        return None
    from unstick.backends.base import BackendError  # noqa: PLC0415 - a driver, imported when somebody listens
    from unstick.backends.http import WORKER_CAP, HttpConnection  # noqa: PLC0415
    from unstick.pollers.reply import decode  # noqa: PLC0415

    connection = HttpConnection(url, total_s=budget_s, cap=WORKER_CAP)
    try:
        return decode((await connection.get(path)).body, object)
    except BackendError:
        return None
    finally:
        await connection.close()
