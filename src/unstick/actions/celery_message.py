"""A Celery task as a message, by its name alone: protocol 2, as kombu 5 writes it.

https://docs.celeryq.dev/en/stable/internals/protocol.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

EXPIRES_S = 600.0
"""A trigger that nobody takes is forgotten, instead of running at night."""


def body(arguments: Sequence[str]) -> bytes:
    """Arguments, no keywords, nothing to be called afterwards."""
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return json.dumps([list(arguments), {}, embed]).encode()


def headers(task: str, task_id: str, arguments: Sequence[str], *, origin: str, expires: str | None) -> dict[str, Any]:
    """What tells the worker which task it is; ``expires`` is ISO 8601, by the clock of the broker."""
    return {
        "lang": "py",
        "task": task,
        "id": task_id,
        "root_id": task_id,
        "parent_id": None,
        "group": None,
        "group_index": None,
        "shadow": None,
        "eta": None,
        "expires": expires,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": repr(tuple(arguments)),
        "kwargsrepr": "{}",
        "origin": origin,
        "ignore_result": False,
        "stamped_headers": None,
        "stamps": {},
    }


def for_redis(known: dict[str, Any], payload: bytes, queue: str) -> str:
    """The envelope that kombu's Redis transport puts into a list."""
    return json.dumps(
        {
            "body": base64.b64encode(payload).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": known,
            "properties": {
                "correlation_id": known["id"],
                "reply_to": known["id"],
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": known["id"],
            },
        }
    )
