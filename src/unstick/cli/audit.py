"""``unstick audit``: what was done on this host, by whom, and with what result."""

from __future__ import annotations

import json
from pathlib import Path

from unstick.actions.audit import Audit, default_path
from unstick.cli.codes import DONE, INPUT_OUTPUT, NO_INPUT
from unstick.cli.complaint import complain
from unstick.cli.start import open_config
from unstick.cli.stdout import say
from unstick.settings import Actions
from unstick.views.audit import Entry, entries, line, lines
from unstick.views.status_text import flat_exactly


def audit_path(settings: Actions) -> Path:
    """Where the audit log of a context is."""
    return Path(settings.audit).expanduser() if settings.audit else default_path()


def run_audit(
    path: Path | None, context: str | None, *, plan: str | None, last: int, only_open: bool, as_json: bool
) -> int:
    """Print the audit log; the exit code."""
    loaded = open_config(path, context)
    if isinstance(loaded, int):
        return loaded
    file = audit_path(loaded.context.actions)
    try:
        found = entries(Audit(file).records())
    except OSError as error:
        complain(f"{file}: {error.strerror}; mend: ask its owner, or name another in actions.audit")
        return INPUT_OUTPUT
    if plan is not None:
        found = [entry for entry in found if entry.id.startswith(plan)]
        if not found:
            complain(f"{file}: no plan {plan}; mend: unstick audit lists them")
            return NO_INPUT
    found = [entry for entry in found if entry.open or not only_open][-last:]
    say(_json(found) if as_json else _text(found, whole=plan is not None))
    return DONE


def _json(found: list[Entry]) -> list[str]:
    """The records as they stand in the file."""
    return [json.dumps(record) for entry in found for record in (entry.intent, entry.outcome) if record is not None]


def _text(found: list[Entry], *, whole: bool) -> list[str]:
    told = (lines(entry) if whole else (line(entry),) for entry in found)
    return [flat_exactly(one).rstrip() for each in told for one in each]
