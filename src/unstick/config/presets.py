"""Entries that are known by one word: their blanks are filled with what the word stands for."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from unstick.secret import Url
from unstick.settings import Dependency, Maintenance

EntryT = TypeVar("EntryT", Dependency, Maintenance)

DAY_S = 86_400.0
DEPENDENCIES = {
    "dolphin-anty": Dependency(
        name="Dolphin Anty",
        url=Url("http://localhost:3001/v1.0/browser_profiles"),
        hint="start Dolphin Anty, log in, and switch on the local API in its settings (DOLPHIN_API_HOST)",
    )
}
MAINTENANCE = {
    "locks": Maintenance(name="lock cleanup", files=("logs/lock_cleanup.log",), every_s=900.0, last_line=True),
    "health": Maintenance(name="health check", files=("logs/health_check.log",), every_s=300.0, last_line=True),
    "metrics": Maintenance(name="metrics", files=("metrics/*",), every_s=60.0),
    "rotate": Maintenance(name="log rotation", files=("logs/*.gz", "logs/*.log.*", "logs/*.log-*"), every_s=DAY_S),
    "backup": Maintenance(name="database backup", files=("backups/*",), every_s=DAY_S, backup=True),
}
"""The five cron jobs of the deployment guide: every 15 minutes, 5 minutes, minute, daily at 02:00 and at 03:00."""


LOG_PATTERNS = {
    "dns": r"Name or service not known|Temporary failure in name resolution|\[Errno -[23]\]",
    "greenlet": r"greenlet_spawn has not been called",
    "channel": r"ChannelInvalidStateError|No active transport in channel|Connection was not opened",
    "reset": r"Connection reset by peer|ConnectionResetError|Server connection reset",
    "rate-limit": r"Too Many Requests|Rate limit exceeded|(?:(?<![\w.,:-])|(?<=\":))429(?![\w-]|\.\d)",
    "connections": r"(?i:too many connections|too many clients already|remaining connection slots)",
    "bot-blocked": r"bot was blocked by the user|user is deactivated",
    "closed": r"client unexpectedly closed TCP connection",
}
"""The shapes of error that the incident notes tell of; a line belongs to the first that it matches."""


def dependency(entry: Dependency) -> Dependency:
    """``entry`` with the blanks of its preset filled."""
    return _filled(entry, DEPENDENCIES[entry.preset]) if entry.preset else entry


def maintenance(entry: Maintenance) -> Maintenance:
    """``entry`` with the blanks of its preset filled."""
    return _filled(entry, MAINTENANCE[entry.preset]) if entry.preset else entry


def _filled(entry: EntryT, preset: EntryT) -> EntryT:
    """What the entry leaves at its default is the preset's."""
    blank = type(entry)()
    unsaid = [name for name in entry.__struct_fields__ if getattr(entry, name) == getattr(blank, name)]
    return msgspec.structs.replace(entry, **{name: getattr(preset, name) for name in unsaid if name != "preset"})
