"""``unstick doctor``: what can be reached, with which rights, and the line that mends what is missing."""

from __future__ import annotations

import asyncio
import json as json_format
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from unstick import loops
from unstick.cli.checkup.check import Check, Mark
from unstick.cli.codes import DONE, NO_PERMISSION, UNAVAILABLE
from unstick.cli.discovery import discover
from unstick.settings import Context

if TYPE_CHECKING:
    from unstick.config import Loaded

SCHEMA = 1

_GLYPHS = {
    Mark.OK: ("●", "+", "32"),
    Mark.NOTE: ("·", ".", "2"),
    Mark.UNKNOWN: ("?", "?", "36"),
    Mark.WARNING: ("▲", "!", "33"),
    Mark.MISSING: ("✖", "x", "31"),
    Mark.DOWN: ("✖", "x", "31"),
}
"""Glyph, the same without UTF-8, and its colour (SGR)."""


def run(loaded: Loaded, *, json: bool = False) -> int:
    """Print the checks; 0 for well or only warned of, 69 when a server is down, 77 when a right is missing."""
    from unstick.cli.checkup.here import here  # noqa: PLC0415 - not needed to print help

    encoding = sys.stdout.encoding or "ascii"
    context, found = loops.run(examined(loaded))
    checks = [*here(context, loaded.path, os.environ, encoding=encoding), *found]
    code = exit_code(checks)
    if json:
        sys.stdout.write(as_json(context, checks, code) + "\n")
    else:
        unicode = encoding.lower().replace("-", "") == "utf8"
        sys.stdout.write("".join(f"{line}\n" for line in as_text(checks, unicode=unicode, colour=_colour())))
    return code


async def examined(loaded: Loaded) -> tuple[Context, list[Check]]:
    """The context that would be watched, and the checks of its servers, all asked at once."""
    from unstick.cli.checkup.actions import actions  # noqa: PLC0415 - drivers, imported when they are asked
    from unstick.cli.checkup.beside import beside  # noqa: PLC0415
    from unstick.cli.checkup.endpoints import endpoints  # noqa: PLC0415
    from unstick.cli.checkup.postgres import postgres  # noqa: PLC0415
    from unstick.cli.checkup.rabbitmq import rabbitmq  # noqa: PLC0415
    from unstick.cli.checkup.redis import redis  # noqa: PLC0415

    context = await discover(loaded.context) if loaded.discover else loaded.context
    servers = postgres(context), redis(context), rabbitmq(context)
    answers = await asyncio.gather(*servers, endpoints(context), beside(context), actions(context))
    return context, [check for answer in answers for check in answer]


def exit_code(checks: Iterable[Check]) -> int:
    """The worst of them: a server that is down before a right that is missing."""
    marks = {check.mark for check in checks}
    if Mark.DOWN in marks:
        return UNAVAILABLE
    return NO_PERMISSION if Mark.MISSING in marks else DONE


def as_text(checks: Iterable[Check], *, unicode: bool, colour: bool) -> Iterator[str]:
    """Aligned lines; what mends a check stands below it."""
    known = list(checks)
    width = max((len(check.subject) for check in known), default=0)
    for check in known:
        glyph, ascii_glyph, sgr = _GLYPHS[check.mark]
        head = f"{glyph if unicode else ascii_glyph} {check.mark.value:<7}"
        shown = f"\x1b[{sgr}m{head}\x1b[0m" if colour else head
        yield _fit(f"{shown}  {check.subject:<{width}}  {check.text}", unicode=unicode)
        if check.mend:
            yield _fit(f"{'':<{11 + width}}  mend: {check.mend}", unicode=unicode)


def _fit(line: str, *, unicode: bool) -> str:
    return line if unicode else line.encode("ascii", "backslashreplace").decode()


def as_json(context: Context, checks: Iterable[Check], code: int) -> str:
    """One object; schema 1."""
    listed = [
        {"subject": check.subject, "level": check.mark.value, "text": check.text, "mend": check.mend or None}
        for check in checks
    ]
    return json_format.dumps({"schema": SCHEMA, "context": context.name, "exit_code": code, "checks": listed})


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
