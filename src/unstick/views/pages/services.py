"""The page of a source: what it answers, what asking it costs, and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.services import Service
from unstick.facts.units import brief, duration, size
from unstick.views.pages.model import Fact, Known, Page, Part, findings, happened
from unstick.views.words import cell
from unstick.views.workers import worker_key


def service(known: Known, key: str) -> Page | None:
    """One source, endpoint or server."""
    name = key.partition(":")[2]
    found = next((one for one in known.subjects.services.items if one.name == name), None)
    if found is None:
        return None
    return Page(
        key,
        "services",
        f"service {name}",
        found.level,
        cell(found.note or f"answers; {found.kind}"),
        (
            Part("How it is asked", tuple(_asked(known, found))),
            Part("What it says", tuple(_says(known, found)), "it is read for others: see what hangs on it"),
            Part("What is wrong", findings(known, name), "nothing is"),
            Part("What hangs on it", tuple(_others(known, found)), "nothing else"),
            happened(known, name),
        ),
        (
            *known.curve(f"{name}:{found.judged.charted}" if found.judged else "", _charted(found), "count"),
            *known.curve(f"processed:{name}", "tasks done", "count"),
            *known.curve(f"took:{name}", "answers in", "ms"),
        ),
    )


def _charted(found: Service) -> str:
    return found.judged.charted if found.judged else ""


def _asked(known: Known, found: Service) -> Iterator[Fact]:
    state = found.state
    yield known.fact("server", state.source.server, found.name)
    yield known.fact("asked", f"every {brief(state.source.interval_s)}", found.name)
    yield known.fact("is", state.state, found.name, level=found.level)
    if state.trouble is not None and not state.pending:
        yield known.fact(
            "trouble", f"{state.trouble.kind.value}: {state.trouble.text}", found.name, level=found.level
        )
    if state.failing_s is not None:
        yield known.fact("failing for", duration(state.failing_s), found.name, level=found.level)
    yield known.fact("last answer took", brief(state.cost.took_s), found.name)
    cost = f"{found.queries_per_s:.1f} questions and {size(found.bytes_per_s)} a second"
    yield known.fact("asking costs it", cost, found.name)


def _says(known: Known, found: Service) -> Iterator[Fact]:
    if found.worker is not None:
        yield known.fact("address", found.worker.address, found.name)
        yield known.fact("status", found.worker.status or "–", found.name)
        yield known.fact("up for", duration(found.worker.uptime_s), found.name)
    for problem in found.judged.problems if found.judged else ():
        yield known.fact(problem.level.value, problem.title, found.name, level=problem.level)
        for evidence in problem.evidence:
            yield known.fact("", evidence, found.name)
    for name, text in found.judged.told if found.judged else ():
        yield known.fact(name, text, found.name)


def _others(known: Known, found: Service) -> Iterator[Fact]:
    """Workers that are read here, and sources that share the server."""
    workers = known.subjects.workers
    for worker in [w for w in workers.items if w.source == found.name][:20] if workers else ():
        yield known.fact(
            f"worker {worker.name}", worker.life, found.name, jump=worker_key(worker), level=worker.level
        )
    for other in known.subjects.services.items:
        same = other.state.source.server == found.state.source.server and other.state.source.server != "http"
        if same and other.name != found.name:
            says = other.note or other.state.state
            yield known.fact(
                f"source {other.name}", says, other.name, jump=f"service:{other.name}", level=other.level
            )
