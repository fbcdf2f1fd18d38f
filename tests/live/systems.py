"""What the tests of single systems share: a context of one system, its row, its findings, and waiting for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tests.live.stack import Watch, until
from unstick.board.findings import Finding
from unstick.board.judged import Judged
from unstick.board.services import Service
from unstick.settings import Context, Host, Intervals, Servers

PATIENCE_S = 45.0
HASTE = Intervals(**dict.fromkeys(Intervals.__struct_fields__, 0.2))
"""Below the floors: the fixture ``hasty`` takes those away."""


def watching_only(**parts: Any) -> Context:
    """A context of ``parts`` and nothing else."""
    host, servers = Host(enabled=False), Servers(postgres=False, redis=False)
    return msgspec.structs.replace(Context(name="one", host=host, servers=servers, intervals=HASTE), **parts)


def row(watch: Watch, name: str) -> Service | None:
    """The service called ``name`` once its newest answer was judged."""
    items = watch.board.subjects.services.items if watch.board else ()
    return next((item for item in items if item.name == name and item.judged), None)


def judged(watch: Watch, name: str) -> Judged:
    """What was made of it."""
    found = row(watch, name)
    assert found is not None
    assert found.judged is not None
    return found.judged


def numbers(watch: Watch, name: str) -> dict[str, float | None]:
    """The numbers of its row; empty before there is one."""
    return dict(judged(watch, name).numbers) if row(watch, name) else {}


def finding(watch: Watch, name: str) -> Finding | None:
    """The finding whose id is ``name``."""
    return next((each for each in (watch.board.findings if watch.board else ()) if each.id == name), None)


def title(watch: Watch, name: str) -> str:
    """The title of a finding; empty while there is none."""
    found = finding(watch, name)
    return found.title if found else ""


async def seen(check: Callable[[], bool], what: str) -> None:
    """Waits for ``check``."""
    assert await until(check, PATIENCE_S) is not None, what


def value_of(watch: Watch, name: str) -> Any:
    """The newest fact of one source; ``None`` before there is one."""
    observed = watch.board.frame.observations if watch.board else ()
    return next((getattr(o.reading, "value", None) for o in observed if o.source.id == name), None)
