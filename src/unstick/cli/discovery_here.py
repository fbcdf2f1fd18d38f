"""What is found on this host without being named: cron scripts in the working directory, services on usual ports.

Only loopback is asked, with one GET to each port that answers; what answers in another way is none of ours.
"""

from __future__ import annotations

import asyncio
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

from unstick.pollers.values import flag
from unstick.secret import Url
from unstick.settings import Automation, Context, Dependency, Log, Maintenance

Preset = Literal["locks", "health", "metrics", "rotate", "backup"]

SCRIPTS: dict[str, Preset] = {
    "cleanup_locks.sh": "locks",
    "health_check.sh": "health",
    "collect_metrics.sh": "metrics",
    "rotate_logs.sh": "rotate",
    "backup_database.sh": "backup",
}
"""Of ``cron_scripts``, and the job that each of them is."""
FIRST_WORKER, MOST_WORKERS = 8088, 8
"""``WORKER_BASE_PORT`` of the deployment guide, and how many ports behind it are tried."""


async def here(context: Context, budget_s: float) -> dict[str, Any]:
    """Settings for what this host has and ``context`` does not name."""
    found: dict[str, Any] = {}
    if not context.maintenance and (jobs := maintenance_jobs(Path.cwd())):
        found["maintenance"] = jobs
    if not context.log and any(Path.cwd().glob("logs/*.log")):
        found["log"] = (Log(name="logs", folder=str(Path.cwd()), files=("logs/*.log",)),)
    ours, workers = await asyncio.gather(dolphin(budget_s), automation(budget_s))
    if ours and not context.dependency:
        found["dependency"] = (Dependency(preset="dolphin-anty"),)
    if workers and not context.automation:
        found["automation"] = (Automation(url=Url(f"http://127.0.0.1:{FIRST_WORKER}"), workers=workers),)
    return found


def maintenance_jobs(folder: Path) -> tuple[Maintenance, ...]:
    """The usual cron jobs whose scripts stand in ``folder``."""
    there = [preset for script, preset in SCRIPTS.items() if (folder / "cron_scripts" / script).is_file()]
    return tuple(Maintenance(preset=preset, folder=str(folder)) for preset in there)


async def dolphin(budget_s: float) -> bool:
    """Whether the local API of Dolphin Anty listens: it answers with a document of its own, logged in or not."""
    answer = await asked(Url("http://127.0.0.1:3001"), "/v1.0/browser_profiles", budget_s)
    return isinstance(answer, dict) and bool(answer.keys() & {"data", "success", "error"})


async def automation(budget_s: float, first: int = FIRST_WORKER) -> int:
    """How many automation workers listen on the usual ports, one after the other from the first."""
    urls = [Url(f"http://127.0.0.1:{port}") for port in range(first, first + MOST_WORKERS)]
    answers = await asyncio.gather(*(asked(url, "/api/v1/health/simple", budget_s) for url in urls))
    return len(list(takewhile(lambda answer: isinstance(answer, dict) and flag(answer) is not None, answers)))


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
