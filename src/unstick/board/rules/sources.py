"""What can't be seen: a server that does not answer, a question that fails, an endpoint that is silent."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.findings import Evidence, Finding, Topic
from unstick.board.rules.rule import Case, Rule
from unstick.board.services import Service
from unstick.facts.level import worst
from unstick.facts.units import duration

SERVERS = {"postgres": "PostgreSQL", "redis": "Redis", "rabbitmq": "RabbitMQ"}
BROKING = frozenset({"dramatiq", "celery", "rabbitmq"})
"""Systems whose workers lose their work with their server."""


def _unseen(case: Case) -> Iterator[Finding]:
    by_server: dict[str, list[Service]] = {}
    asked: dict[str, int] = {}
    for item in case.subjects.services.items:
        source = item.state.source
        if source.server == "http":
            continue
        asked[source.server] = asked.get(source.server, 0) + 1
        if item.state.state != "fresh" and not item.state.pending:
            by_server.setdefault(source.server, []).append(item)
    for server, items in by_server.items():
        yield _told(server, items, down=len(items) == asked[server])


def _endpoints(case: Case) -> Iterator[Finding]:
    for item in case.subjects.services.items:
        if item.state.source.server == "http" and item.state.state != "fresh" and not item.state.pending:
            yield _told(item.name, [item], down=True)


def _told(server: str, items: list[Service], *, down: bool) -> Finding:
    first, names = items[0], ", ".join(item.name for item in items)
    unseen = min(_unseen_s(item) for item in items)
    known = SERVERS.get(server) if down else None
    title = f"cannot tell: {known or names} unseen for {duration(unseen)}: {first.note}"
    evidence = [_failing(item) for item in items]
    explains: list[Topic] = [("source", item.name) for item in items]
    if down:
        explains.append(("link", server))
        if any(item.kind in BROKING for item in items):
            explains.append(("broker",))
    return Finding(
        f"{'endpoint-unseen' if items[0].state.source.server == 'http' else 'unseen'}:{server}",
        worst(item.level for item in items),
        title,
        tuple(evidence),
        lasted_s=unseen,
        about=(("endpoint", _address(first)),) if first.state.source.server == "http" else (),
        explains=tuple(explains),
    )


def _address(item: Service) -> str:
    """What an endpoint shares with its worker: the address, else the name."""
    return item.worker.address if item.worker else item.name.partition(":")[2] or item.name


def _unseen_s(item: Service) -> float:
    return item.state.age_s if item.state.age_s is not None else item.state.failing_s or 0.0


def _failing(item: Service) -> Evidence:
    state = item.state
    seen = "never seen" if state.age_s is None else f"last answer {duration(state.age_s)} ago"
    trouble = state.trouble.text if state.trouble else "no newer answer"
    return Evidence(f"{item.name}: {seen}: {trouble}", state.age_s, None, "", item.name, state.age_s)


UNSEEN = Rule(
    "unseen",
    "services",
    _unseen,
    "A server can't be seen: nobody knows whether what it tells is well.",
    "Every look at it has failed for longer than a hiccup; critical when it can't be reached at all.",
    "Unknown is not zero, stale is not green: its numbers leave the totals until it answers again.",
    "Look whether the server lives; `unstick doctor` says what can be reached and with which rights.",
    ("thresholds.stale_factor",),
    for_s=5.0,
)
ENDPOINT = Rule(
    "endpoint-unseen",
    "services",
    _endpoints,
    "An HTTP endpoint does not answer: what only it tells is unknown.",
    "Every look at it has failed for longer than a hiccup.",
    "A worker that still beats may live behind a dead endpoint, so the endpoint alone proves no death.",
    "Look at the process behind the address.",
    ("thresholds.stale_factor",),
    for_s=5.0,
    many="{n} endpoints are unseen",
)
