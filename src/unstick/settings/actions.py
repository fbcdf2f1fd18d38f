"""What may be changed, by whom, and how much at once."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from unstick.settings.forms import BrokerUrl, Count, HttpUrl, Label, Percent, PostgresUrl, RedisUrl, Seconds, Table

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
"""``{worker}``; other braces stand for themselves."""


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``unstick guard``: frees by itself what is provably stuck; stops itself when anything is not as expected."""

    every_s: Seconds = 300.0
    """How often it looks; what it frees was seen unchanged in two looks."""
    rows: Count = 20
    """More rows in one round stop it: a human should look."""
    rows_per_hour: Count = 60
    """More rows in one hour stop it."""
    idle_workers: bool = False
    """Free as well what silent workers hold whose container still works, or while no task waits: idle ones, maybe."""
    tasks: bool = False
    """Return the expired tasks of dead workers to pending as well."""


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action of your own: a program, or an HTTP request. ``{worker}`` and the like stand for values of a row."""

    name: Label
    """How it is called."""
    command: tuple[str, ...] = ()
    """Program and arguments, run without a shell: ``["docker", "restart", "{container}"]``."""
    url: HttpUrl | None = None
    """Instead of a program: the server that gets a request."""
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    """Of the request."""
    path: str = "/"
    """Of the request; values are quoted."""
    body: str = ""
    """Of the request; values are written as inside a JSON text."""
    content_type: str = "application/json"
    """Of the body."""
    bearer_file: str | None = None
    """A private file with the token that is sent as ``Authorization: Bearer``."""
    confirm: str = ""
    """What the preview says of it."""
    dangerous: bool = False
    """A count must be typed before it runs, by whomever."""
    timeout_s: Seconds = 30.0
    """Then the program is killed, or the request given up."""

    @property
    def does(self) -> str:
        """In a line, with its placeholders."""
        address = "" if self.url is None else self.url.address
        return " ".join(self.command) or f"{self.method} {address}{self.path}"

    @property
    def wants(self) -> frozenset[str]:
        """The names of its placeholders."""
        templates = (*self.command, self.path, self.body)
        return frozenset(match[1] for template in templates for match in PLACEHOLDER.finditer(template))


class Actions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed, how much at once, and where it is written down. See docs/actions.md."""

    read_only: bool = False
    """Nothing is changed in this context, whatever is asked for: only ``--dry-run`` and previews remain."""
    allow: tuple[Literal["free-proxies", "drain-locks", "sync-balances"], ...] = (
        "free-proxies",
        "drain-locks",
        "sync-balances",
    )
    """Actions that may be applied."""
    postgres_url: PostgresUrl | None = None
    """The operator's own login (see ``unstick grants``); unset: that of ``[postgres]``."""
    redis_url: RedisUrl | None = None
    """The operator's own login for locks in Redis; unset: that of ``[locks]``."""
    broker_url: BrokerUrl | None = None
    """The operator's own login for the broker that ``sync.task`` is sent to; unset: that of ``[[celery]]``."""
    follow_s: Seconds = 120.0
    """How long a sync that was started is followed until its effect is seen."""
    rows: Count = 50
    """More rows at once need their count typed."""
    pool_percent: Percent = 25.0
    """As ``rows``, in percent of the proxy pool."""
    unchanged_s: Seconds = 60.0
    """How long a row must have stood unchanged before it may be freed."""
    lock_timeout_s: Annotated[float, Meta(gt=0, le=30)] = 0.1
    """How long an action waits for locks at most: workers may wait behind it."""
    panic_file: str = "/run/unstick.panic"
    """While this file exists nothing is changed by anybody on this host."""
    audit: str = ""
    """File with a line per intent and outcome; unset: ``audit.jsonl`` in the user's state directory."""
    audit_table: Table | None = None
    """Table that gets a row in the transaction of each action; see ``unstick grants``."""
    syslog: bool = False
    """Outcomes go to syslog as well."""
    guard: Guard = Guard()
    """Limits of ``unstick guard``."""
    own: tuple[Own, ...] = ()
    """Actions of your own."""
