"""What is watched beside the job systems: this host, dependencies, maintenance, logs and numbers of your own."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from unstick.settings.forms import Count, DependencyUrl, HttpUrl, Label, Percent, RedisUrl, Seconds


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This host."""

    enabled: bool = True
    """``false`` leaves this host out."""
    cpu_warning: Percent = 85.0
    """Percent of all cores."""
    cpu_critical: Percent = 97.0
    """Percent of all cores."""
    memory_warning: Percent = 85.0
    """Percent of memory that is not available."""
    memory_critical: Percent = 95.0
    """Percent of memory that is not available."""
    disk_warning: Percent = 85.0
    """Percent of the fullest file system."""
    disk_critical: Percent = 95.0
    """Percent of the fullest file system."""


class Dependency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that the stack leans on: a web address, a port, a name."""

    name: Label = ""
    """How the board calls it; unset: its address, or its preset's name."""
    preset: Literal["dolphin-anty"] | None = None
    """``dolphin-anty``: the local API of Dolphin Anty on port 3001."""
    url: DependencyUrl | None = None
    """``http://HOST/PATH``, ``tcp://HOST:PORT``, ``tls://HOST:PORT`` or ``dns://NAME``; unset: the preset's."""
    status: tuple[Annotated[int, Meta(ge=100, le=599)], ...] = ()
    """Statuses that count as up; empty: those below 400, 401 and 403."""
    timeout_s: Annotated[float, Meta(gt=0, le=30)] = 3.0
    """Longer than this is down."""
    slow_s: Seconds = 2.0
    """Longer than this is slow."""
    tls_warning_s: Seconds = 14 * 86_400.0
    """How long before its certificate ends; critical in the last fifth of that."""
    hint: Annotated[str, Meta(max_length=200, extra={"form": "label"})] = ""
    """What to do when it is down: shown with the finding."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or (self.url.address if self.url else self.preset or "")


class Maintenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job that leaves files behind on this host: how old the newest is tells whether it still runs."""

    name: Label = ""
    """How the board calls it; unset: the preset's name, or the first of ``files``."""
    preset: Literal["locks", "health", "metrics", "rotate", "backup"] | None = None
    """One of the five usual cron jobs, whose ``files`` and ``every`` are known."""
    folder: str = ""
    """Where relative ``files`` begin; unset: the working directory."""
    files: tuple[str, ...] = ()
    """Patterns of the files that it writes: ``backups/*.sql.gz``."""
    every_s: Seconds = 86_400.0
    """How often it is due; late is a tenth and a minute more than that, critical another period later."""
    last_line: bool = False
    """The age counts by the time at the beginning of the last line, where there is one."""
    backup: bool = False
    """Compare the newest with the one before, and with the room that is left for the next."""
    shrink_warning: Percent = 50.0
    """A backup that is smaller than the one before by so many percent."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or (self.files[0] if self.files else self.preset or "")


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A log of this host that is followed, in files or from a command."""

    name: Label = ""
    """How the board calls it; unset: the command, or its first file."""
    files: tuple[str, ...] = ("logs/*.log",)
    """Patterns of its files; the twenty newest are followed."""
    folder: str = ""
    """Where relative ``files`` begin; unset: the working directory."""
    command: tuple[str, ...] = ()
    """Instead of files a command that goes on printing, ``["docker", "logs", "-f", "bot"]``. It ends with unstick."""
    patterns: tuple[str, ...] = (
        "dns",
        "greenlet",
        "channel",
        "reset",
        "rate-limit",
        "connections",
        "bot-blocked",
        "closed",
    )
    """Which of the known shapes of error are counted."""
    match: dict[str, str] = {}
    """Shapes of your own, by regular expression: ``stuck = "is stuck$"``; they go before the known ones."""
    warning_per_min: Count = 5
    """Lines of one shape within a minute."""
    critical_per_min: Count = 60
    """Lines of one shape within a minute."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or next(iter((*self.command, *self.files)), "")


PROBE_COMMANDS = frozenset(
    {
        *("GET", "STRLEN", "LLEN", "HLEN", "HGET", "HSTRLEN", "SCARD", "ZCARD", "ZCOUNT", "ZSCORE"),
        *("DBSIZE", "EXISTS", "PTTL"),
    }
)
"""Redis commands that read one value."""


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number of your own, by SQL, a Redis command, or over HTTP."""

    name: Label
    """How the board calls it."""
    label: Label = ""
    """What is counted, in words."""
    sql: str = ""
    """One SELECT: the first column of its first row, read-only and within the limits of ``[postgres]``."""
    redis: tuple[str, ...] = ()
    """A command that reads one value, with its arguments: ``["LLEN", "outbox"]``."""
    redis_url: RedisUrl | None = None
    """Unset: the Redis server above."""
    url: HttpUrl | None = None
    """A JSON document, Prometheus text, or the base of a Prometheus server."""
    json: str = ""
    """Dotted path of the number in the document at ``url``: ``queues.0.depth``; unset: it is a number itself."""
    metric: str = ""
    """Of the Prometheus text at ``url``: ``name`` or ``name{label="value"}``; several samples are added."""
    promql: str = ""
    """An instant query to the Prometheus at ``url``; of several series the worst counts."""
    unit: Label = ""
    """Stands behind the number."""
    warning: float | None = None
    """From this value on."""
    critical: float | None = None
    """From this value on."""
    below: bool = False
    """The lower the worse: the limits are reached from above."""


BESIDE = ("automation", "dependency", "maintenance", "probe", "log")
"""What a context may watch without a server of the job systems."""
