"""``unstick guard``: without a screen, every few minutes; a line per receipt, on standard output."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
from pathlib import Path

from unstick import clock, loops
from unstick.actions.actor import present
from unstick.actions.guard import Guard, StoppedError
from unstick.backends.base import BackendError
from unstick.cli.actions import CODES, TROUBLES, gate_of
from unstick.cli.codes import DONE, INPUT_OUTPUT
from unstick.cli.complaint import complain
from unstick.cli.logs import log_to_file
from unstick.cli.start import open_context
from unstick.cli.stdout import say
from unstick.facts.actions import Receipt, State
from unstick.facts.units import duration, timestamp
from unstick.settings import Context
from unstick.views import receipt as receipts

UNIT = """\
[Unit]
Description=unstick guard: frees what dead workers hold
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={command}
# 12 and 13 are its own stops, 64, 77 and 78 mistakes of the configuration, 70 a bug, 74 an audit log that can't be
# written: a human should look.
Restart=on-failure
RestartSec=60
RestartPreventExitStatus=12 13 64 70 74 77 78
User={user}
StateDirectory=unstick
Environment=XDG_STATE_HOME=%S
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"""


def run_guard(path: Path | None, context: str | None, *, once: bool, as_json: bool) -> int:
    """Guard until it stops itself or is told to; the exit code."""
    log_to_file()
    opened = open_context(path, context)
    return opened if isinstance(opened, int) else loops.run(_guarded(opened, once=once, as_json=as_json))


def print_unit(path: Path | None, context: str | None) -> int:
    """Print a systemd unit that runs the guard with the same options."""
    words = [sys.executable, "-m", "unstick", "guard"]
    words += ["--config", str(path.resolve())] if path is not None else []
    words += ["--context", context] if context is not None else []
    command = shlex.join(words).replace("%", "%%")
    say([UNIT.format(command=command, user=present(os.environ).user).rstrip("\n")])
    return DONE


async def _guarded(context: Context, *, once: bool, as_json: bool) -> int:
    loop = asyncio.get_running_loop()
    guarding = asyncio.ensure_future(_rounds(context, once=once, as_json=as_json))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, guarding.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await guarding
    return DONE


async def _rounds(context: Context, *, once: bool, as_json: bool) -> int:
    gate = gate_of(context)
    guard = Guard(context, gate, clock.monotonic)
    settings = context.actions.guard
    limits = f"{settings.rows} rows a round and {settings.rows_per_hour} an hour at most"
    complain(f"guard of {context.name}: every {duration(settings.every_s)}, {limits}")
    try:
        for receipt in await gate.recover():
            _print(receipt, as_json=as_json)
        while True:
            code = await _round(guard, as_json=as_json)
            if code is not None:
                return code
            if once and not guard.again_s:
                return DONE
            await asyncio.sleep(guard.again_s + 0.05 if once else settings.every_s)
    except OSError as error:
        complain(f"audit: {error}; mend: set actions.audit to a file that can be written")
        return INPUT_OUTPUT
    finally:
        await gate.close()


async def _round(guard: Guard, *, as_json: bool) -> int | None:
    """One round; the exit code when it was the last."""
    try:
        receipt = await guard.round()
    except StoppedError as error:
        complain(f"guard stops: {error}; mend: look, then start it again")
        return CODES[error.outcome]
    except BackendError as error:
        complain(f"{error}; looking again")
        return TROUBLES.get(error.trouble.kind)
    if receipt is not None:
        _print(receipt, as_json=as_json)
    return None


def _print(receipt: Receipt, *, as_json: bool) -> None:
    if as_json:
        say([json.dumps(receipts.as_json(receipt), allow_nan=False)])
        return
    ids = ", ".join(f"{one.id} of {one.holder}" for one in receipt.results if one.state is State.DONE)
    say([f"{timestamp(receipt.at)} {receipt.outcome.value}: {receipt.text}{f': {ids}' if ids else ''}"])
