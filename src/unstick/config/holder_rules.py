"""What a second name of a worker must say: templates that can be taken apart, of fields that both have."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.facts.template import TemplateError, matching, parsed
from unstick.settings import Context, Holder


def holder_problems(holder: Holder) -> Iterator[tuple[str, str, str]]:
    """Each key that is wrong, what is wrong with it, and what mends it."""
    fields: tuple[str, ...] | None = None
    try:
        fields = matching(holder.match)[1]
    except TemplateError as error:
        yield "match", error.what, error.mend
    try:
        used = parsed(holder.worker)[1]
    except TemplateError as error:
        yield "worker", error.what, error.mend
        return
    strange = [field for field in used if fields is not None and field not in fields]
    if strange and fields is not None:
        known = ", ".join(f"{{{field}}}" for field in fields) or "none"
        yield "worker", f"{{{strange[0]}}} is no field of match", f"match has {known}"


def broker_problem(context: Context, broker: str) -> tuple[str, str] | None:
    """What is wrong with a worker's broker, and what mends it."""
    names = [*(entry.name for entry in context.dramatiq), *(entry.name for entry in context.celery)]
    if not broker or broker in names:
        return None
    return f"no [[dramatiq]] or [[celery]] is called {broker!r}", f"known: {', '.join(names) or 'none'}"
