"""The balance sync: overdue, failing, slow, cut off; and what that means for the balances."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.findings import Evidence, Finding
from unstick.board.held import Held
from unstick.board.rules.rule import Case, Rule
from unstick.board.sync import Sync, failed
from unstick.facts.level import Level
from unstick.facts.units import duration

SLOW = 0.5
"""Of the span between two syncs: a run that takes longer may meet the next."""


def _sources(case: Case) -> tuple[str, ...]:
    return tuple(name for name, state in case.sources.items() if state.source.system == "sync")


def _said_by(sync: Sync) -> str:
    """The API where it said when it succeeded last, else the rows themselves."""
    return "sync" if sync.lag_from == "API" else "sync-data"


def _unsynced(sync: Sync) -> tuple[int | None, str]:
    """About how many balances differ, by the share of the sample, and in words."""
    drift = sync.drift
    if drift is None or not drift.sampled:
        return None, ""
    off = drift.differing + drift.missing + drift.unreadable
    share = off / drift.sampled
    return round(share * (sync.rows or drift.sampled)), f"{100 * share:.0f} % of sampled balances differ"


def _overdue(case: Case) -> Iterator[Finding]:
    sync = case.subjects.sync
    if sync is None or not sync.overdue:
        return
    late = sync.lag_s is not None and sync.lag_s > 3 * sync.every_s
    number, words = _unsynced(sync)
    percent = 0.0 if sync.drift is None or not sync.drift.sampled else 100 * sync.drift.differing / sync.drift.sampled
    differ = f", {words}" if words and percent >= case.context.thresholds.drift_warning else ""
    lag = "last success unknown" if sync.lag_s is None else f"last success {duration(sync.lag_s)} ago"
    source = _said_by(sync)
    text = f"{lag}, due every {duration(sync.every_s)} (overdue after one and a half times that)"
    evidence = [Evidence(text, sync.lag_s, 1.5 * sync.every_s, "sync.every", source, case.age_s(source))]
    if sync.due_in_s is not None and sync.due_in_s < 0:
        due = f"it was due {duration(-sync.due_in_s)} ago by its own schedule"
        evidence.append(Evidence(due, -sync.due_in_s, 0.5 * sync.every_s, "sync.every", "sync", case.age_s("sync")))
    if words and sync.drift is not None:
        sample = f"{words} ({sync.drift.sampled} compared, the largest difference {sync.drift.largest or 'unknown'})"
        limit = case.context.thresholds.drift_warning
        evidence.append(Evidence(sample, percent, limit, "thresholds.drift_warning", "sync-data"))
    held: Held = (("balances", number or 0),)
    yield Finding(
        "sync-overdue",
        Level.CRITICAL if late else Level.WARNING,
        f"balance sync overdue{differ}; {lag}",
        tuple(evidence),
        held,
        f"due every {duration(sync.every_s)}",
        0.0 if sync.lag_s is None else sync.lag_s - sync.every_s,
        action="sync-balances",
        sources=_sources(case),
    )


OVERDUE = Rule(
    "sync-overdue",
    "sync",
    _overdue,
    "The balance sync does not run when it should: cache and database drift apart.",
    "Its last success is older than one and a half times its period, or its own schedule passed by half a period; "
    "critical from three periods.",
    "It is due hourly at :00 and at 02:00; when it stopped, users saw yesterday's balances.",
    "Trigger a sync; look at beat and at the worker that runs it.",
    ("sync.every", "thresholds.drift_warning"),
)


def _links(case: Case) -> Iterator[Finding]:
    sync = case.subjects.sync
    for ok, name, topic in (
        (sync.redis_ok if sync else None, "Redis", "redis"),
        (sync.database_ok if sync else None, "the database", "postgres"),
    ):
        if ok is False:
            yield Finding(
                f"sync-cut-off:{topic}",
                Level.CRITICAL,
                f"the balance sync lost {name}",
                (Evidence(f"it says so itself: no link to {name}", None, None, "", "sync", case.age_s("sync")),),
                about=(("link", topic),),
                sources=("sync",),
            )


CUT_OFF = Rule(
    "sync-cut-off",
    "sync",
    _links,
    "The balance sync can't reach Redis or its database.",
    "Its health says so. Where that server can't be seen from here either, it is the cause.",
    "A sync without one of the two copies nothing, or the wrong way.",
    "Look at the network between the service and that server.",
)


def _failing(case: Case) -> Iterator[Finding]:
    sync = case.subjects.sync
    if sync is None or not (sync.errors or failed(sync.status)):
        return
    said = [f"says {sync.status}"] if failed(sync.status) else []
    said += [f"{sync.errors} errors in the last run"] if sync.errors else []
    of = f" of {sync.processed} processed" if sync.processed else ""
    yield Finding(
        "sync-errors",
        Level.WARNING,
        f"balance sync {', '.join(said)}",
        (Evidence(f"{sync.errors or 0} errors{of}", sync.errors, 0, "", "sync", case.age_s("sync")),),
        (("balances", sync.errors or 0),),
        sources=("sync",),
    )


FAILING = Rule(
    "sync-errors",
    "sync",
    _failing,
    "The balance sync runs and fails, in part or altogether.",
    "Its status says so, or its last run counted errors.",
    "A sync with errors looks done: its time of success moves on.",
    "Look at the service's log.",
    clear_s=10.0,
)


def _slow(case: Case) -> Iterator[Finding]:
    sync = case.subjects.sync
    if sync is None or sync.last_duration_s is None or sync.last_duration_s < SLOW * sync.every_s:
        return
    took, limit = sync.last_duration_s, SLOW * sync.every_s
    text = f"the last run took {duration(took)} of the {duration(sync.every_s)} between two runs"
    yield Finding(
        "sync-slow",
        Level.WARNING,
        f"balance sync is slow: its last run took {duration(took)}",
        (Evidence(text, took, limit, "sync.every", "sync", case.age_s("sync")),),
        aside=f"due every {duration(sync.every_s)}",
        sources=("sync",),
    )


SLOW_RUN = Rule(
    "sync-slow",
    "sync",
    _slow,
    "The balance sync takes so long that it may meet its next run.",
    "Its last run took more than half of the span between two.",
    "Runs that overlap write over each other.",
    "Look what it waits for; sync fewer balances at a time, or less often.",
    ("sync.every",),
)


def _unreadable(case: Case) -> Iterator[Finding]:
    """Balances that can't be compared; that some differ between two syncs is no more than the life of a cache."""
    drift = case.subjects.sync.drift if case.subjects.sync else None
    if drift is None or not drift.sampled:
        return
    if drift.unreadable:
        title = f"{drift.unreadable} of {drift.sampled} sampled balances can't be read"
    elif drift.missing == drift.sampled:
        title = "none of the sampled balances exists in Redis"
    else:
        return
    text = f"{drift.sampled} compared: {drift.missing} missing, {drift.unreadable} unreadable"
    yield Finding(
        "balances-unreadable",
        Level.WARNING,
        title,
        (Evidence(text, drift.unreadable or drift.missing, 0, "", "sync-data", case.age_s("sync-data")),),
        (("balances", drift.unreadable or drift.missing),),
        sources=("sync-data",),
    )


UNREADABLE = Rule(
    "balances-unreadable",
    "sync",
    _unreadable,
    "Cached balances are not there at all, or are no numbers.",
    "A sample of rows is compared with its keys: all are missing, or some can't be read as decimals.",
    "A cache that was flushed or written by another version is no lag: no sync was late.",
    "Look at sync.balance_key and at who writes there; trigger a sync.",
    ("sync.balance_key",),
)


def _future(case: Case) -> Iterator[Finding]:
    sync = case.subjects.sync
    if sync is not None and sync.in_future and sync.lag_s is not None:
        text = f"last success lies {duration(-sync.lag_s)} in the future"
        yield Finding(
            "sync-clock",
            Level.UNKNOWN,
            f"cannot tell: balance sync's {text}: a clock or a time zone is off",
            (Evidence(text, -sync.lag_s, None, "", _said_by(sync), case.age_s(_said_by(sync))),),
            sources=_sources(case),
        )


FUTURE = Rule(
    "sync-clock",
    "sync",
    _future,
    "Nobody can tell how late the balance sync is: its clock or its time zone is off.",
    "Its last success lies more than a minute in the future.",
    "A time without a zone was read as local time: three hours of lag looked like none.",
    "Let the service tell times in UTC, with a zone.",
)
