"""How soon the first line names the cause, on every shipped recording: the table of docs/verdict.md.

``python -m tests.benchmarks.verdict``. What counts as evidence is read from the facts alone, without the board.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unstick.board.board import Board, fold
from unstick.cli.demo import shelf
from unstick.facts.celery import CeleryFacts
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.frame import Frame
from unstick.facts.health import HealthFacts
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import Fresh, Missing, Stale
from unstick.settings import Context
from unstick.tape.event import MARK
from unstick.tape.meta import context_of
from unstick.tape.reader import Tape
from unstick.views.findings import said

Shows = Callable[[Frame, Context], bool]


def _facts(frame: Frame, kind: type) -> Iterator[object]:
    for observation in frame.observations:
        value = getattr(observation.reading, "value", None)
        if isinstance(observation.reading, Fresh) and isinstance(value, kind):
            yield value


class SilentContainer:
    """A worker of the killed container is silent beyond the grace, by the database's clock and its newest sign."""

    def __init__(self) -> None:
        self._newest: dict[str, float] = {}

    def __call__(self, frame: Frame, context: Context) -> bool:
        """Whether it is so now."""
        for facts in _facts(frame, CrawlerFacts):
            assert isinstance(facts, CrawlerFacts)
            for worker in facts.workers:
                signs = [at for at in (worker.task_beat_at, worker.proxy_changed_at) if at is not None]
                self._newest[worker.worker_id] = max([*signs, self._newest.get(worker.worker_id, 0.0)])
            held = {worker.worker_id for worker in facts.workers if worker.container == "8b4f59aa"}
            if any(facts.server_at - self._newest[name] > context.thresholds.grace_s for name in held):
                return True
        return False


def idle_endpoint(frame: Frame, context: Context) -> bool:
    """The worker's own endpoint says that it did nothing for too long."""
    return any(
        isinstance(facts, HealthFacts) and (facts.heartbeat_age_s or 0) >= context.thresholds.heartbeat_s
        for facts in _facts(frame, HealthFacts)
    )


def beatless_client(frame: Frame, _: Context) -> bool:
    """The release with the bug is connected, without a heartbeat."""
    return any(
        link.heartbeat_s == 0 and link.client == "feature-service"
        for facts in _facts(frame, RabbitFacts)
        for link in (facts.connections or () if isinstance(facts, RabbitFacts) else ())
    )


def waiting_at(frame: Frame, _: Context) -> bool:
    """Something waits for Celery and nothing is in flight."""
    return any(
        isinstance(facts, CeleryFacts) and not facts.unacked and any(queue.ready for queue in facts.queues)
        for facts in _facts(frame, CeleryFacts)
    )


def refusing_worker(frame: Frame, _: Context) -> bool:
    """Nobody listens at the address of the killed worker."""
    return any(
        observation.source.id == "health:worker_2" and isinstance(observation.reading, Stale | Missing)
        for observation in frame.observations
    )


@dataclass(frozen=True)
class Scenario:
    """``cause``: how a line must begin to name it; ``lasts_s``: how long the facts must show it to be evidence."""

    name: str
    cause: str
    shows: Shows
    lasts_s: float = 0.0


SCENARIOS = (
    Scenario("stuck-proxies", r"(container|\d+ workers of) 8b4f59aa|worker b77514be_16", SilentContainer()),
    Scenario("worker-stall", r"worker (web-1|dramatiq/\w+) (is stalled|beats but)", idle_endpoint),
    Scenario("channel-leak", r"feature-service", beatless_client),
    Scenario("sync-lag", r"nobody takes from celery", waiting_at, 20.0),
    Scenario("lock-pileup", r"worker worker_2 is dead", refusing_worker),
)


@dataclass
class Outcome:
    """Instants are seconds after the fault."""

    evidence_s: float | None = None
    named_s: float | None = None
    looks: int = 0
    """Frames from the evidence to the line."""
    first: str = ""
    early: str = ""
    false_above: int = 0
    other: int = 0


def judged(scenario: Scenario) -> Outcome:
    """Play one recording until what mends the fault."""
    outcome, board, shown_since = Outcome(), None, None
    with Tape.open(shelf() / f"{scenario.name}.tape") as tape:
        context = context_of(tape.meta.settings)
        marks = [event.at for event in tape.events() if event.event == MARK]
        broken, healed = marks[1], marks[-1]
        for _, frame in tape.frames():
            board = fold(board, frame, context)
            shows = scenario.shows(frame, context)
            if broken <= frame.at < healed:
                shown_since = (shown_since or frame.at) if shows else None
                if shown_since is not None and frame.at - shown_since >= scenario.lasts_s:
                    outcome.evidence_s = outcome.evidence_s or frame.at - broken
                _take(outcome, board, scenario, frame.at - broken)
    return outcome


def _take(outcome: Outcome, board: Board, scenario: Scenario, at: float) -> None:
    names = [bool(re.match(scenario.cause, finding.title)) for finding in board.findings]
    if outcome.evidence_s is not None and outcome.named_s is None:
        outcome.looks += 1
    if not board.findings:
        return
    above = names.index(True) if True in names else len(names)
    outcome.false_above = max(outcome.false_above, above)
    outcome.other = max(outcome.other, len(names) - sum(names))
    if above == 0 and outcome.named_s is None:
        outcome.named_s, outcome.early = at, said(board.findings[0])
    outcome.first = said(board.findings[0])


def quiet() -> tuple[float, int]:
    """Seconds of the quiet recording, and the findings in it."""
    found: set[str] = set()
    board = None
    with Tape.open(shelf() / "quiet.tape") as tape:
        context = context_of(tape.meta.settings)
        for _, frame in tape.frames():
            board = fold(board, frame, context)
            found |= {finding.id for finding in board.findings}
        return tape.at(len(tape) - 1) - tape.at(0), len(found)


def main() -> None:
    """Print the table."""
    print("\nverdict: what the first line says, on the shipped recordings   (python -m tests.benchmarks.verdict)")
    print("| scenario | first evidence | cause on top | looks between | false lines above | first line, in the end |")
    print("|---|---|---|---|---|---|")
    for scenario in SCENARIOS:
        got = judged(scenario)
        seen = "–" if got.evidence_s is None else f"{got.evidence_s:.0f} s"
        named = "never" if got.named_s is None else f"{got.named_s:.0f} s"
        print(f"| {scenario.name} | {seen} | {named} | {got.looks} | {got.false_above} | {got.first} |")
    seconds, found = quiet()
    print(f"| quiet | – | – | – | {found} findings in {seconds:.0f} s | – |")


if __name__ == "__main__":
    main()
