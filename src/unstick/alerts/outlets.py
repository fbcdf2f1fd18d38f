"""The ways a message can go: the terminal's bell, a command without a shell, a webhook with JSON."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Sequence

import msgspec

from unstick.alerts.desk import Alert, ways
from unstick.facts.text import clean
from unstick.settings import Alerts

PATIENCE_S = 10.0
"""How long a command or a webhook may take."""
QUEUED = 100


async def send(alert: Alert, settings: Alerts) -> dict[str, str]:
    """Send ``alert`` by every configured way; the reason of each that failed, empty where it arrived."""
    return {way: await _by(way, alert, settings) for way in ways(settings)}


async def _by(way: str, alert: Alert, settings: Alerts) -> str:
    match way:
        case "bell":
            return _ring()
        case "command":
            return await _run(settings.command, alert)
    from unstick.backends.base import BackendError  # noqa: PLC0415 - the driver is imported only where it is used
    from unstick.backends.webhook import post  # noqa: PLC0415

    try:
        assert settings.webhook is not None  # noqa: S101 - tells the type checker
        await post(settings.webhook, msgspec.json.encode(alert), PATIENCE_S)
    except BackendError as error:
        return error.trouble.text
    return ""


def _ring() -> str:
    if not sys.stderr.isatty():
        return "standard error is no terminal"
    sys.stderr.write("\a")
    sys.stderr.flush()
    return ""


async def _run(command: Sequence[str], alert: Alert) -> str:
    """Run ``command``: ``{title}`` and the other fields in its arguments, the message as JSON on its input."""
    fields = {name: "" if value is None else str(value) for name, value in msgspec.to_builtins(alert).items()}
    arguments = [_filled(argument, fields | {"line": alert.line()}) for argument in command]
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return clean(f"{command[0]}: {os.strerror(error.errno or 0).lower()}", 200)
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, said = await process.communicate(msgspec.json.encode(alert))
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"{command[0]}: no end within {PATIENCE_S:g} s, killed"
    words = clean(" ".join(said.decode("utf-8", "replace").split()), 150)
    return "" if process.returncode == 0 else clean(f"{command[0]}: status {process.returncode}: {words}", 300)


def _filled(argument: str, fields: dict[str, str]) -> str:
    """Every field in one pass: what a field says is not looked at again."""
    return re.sub(r"\{(\w+)\}", lambda match: fields.get(match[1], match[0]), argument)


class Courier:
    """Carries messages beside whoever watches: a slow webhook delays no look. What can't be carried is counted."""

    def __init__(self, settings: Alerts) -> None:
        self._settings = settings
        self._queue: asyncio.Queue[Alert] = asyncio.Queue(QUEUED)
        self._task: asyncio.Task[None] | None = None
        self.troubles: dict[str, str] = {}
        """The newest failure of each way."""

    def carry(self, alerts: Sequence[Alert]) -> None:
        """Take messages along; the oldest wait longest, and what is too much is dropped."""
        for alert in alerts:
            if not self._queue.full():
                self._queue.put_nowait(alert)
        if self._task is None and not self._queue.empty():
            self._task = asyncio.ensure_future(self._work())

    async def close(self) -> None:
        """Send what is left, for as long as one message may take."""
        if self._task is not None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._queue.join()
            except TimeoutError:
                self.troubles["close"] = f"{self._queue.qsize()} messages were not sent"
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        while True:
            alert = await self._queue.get()
            try:
                self.troubles |= {way: why for way, why in (await send(alert, self._settings)).items() if why}
            finally:
                self._queue.task_done()
