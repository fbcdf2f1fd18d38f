"""What the judges of single systems found: their problems become findings as they are."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.findings import Evidence, Finding
from unstick.board.rules.rule import Case, Rule


def _problems(case: Case) -> Iterator[Finding]:
    for item in case.subjects.services.items:
        for problem in item.judged.problems if item.judged else ():
            texts = problem.evidence or (item.judged.says if item.judged else "",)
            yield Finding(
                f"{item.name}:{problem.id}",
                problem.level,
                f"{item.name}: {problem.title}",
                tuple(Evidence(text, None, None, "", item.name, item.state.age_s) for text in texts),
                problem.holds,
                lasted_s=problem.lasted_s or 0.0,
                action=problem.action,
                advice=problem.advice,
                about=problem.about,
                explains=problem.explains,
                sources=(item.name,),
            )


SERVICE = Rule(
    "service",
    "services",
    _problems,
    "A server or service is near its limits, or says itself that something is wrong.",
    "Each system has a judge of its own (`board/judged.py`); the evidence says what it compared.",
    "PostgreSQL without connections and Redis without memory make everything else look ill.",
    "See the evidence; the opened row of the service tells everything known of it.",
    (
        "thresholds.connections_warning",
        "thresholds.connections_critical",
        "thresholds.transaction",
        "thresholds.blocked",
        "thresholds.replica_lag",
        "thresholds.redis_memory_warning",
        "thresholds.redis_memory_critical",
    ),
)
