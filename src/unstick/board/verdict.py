"""From what the rules find to what is told: durations, flapping, causes that swallow their symptoms, the order.

Pure: what must be remembered between two Frames is a :class:`Standing` per finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from unstick.board.findings import Finding, Symptom, Topic
from unstick.board.held import added, things
from unstick.board.rules import RULES
from unstick.board.rules.rule import Case, Rule
from unstick.facts.level import Level, worst

FLAP_S = 300.0
FLAPS = 3
"""A level that turns more often than this within :data:`FLAP_S` flaps, and is told until it is calm.

To get worse and worse, and then better and better, are two turns: the course of any fault.
"""
CALM_S = 60.0
SYMPTOMS = 20
"""Symptoms that are listed; the others are counted."""

ORDER: Mapping[str, int] = {rule.name: number for number, rule in enumerate(RULES)}
BY_NAME: Mapping[str, Rule] = {rule.name: rule for rule in RULES}


class Standing(msgspec.Struct, frozen=True):
    """What is remembered of one finding, as it was found last. Instants are UTC seconds."""

    finding: Finding
    level: Level
    """As it is told: it falls only when it has been found lower for a while. ``OK``: it is not told (any more)."""
    first_at: float
    """Since when it was found in every look."""
    found_at: float
    worst_at: float
    """When it was last found as bad as it is told."""
    turns: tuple[float, ...] = ()
    """When its level began to rise or to fall, within :data:`FLAP_S`."""
    rising: bool = True

    @property
    def flaps(self) -> bool:
        """Whether it turns too often to be believed at once."""
        return len(self.turns) > FLAPS


class Verdict(msgspec.Struct, frozen=True, eq=False):
    """``findings`` are the lines, the worst first; ``standing`` is what the next Frame is judged with."""

    findings: tuple[Finding, ...]
    standing: Mapping[str, Standing]
    at: float


def judge(case: Case, before: Verdict | None) -> Verdict:
    """The verdict after one more Frame. Without one before it, what is seen is told at once."""
    found: dict[str, Finding] = {}
    for rule in RULES:
        for finding in rule.find(case):
            found.setdefault(finding.id, _ruled(finding, rule))
    known: Mapping[str, Standing] = before.standing if before else {}
    standing = {}
    for name in dict.fromkeys([*known, *found]):
        stands = _stand(known.get(name), found.get(name), case, before.at if before else None)
        if stands is not None:
            standing[name] = stands
    told = [each for each in standing.values() if each.level is not Level.OK]
    hidden = [each.finding for each in told if _hidden(each, case)]
    seen = [_told(each, case.now) for each in told if not _hidden(each, case)]
    lines = _explained(_bundled(seen), hidden)
    return Verdict(tuple(sorted(lines, key=_place)), standing, case.now)


def _ruled(finding: Finding, rule: Rule) -> Finding:
    return msgspec.structs.replace(
        finding,
        rule=rule.name,
        subject=rule.subject,
        action=finding.action or (rule.action if finding.holds else None),
        advice=finding.advice or rule.advice,
    )


def _stand(before: Standing | None, found: Finding | None, case: Case, last_at: float | None) -> Standing | None:
    """What stands after this Frame, the one before it being of ``last_at``; ``None``: nothing to remember."""
    now, first = case.now, last_at is None
    if before is not None and _hidden(before, case) and found is None:
        return before
    if found is None:
        return _absent(before, now) if before else None
    if before is None:
        before = Standing(found, Level.OK, now, now, now)
    rule, told = BY_NAME[found.rule], before.level
    first_at = before.first_at if last_at is not None and before.found_at >= last_at else now
    level = found.level
    if told is Level.OK:
        at_once = first or level is Level.CRITICAL or max(now - first_at, found.lasted_s) >= rule.for_s
        level = level if at_once else told
    elif level.rank < told.rank and 0.0 <= now - before.worst_at < _clear_s(before):
        level = told
    since = now - max(0.0, found.lasted_s)
    since = since if told is Level.OK else min(since, before.finding.since)
    turns, rising = _turned(before, level, now, first=first)
    return Standing(
        msgspec.structs.replace(found, since=since),
        level,
        first_at,
        now,
        now if found.level.rank >= level.rank else before.worst_at,
        turns,
        rising,
    )


def _absent(before: Standing, now: float) -> Standing | None:
    """It was not found: not certain yet, or ended; what turned lately is remembered for a while."""
    certain = not 0.0 <= now - before.found_at < _clear_s(before)  # nor while a clock that was set back catches up
    level = Level.OK if certain else before.level
    turns, rising = _turned(before, level, now)
    if level is Level.OK and not turns:
        return None
    return msgspec.structs.replace(before, level=level, turns=turns, rising=rising)


def _turned(before: Standing, level: Level, now: float, *, first: bool = False) -> tuple[tuple[float, ...], bool]:
    """The turns of the last minutes, and whether the last one was for the worse."""
    turns = tuple(at for at in before.turns if now - FLAP_S < at <= now)
    rises = level.rank > before.level.rank
    if level is before.level or first or (turns and rises is before.rising):
        return turns, before.rising
    return (*turns, now), rises


def _clear_s(standing: Standing) -> float:
    return CALM_S if standing.flaps else BY_NAME[standing.finding.rule].clear_s


def _hidden(standing: Standing, case: Case) -> bool:
    """Whether who told it can't be seen now, so that nobody knows whether it still holds."""
    return standing.found_at != case.now and not case.blind.isdisjoint(standing.finding.sources)


def _told(standing: Standing, now: float) -> Finding:
    return msgspec.structs.replace(
        standing.finding,
        level=standing.level,
        changes=len(standing.turns) if standing.flaps else 0,
        calm_s=None if standing.found_at == now else now - standing.found_at,
    )


def _bundled(findings: list[Finding]) -> list[Finding]:
    """Many of one rule and kin become one line; the others stay as they are."""
    kin: dict[tuple[str, str, Level], list[Finding]] = {}
    for finding in findings:
        kin.setdefault((finding.rule, finding.kin, finding.level), []).append(finding)
    bundled: list[Finding] = []
    for (name, whose, _), members in kin.items():
        rule = BY_NAME[name]
        bundled += [_bundle(rule, whose, members)] if rule.many and len(members) >= rule.many_from else members
    return bundled


def _bundle(rule: Rule, kin: str, members: list[Finding]) -> Finding:
    members.sort(key=lambda finding: (-finding.held, finding.since, finding.id))
    first, holds = members[0], added(member.holds for member in members)
    title = rule.many.format(n=len(members), kin=kin, holds=things(holds))
    return msgspec.structs.replace(
        first,
        id=f"{rule.name}:*{kin}",
        title=title,
        evidence=tuple(member.evidence[0] for member in members[:SYMPTOMS] if member.evidence),
        holds=holds,
        lasted_s=max(member.lasted_s for member in members),
        since=min(member.since for member in members),
        about=tuple(dict.fromkeys(topic for member in members for topic in member.about)),
        explains=tuple(dict.fromkeys(topic for member in members for topic in member.explains)),
        sources=tuple(dict.fromkeys(source for member in members for source in member.sources)),
        symptoms=tuple(_symptom(member) for member in members[:SYMPTOMS]),
        symptom_count=len(members),
        changes=max(member.changes for member in members),
    )


def _symptom(finding: Finding, level: Level | None = None) -> Symptom:
    return Symptom(finding.id, level or finding.level, finding.title)


def _explained(findings: Iterable[Finding], hidden: Iterable[Finding]) -> list[Finding]:
    """The findings that nothing above them explains, each with its symptoms, and as bad as the worst of them."""
    causes: dict[Topic, str] = {}
    lines: dict[str, Finding] = {}
    symptoms: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: (ORDER[finding.rule], finding.since, finding.id)):
        whose = [_cause(causes, topic) for topic in finding.about]
        root = whose[0] if whose and None not in whose else None
        if root is None:
            lines[finding.id] = finding
        else:
            symptoms.setdefault(root, []).append(finding)
        for topic in finding.explains:
            causes.setdefault(topic, root or finding.id)
    unseen: dict[str, list[Finding]] = {}
    for finding in sorted(hidden, key=lambda finding: finding.id):
        roots = [cause for source in finding.sources if (cause := causes.get(("source", source)))]
        if roots:
            unseen.setdefault(roots[0], []).append(finding)
    return [_with(line, symptoms.get(name, []), unseen.get(name, [])) for name, line in lines.items()]


def _cause(causes: Mapping[Topic, str], topic: Topic) -> str | None:
    """Who explains ``topic``, or what it is a part of."""
    return next((causes[topic[:n]] for n in range(len(topic), 0, -1) if topic[:n] in causes), None)


def _with(line: Finding, symptoms: list[Finding], unseen: list[Finding]) -> Finding:
    if not symptoms and not unseen:
        return line
    listed = [_symptom(finding) for finding in symptoms] + [_symptom(finding, Level.UNKNOWN) for finding in unseen]
    return msgspec.structs.replace(
        line,
        level=worst([line.level, *(finding.level for finding in symptoms)]),
        symptoms=(*line.symptoms, *listed)[:SYMPTOMS],
        symptom_count=line.symptom_count + len(listed),
    )


def _place(finding: Finding) -> tuple[int, int, int, float, str]:
    """The worst first; of those equally bad the cause, then what holds more, then what lasts longer."""
    return -finding.level.rank, ORDER[finding.rule], -finding.held, finding.since, finding.id
