"""``unstick alerts test``: one message by every configured way, and whether it arrived."""

from __future__ import annotations

import asyncio
from pathlib import Path

from unstick import clock
from unstick.alerts.desk import trial, ways
from unstick.alerts.outlets import send
from unstick.cli.codes import CONFIG, DONE, UNAVAILABLE
from unstick.cli.complaint import complain
from unstick.cli.start import open_config
from unstick.cli.stdout import say


def run_test(path: Path | None, context: str | None) -> int:
    """Send a test message; 0 when all of them arrived."""
    loaded = open_config(path, context)
    if isinstance(loaded, int):
        return loaded
    settings = loaded.context.alerts
    if not list(ways(settings)):
        complain('no alert is configured; mend: [alerts] bell = true, command = ["…"] or webhook = "https://…"')
        return CONFIG
    results = asyncio.run(send(trial(loaded.context.name, clock.now()), settings))
    say(f"{way}: {f'failed: {why}' if why else 'sent'}" for way, why in results.items())
    return UNAVAILABLE if any(results.values()) else DONE
