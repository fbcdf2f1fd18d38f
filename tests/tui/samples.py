"""Told screens by hand: a quiet stack, an incident, sources that are down, and texts that mean harm."""

from __future__ import annotations

import math

from unstick.facts.level import Level
from unstick.views.pane import Bar, Column, Line, PaneView, Role, Row, SortValue, Span, Spark
from unstick.views.screen import Told

OK, WARNING, CRITICAL, UNKNOWN = Level.OK, Level.WARNING, Level.CRITICAL, Level.UNKNOWN


def t(text: str, role: Role = Role.TEXT) -> Line:
    return (Span(text, role),)


def wave(tick: int, base: float, swing: float, count: int = 120) -> tuple[float | None, ...]:
    return tuple(
        max(0.0, base + swing * math.sin((n + tick) / 7) + swing / 2 * math.sin((n + tick) / 2.3))
        for n in range(count)
    )


def row(key: str, level: Level, *cells: tuple[str, SortValue] | str) -> Row:
    """Cells as text, or as text with a sort value."""
    pairs = [cell if isinstance(cell, tuple) else (cell, cell) for cell in cells]
    role = {WARNING: Role.WARNING, CRITICAL: Role.CRITICAL, UNKNOWN: Role.UNKNOWN}.get(level, Role.TEXT)
    lines = tuple(t(text, role if n == 0 and level is not OK else Role.TEXT) for n, (text, _) in enumerate(pairs))
    return Row(key, level, lines, tuple(value for _, value in pairs))


WORKER_COLUMNS = (
    Column("worker", "worker", 18, flex=2),
    Column("kind", "kind", 8, priority=3),
    Column("seen", "seen", 6, "right", priority=1),
    Column("holds", "holds", 10, priority=2, flex=1),
    Column("rate", "ack/s", 6, "right", priority=4),
)


def workers(tick: int, dead: int, count: int = 45) -> PaneView:
    rows = []
    if dead:
        rows.append(
            row(
                "8b4f59aa", CRITICAL, "8b4f59aa ×15", "crawler", ("1h02m", 3720.0), ("15 px 2 lk", 17.0), ("0.0", 0.0)
            )
        )
        rows.append(
            row("web-3", CRITICAL, "dramatiq@web-3", "dramatiq", ("1s", 1.0), ("4 unacked", 4.0), ("0.0", 0.0))
        )
        rows.append(row("b77514be", WARNING, "b77514be_1", "crawler", ("3m10s", 190.0), ("1 px", 1.0), ("0.0", 0.0)))
    for n in range(count - len(rows)):
        seen = (n * 7 + tick) % 4
        kind = ("crawler", "dramatiq", "celery", "http")[n % 4]
        rate = 3 + (n * 13 + tick) % 40 / 10
        rows.append(
            row(
                f"w{n}",
                OK,
                f"{kind}@node-{n // 4 + 1}",
                kind,
                (f"{seen}s", float(seen)),
                (f"{n % 3} px", float(n % 3)),
                (f"{rate:.1f}", rate),
            )
        )
    counts: Line = (Span(str(count - dead), Role.STRONG), Span(" ●", Role.OK))
    if dead:
        counts = (*counts, Span(f"  {dead}", Role.STRONG), Span(" ✖", Role.CRITICAL))
    return PaneView(
        "workers", "Workers", CRITICAL if dead else OK, counts,
        (Spark("acked/s", wave(tick, 40, 12), f"{38 + tick % 5}/s"),), WORKER_COLUMNS, tuple(rows),
    )  # fmt: skip


def proxies(stuck: int) -> PaneView:
    used, blocked = 44, 27
    free = 100 - used - blocked
    bar = Bar(
        (("used", used - stuck, Role.BAR_USED), ("stuck", stuck, Role.BAR_STUCK), ("blocked", blocked, Role.BAR_BLOCKED), ("free", free, Role.BAR_FREE)),
        100,
    )  # fmt: skip
    columns = (
        Column("proxy", "proxy", 6, "right"),
        Column("worker", "worker", 12, flex=1),
        Column("state", "state", 8, priority=2),
        Column("held", "held", 7, "right", priority=1),
    )
    rows = [
        row(f"p{n}", CRITICAL, (str(17 + n), 17.0 + n), "8b4f59aa_3", "stuck", ("1h02m", 3720.0))
        for n in range(stuck)
    ]
    rows += [
        row(f"u{n}", OK, (str(40 + n), 40.0 + n), f"77aa01fe_{n}", "in use", (f"{n + 3}s", n + 3.0))
        for n in range(used - stuck)
    ]
    counts = (
        Span(f"{used}", Role.STRONG),
        Span(" used ", Role.DIM),
        Span(f"{blocked}", Role.STRONG),
        Span(" blocked ", Role.DIM),
        Span(f"{free}", Role.STRONG),
        Span(" free", Role.DIM),
    )
    return PaneView(
        "proxies",
        "Proxies",
        CRITICAL if stuck else OK,
        counts,
        (bar, Spark("free", wave(3, 30, 6), f"{free}")),
        columns,
        tuple(rows),
    )


def queues(tick: int, *, stuck: bool) -> PaneView:
    columns = (
        Column("queue", "queue", 14, flex=1),
        Column("system", "system", 8, priority=3),
        Column("ready", "ready", 7, "right"),
        Column("flight", "flight", 6, "right", priority=1),
        Column("dead", "dead", 5, "right", priority=2),
        Column("oldest", "oldest", 7, "right", priority=1),
    )
    names = (
        "catalog",
        "objects",
        "emails",
        "balance_sync",
        "celery",
        "reports",
        "thumbs",
        "webhooks",
        "exports",
        "retry",
        "feature",
    )
    rows = (
        [
            row(
                "default",
                CRITICAL,
                "default",
                "dramatiq",
                ("1,198", 1198.0),
                ("4", 4.0),
                ("12", 12.0),
                ("29m", 1740.0),
            )
        ]
        if stuck
        else []
    )
    for n, name in enumerate(names):
        ready = (n * 5 + tick) % 17
        rows.append(
            row(
                name,
                OK,
                name,
                ("dramatiq", "celery", "rabbitmq")[n % 3],
                (str(ready), float(ready)),
                (str(n % 4), float(n % 4)),
                ("0", 0.0),
                ("1s" if ready else "—", 1.0 if ready else None),
            )
        )
    counts = (
        Span("12", Role.STRONG),
        Span(" · ", Role.DIM),
        Span("1.2k" if stuck else "94", Role.STRONG),
        Span(" waiting", Role.DIM),
    )
    return PaneView(
        "queues",
        "Queues",
        CRITICAL if stuck else OK,
        counts,
        (
            Spark(
                "waiting",
                wave(tick, 60, 40) if not stuck else tuple(float(n * n) for n in range(90)),
                "1,198" if stuck else "94",
            ),
        ),
        columns,
        tuple(rows),
    )


def channels(*, leak: bool) -> PaneView:
    columns = (
        Column("client", "client", 16, flex=1),
        Column("channels", "chan", 5, "right"),
        Column("max", "max", 5, "right", priority=2),
        Column("growth", "+/min", 6, "right", priority=1),
        Column("beat", "beat", 5, "right", priority=3),
    )
    rows = (
        [row("feature", WARNING, "feature-service", ("214", 214.0), ("2047", 2047.0), ("+38", 38.0), ("off", None))]
        if leak
        else []
    )
    rows += [
        row(f"c{n}", OK, f"worker-{n}", (str(3 + n), 3.0 + n), ("2047", 2047.0), ("0", 0.0), ("60s", 60.0))
        for n in range(13)
    ]
    counts = (
        Span("14", Role.STRONG),
        Span(" conn ", Role.DIM),
        Span("312" if leak else "98", Role.STRONG),
        Span(" channels", Role.DIM),
    )
    return PaneView("channels", "Channels", WARNING if leak else OK, counts, (), columns, tuple(rows))


def sync(*, late: bool) -> PaneView:
    columns = (Column("what", "what", 14), Column("value", "value", 20, flex=1))
    rows = (
        row("last", WARNING if late else OK, "last success", "04:00:12  72m ago" if late else "05:00:09  12m ago"),
        row("next", OK, "next due", "06:00"),
        row("did", OK, "processed", "12,408  updated 311  errors 0"),
        row("drift", OK, "drift", "3 of 500 sampled differ, most 0.40"),
    )
    counts = (
        Span("lag ", Role.DIM),
        Span("72m" if late else "12m", Role.STRONG),
        Span(" · next ", Role.DIM),
        Span("06:00", Role.STRONG),
    )
    return PaneView("sync", "Sync", WARNING if late else OK, counts, (), columns, rows)


def locks(expired: int) -> PaneView:
    columns = (
        Column("kind", "kind", 10),
        Column("task", "task", 10, flex=1),
        Column("worker", "worker", 12, priority=1),
        Column("left", "expires", 8, "right"),
    )
    rows = [
        row(f"x{n}", CRITICAL if n < 2 else WARNING, "catalog", f"task-{900 + n}", "8b4f59aa_3", ("-41m", -2460.0))
        for n in range(expired)
    ]
    rows += [
        row(f"l{n}", OK, ("catalog", "object", "sync")[n % 3], f"task-{n}", f"77aa01fe_{n}", (f"{n + 2}m", 60.0 * n))
        for n in range(31 - expired)
    ]
    counts: Line = (Span("31", Role.STRONG), Span(" live", Role.DIM))
    if expired:
        counts = (*counts, Span(f"  {expired}", Role.STRONG), Span(" expired", Role.CRITICAL))
    return PaneView("locks", "Locks", CRITICAL if expired else OK, counts, (), columns, tuple(rows))


def services(*, down: bool) -> PaneView:
    columns = (
        Column("name", "service", 16, flex=1),
        Column("state", "state", 8),
        Column("latency", "ms", 6, "right", priority=1),
        Column("memory", "memory", 12, "right", priority=2),
    )
    rows = [row("dolphin", UNKNOWN, "dolphin-anty", "no DNS", ("—", None), "—")] if down else []
    rows += [
        row(f"s{n}", OK, name, "up", (f"{n * 3 + 2}", n * 3 + 2.0), f"{200 + n * 31}M of 1.0G")
        for n, name in enumerate(("automation-1", "automation-2", "web-ui", "storage-api", "hub"))
    ]
    counts = (
        Span("5", Role.STRONG),
        Span(" up", Role.DIM),
        *((Span("  1", Role.STRONG), Span(" ?", Role.UNKNOWN)) if down else ()),
    )
    return PaneView("services", "Services", UNKNOWN if down else OK, counts, (), columns, tuple(rows))


def host(tick: int) -> PaneView:
    cpu = 12 + tick % 9
    summary = (
        Bar((("cpu ", float(cpu), Role.OK),), 100.0),
        Bar((("mem ", 40.0, Role.OK),), 100.0),
        Bar((("disk", 71.0, Role.WARNING),), 100.0),
        Spark("load", wave(tick, 2, 1), "1.92"),
    )
    columns = (
        Column("process", "process", 16, flex=1),
        Column("cpu", "cpu%", 6, "right"),
        Column("rss", "rss", 7, "right", priority=1),
    )
    rows = tuple(
        row(f"pid{n}", OK, name, (f"{9 - n}.{tick % 10}", 9.0 - n), f"{120 * (n + 1)}M")
        for n, name in enumerate(("postgres", "beam.smp", "redis-server", "python worker", "nginx"))
    )
    return PaneView(
        "host",
        "Host",
        OK,
        (Span("web-1", Role.STRONG), Span(" load ", Role.DIM), Span("1.92", Role.STRONG)),
        summary,
        columns,
        rows,
    )


VERDICT_COLUMNS = (
    Column("title", "", 40, flex=1),
    Column("fact", "", 24, priority=1),
    Column("key", "", 8, priority=2),
)


def verdict_row(key: str, level: Level, title: str, fact: str, hint: str) -> Row:
    role = {CRITICAL: Role.STRONG, WARNING: Role.TEXT}.get(level, Role.DIM)
    return Row(
        key,
        level,
        (t(title, role), t(fact, Role.DIM), (Span(hint[:1], Role.KEY), Span(hint[1:], Role.DIM))),
        (title, fact, hint),
    )


FINDINGS = (
    verdict_row(
        "held",
        CRITICAL,
        "container 8b4f59aa is gone (last sign 1h02m ago) and still holds 15 proxies, 2 locks",
        "free pool 13 of 100",
        "↵ show",
    ),
    verdict_row(
        "stall",
        CRITICAL,
        "worker dramatiq@web-3 beats but acknowledged nothing for 29m; queue default waits 1,198",
        "oldest 29m",
        "↵ show",
    ),
    verdict_row(
        "leak",
        WARNING,
        "feature-service opened 214 channels on one connection, +38/min, heartbeat off",
        "limit 2047 in 48m",
        "↵ show",
    ),
    verdict_row("late", WARNING, "balance sync is 12m overdue: last success 04:00:12", "every 1h", "↵ show"),
    verdict_row(
        "dns", UNKNOWN, "dolphin-anty cannot be looked up: Name or service not known", "since 04:51", "↵ show"
    ),
)


def header(state: str, tick: int, *sources: tuple[str, str, Role]) -> tuple[Line, ...]:
    name = (Span("unstick", Role.STRONG), Span("  prod-eu", Role.ACCENT))
    parts = tuple((Span(f"{source} ", Role.DIM), Span(text, role)) for source, text, role in sources)
    clock = t(f"05:{12 + tick // 60:02d}:{tick % 60:02d}")
    return (name, t(state, Role.DIM), *parts, clock)


WELL = (
    ("pg", "● 3ms", Role.OK),
    ("redis", "● 1ms", Role.OK),
    ("rabbit", "● 9ms", Role.OK),
    ("http", "● 6/6", Role.OK),
)


def quiet(tick: int = 0) -> Told:
    empty = (
        Span("nothing is stuck", Role.OK),
        Span("   45 workers, 12 queues, 31 locks, 4 sources seen 1s ago", Role.DIM),
    )
    verdict = PaneView("verdict", "What is stuck", OK, (), (), VERDICT_COLUMNS, (), (), empty)
    panes = (
        workers(tick, 0),
        proxies(0),
        queues(tick, stuck=False),
        channels(leak=False),
        sync(late=False),
        locks(0),
        services(down=False),
        host(tick),
    )
    return Told(header("LIVE", tick, *WELL), verdict, panes)


def incident(tick: int = 0) -> Told:
    counts = (
        Span("2", Role.STRONG),
        Span(" ✖  ", Role.CRITICAL),
        Span("2", Role.STRONG),
        Span(" ▲  ", Role.WARNING),
        Span("1", Role.STRONG),
        Span(" ?", Role.UNKNOWN),
    )
    verdict = PaneView("verdict", "What is stuck", CRITICAL, counts, (), VERDICT_COLUMNS, FINDINGS)
    panes = (
        workers(tick, 2),
        proxies(15),
        queues(tick, stuck=True),
        channels(leak=True),
        sync(late=True),
        locks(4),
        services(down=True),
        host(tick),
    )
    sources = (*WELL[:2], ("rabbit", "◐ retry 4s", Role.WARNING), ("http", "▲ 5/6", Role.WARNING))
    return Told(header("LIVE", tick, (("incident"), "00:14:32", Role.CRITICAL), *sources), verdict, panes)


def down(tick: int = 0) -> Told:
    """PostgreSQL and RabbitMQ are gone: their panes show ages and errors, their numbers are unknown."""
    stale: Line = (Span("seen 4m12s ago", Role.STALE), Span("  connection refused (10.0.0.5:5432)", Role.CRITICAL))
    lost = PaneView(
        "proxies",
        "Proxies",
        UNKNOWN,
        t("unknown", Role.UNKNOWN),
        (stale,),
        (),
        (),
        (),
        t("never seen: connection refused", Role.UNKNOWN),
    )
    gone = PaneView(
        "channels",
        "Channels",
        UNKNOWN,
        t("unknown", Role.UNKNOWN),
        (),
        (),
        (),
        (),
        t("management API: 401, the user may not see vhost /prod", Role.UNKNOWN),
    )
    verdict = PaneView("verdict", "What is stuck", UNKNOWN, (), (), VERDICT_COLUMNS, (
        verdict_row("pg", UNKNOWN, "PostgreSQL cannot be reached: proxies, tasks and locks are unknown", "since 05:08", "↵ show"),
        verdict_row("mq", UNKNOWN, "RabbitMQ management refuses: the user may not see vhost /prod", "since 05:01", "↵ show"),
    ))  # fmt: skip
    panes = (
        workers(tick, 0),
        lost,
        queues(tick, stuck=False),
        gone,
        sync(late=False),
        msgreplace(locks(0)),
        services(down=True),
        host(tick),
    )
    sources = (
        ("pg", "✖ refused 4m12s", Role.CRITICAL),
        WELL[1],
        ("rabbit", "✖ denied", Role.CRITICAL),
        ("http", "▲ 5/6", Role.WARNING),
    )
    return Told(header("LIVE", tick, *sources), verdict, panes)


def msgreplace(view: PaneView) -> PaneView:
    return PaneView(
        view.key, view.title, UNKNOWN, t("31 as of 4m12s ago", Role.STALE), view.summary, view.columns, view.rows
    )


HOSTILE = (
    "[@click=app.quit]free[/]", "[/foo]", "[red]not red[/red]", "key=[a b]", "queue [orders.dlq]", "trailing\\",
    "esc\x1b[31mred\x1b[0m", "osc\x1b]0;title\x07", "bell\x07", "c1\x9b31m", "bidi\u202eabc", "nul\x00", "tab\tnew\nline\r",
    "日本語のワーカー", "👩‍👩‍👧 family", "🇩🇪 flag", "e\u0301\u0301\u0301", "z\u0351\u0352\u0353\u0354\u0355\u0356\u0357\u0358\u0359\u035a", "⚠️ sign",
    "lone\ud800", "\u200bzero", "x" * 900, "", " ", "\u2028sep", "\U000e0041tag", "ﷺ wide", "한글", "—…·",
)  # fmt: skip


def hostile(tick: int = 0) -> Told:
    base = incident(tick)
    columns = (
        Column("a", "[b]a[/b]", 10, flex=1),
        Column("b", "b\x1b[31m", 12),
        Column("c", "数", 6, "right", priority=1),
    )
    rows = tuple(
        Row(
            f"{n}{text}",
            (OK, WARNING, CRITICAL, UNKNOWN)[n % 4],
            (t(text), t(text[::-1]), t(text[:3])),
            (text, text, float(n)),
        )
        for n, text in enumerate(HOSTILE)
    )
    panes = tuple(
        PaneView(
            pane.key,
            HOSTILE[n],
            pane.level,
            t(HOSTILE[n + 8]),
            (
                t(HOSTILE[n + 12]),
                Bar(((HOSTILE[n], 3.0, Role.BAR_USED), (HOSTILE[n + 1], 5.0, Role.BAR_STUCK)), 10),
                Spark(HOSTILE[n + 3], (1.0, None, 3.0), HOSTILE[n + 2]),
            ),
            columns,
            rows,
            t(HOSTILE[n + 6]),
        )
        for n, pane in enumerate(base.panes)
    )
    rows = tuple(Row(f"{n}{text}", CRITICAL, (t(text), t(text), t(text)), ()) for n, text in enumerate(HOSTILE))
    verdict = PaneView("verdict", HOSTILE[0], CRITICAL, t(HOSTILE[6]), (), VERDICT_COLUMNS, rows, t(HOSTILE[1]))
    return Told((t(HOSTILE[0]), t(HOSTILE[6]), t(HOSTILE[13]), t("05:12:09")), verdict, panes)


STATES = {"quiet": quiet, "incident": incident, "down": down, "hostile": hostile}
