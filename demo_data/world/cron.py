"""The five maintenance jobs and what they leave behind in ``WORLD_JOBS``: logs, metrics, rotated logs, backups.

Their periods are those of the deployment guide: 15 minutes, 5 minutes, a minute, daily, daily.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from demo_data.world.common import iso, now, setting

DAY_S = 86_400
KEPT = 10
"""Files of metrics."""

stop = threading.Event()


def append(path: Path, text: str) -> None:
    """One line of a log, behind its time."""
    with path.open("a") as log:
        log.write(f"{iso(now())} {text}\n")


def metrics(folder: Path) -> None:
    """A small document; the oldest are removed."""
    (folder / f"metrics_{now():%Y%m%dT%H%M%S}.json").write_text(json.dumps({"collected_at": iso(now())}))
    for old in sorted(folder.glob("metrics_*"))[:-KEPT]:
        old.unlink()


def archive(path: Path, size: int, age_s: float = 0.0) -> None:
    """A file that cannot be made smaller, ``age_s`` old."""
    path.write_bytes(gzip.compress(os.urandom(size)))
    at = (now() - timedelta(seconds=age_s)).timestamp()
    os.utime(path, (at, at))


def backup(folder: Path) -> None:
    """Today's backup."""
    archive(folder / f"world_{now():%Y%m%dT%H%M%S}.sql.gz", 42_000)


def main() -> None:
    """What was left yesterday, then each job at once and at its time, until SIGTERM."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    logs, counts, backups = (Path(setting("WORLD_JOBS")) / name for name in ("logs", "metrics", "backups"))
    for folder in (logs, counts, backups):
        folder.mkdir(parents=True, exist_ok=True)
    archive(backups / "world_yesterday.sql.gz", 40_000, DAY_S)
    jobs: dict[float, list[Callable[[], None]]] = {
        900: [lambda: append(logs / "lock_cleanup.log", "Lock cleanup completed: 0 removed")],
        300: [lambda: append(logs / "health_check.log", "All services healthy")],
        60: [lambda: metrics(counts)],
        DAY_S: [lambda: archive(logs / "bot.log.1.gz", 4_000), lambda: backup(backups)],
    }
    for each in jobs.values():
        for job in each:
            job()
    passed = 0
    while not stop.wait(60):
        passed += 60
        for every, each in jobs.items():
            for job in each if passed % every == 0 else ():
                job()


if __name__ == "__main__":
    main()
