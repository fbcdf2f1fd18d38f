"""Actions of the operator's own, from the configuration: a program without a shell, or one HTTP request."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from unstick import clock
from unstick.actions.database import LIVES_S
from unstick.actions.deed import Done, Draft, Intend, Item, RefusedError
from unstick.backends import program
from unstick.backends.base import UnsureError
from unstick.backends.http import Answer
from unstick.backends.http_writes import HttpSender
from unstick.facts.actions import Outcome, OwnAction, Plan, Result, Server, State, Target
from unstick.facts.text import clean, clean_bytes
from unstick.settings import Context
from unstick.settings import Own as Settings
from unstick.settings.actions import PLACEHOLDER

LINES = 20
"""Of the output, the last."""


class Own:
    """One of them, with the values that its placeholders get."""

    def __init__(self, context: Context, order: OwnAction) -> None:
        found = next((one for one in context.actions.own if one.name == order.name), None)
        if found is None:
            names = ", ".join(one.name for one in context.actions.own) or "none"
            raise RefusedError(f"no action of your own is called {order.name}; known: {names}")
        self._context = context
        self._settings: Settings = found
        self._order = order
        values = dict(order.values)
        wanted = found.wants
        if missing := sorted(wanted - values.keys()):
            raise RefusedError(f"{order.name} needs {', '.join(missing)}")
        if unknown := sorted(values.keys() - wanted):
            raise RefusedError(f"{order.name} knows no {', '.join(unknown)}")
        if empty := sorted(name for name, value in values.items() if not value):
            raise RefusedError(f"{', '.join(empty)} is empty: it would reach further than meant")
        self._values = values

    async def look(self) -> Draft:
        """What would be run or sent."""
        settings = self._settings
        if settings.command:
            shown, server = shlex.join(self._arguments()), Server("command", settings.command[0])
        else:
            server = Server("HTTP", settings.url.address if settings.url else "")
            shown = f"{settings.method} {server.address}{self._path()}"
        item = Item("own", server.kind, settings.name, before=self._values)
        plan = Plan(
            id=str(uuid.uuid4()),
            order=self._order,
            context=self._context.name,
            production=self._context.production,
            servers=(Server(server.kind, clean(server.address), identity=clean(server.address)),),
            made_at=clock.now(),
            lives_s=LIVES_S,
            targets=(Target(*item.shown, clean(f"would run: {shown}", 2000)),),
            notes=(clean(settings.confirm),) if settings.confirm else (),
            cap=0 if settings.dangerous else 1,
        )
        return Draft(plan, (item,))

    async def do(self, draft: Draft, intend: Intend) -> Done:
        """Run or send it, once."""
        (item,) = draft.items
        arguments = self._arguments() if self._settings.command else []
        token = self._token()
        await intend({"xid": "", "server": draft.plan.servers[0].identity})
        if arguments:
            outcome, text, output = await self._run(arguments)
        else:
            outcome, text, output = await self._send(draft.plan.id, token)
        state = State.DONE if outcome is Outcome.APPLIED else State.UNKNOWN
        if outcome is Outcome.REFUSED:
            raise RefusedError(text)
        return Done(outcome, text, (Result(*item.shown, state, clean(text)),), tuple(output))

    async def settle(self, intent: Mapping[str, Any]) -> Done:
        """Nobody knows what became of an interrupted one."""
        (item,) = msgspec.convert(intent["items"], tuple[Item, ...])
        text = "what it did is unknown"
        return Done(Outcome.UNKNOWN, text, (Result(*item.shown, State.UNKNOWN, text),))

    def hurry(self) -> None:
        """Its own deadline ends it."""

    async def close(self) -> None:
        """Nothing stays open."""

    def _arguments(self) -> list[str]:
        """Each argument stays one, whatever the values are; none becomes an option. Raises :class:`RefusedError`."""
        for name, value in self._values.items():
            if "\0" in value:
                raise RefusedError(f"{name} holds a NUL")
        for template in self._settings.command[1:]:
            if PLACEHOLDER.match(template) and filled(template, self._values, str).startswith("-"):
                raise RefusedError(f"{template} would become an option of the program")
        return [filled(template, self._values, str) for template in self._settings.command]

    def _path(self) -> str:
        """Raises :class:`RefusedError` for a value that would lead out of where it stands."""
        path = filled(self._settings.path, self._values, lambda value: quote(value, safe=""))
        steps = zip(self._settings.path.split("/"), path.split("/"), strict=True)
        if any(step in {".", ".."} and template != step for template, step in steps):
            raise RefusedError("a value would be a step in the path of the request, not a name")
        return path

    def _token(self) -> str | None:
        if self._settings.bearer_file is None:
            return None
        try:
            return Path(self._settings.bearer_file).expanduser().read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise RefusedError("the token in actions.own.bearer_file can't be read") from None

    async def _run(self, arguments: list[str]) -> tuple[Outcome, str, list[str]]:
        ended = await program.run(arguments, within_s=self._settings.timeout_s)
        output = told(ended.output)
        if ended.code == 0:
            return Outcome.APPLIED, "it ended well", output
        how = (
            f"it was killed after {self._settings.timeout_s:g} s"
            if ended.code is None
            else f"it ended with {ended.code}"
        )
        return Outcome.UNKNOWN, f"{how}; what it did until then is unknown", output

    async def _send(self, name: str, token: str | None) -> tuple[Outcome, str, list[str]]:
        settings = self._settings
        assert settings.url is not None  # noqa: S101 - the configuration has one or the other
        headers = {"idempotency-key": name} | ({"content-type": settings.content_type} if settings.body else {})
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        body = filled(settings.body, self._values, lambda value: json.dumps(value)[1:-1]).encode()
        sender = HttpSender(settings.url, total_s=settings.timeout_s, cap=program.OUTPUT_CAP)
        try:
            answer = await sender.send(settings.method, self._path(), headers=headers, content=body)
        except UnsureError as error:
            return Outcome.UNKNOWN, f"sent, without an answer: {error}", []
        finally:
            await sender.close()
        return _answered(answer)


def filled(template: str, values: Mapping[str, str], as_text: Callable[[str], str]) -> str:
    """``template`` with its placeholders filled, in one pass: a value is never looked into.

    >>> filled("{a}-{b}-{c", {"a": "{b}", "b": "2"}, str)
    '{b}-2-{c'
    """
    return PLACEHOLDER.sub(lambda match: as_text(values[match[1]]) if match[1] in values else match[0], template)


def told(output: bytes) -> list[str]:
    """The last lines of an output, harmless."""
    lines: Iterable[bytes] = output.rstrip().splitlines()[-LINES:]
    return [clean_bytes(line) for line in lines]


def _answered(answer: Answer) -> tuple[Outcome, str, list[str]]:
    output = told(answer.body)
    if 200 <= answer.status < 300:
        return Outcome.APPLIED, f"answered {answer.status}", output
    if answer.status >= 500:
        return Outcome.UNKNOWN, f"answered {answer.status}; what it did is unknown", output
    return Outcome.REFUSED, f"refused: {answer.status}{f': {output[0]}' if output else ''}", output
