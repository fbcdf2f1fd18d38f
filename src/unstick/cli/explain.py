"""``unstick explain``: the rules behind the verdict, the thresholds they compare with, and what they see now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from unstick import loops
from unstick.board.board import Board
from unstick.board.findings import Finding
from unstick.board.rules import RULES, Rule
from unstick.cli.codes import DONE, USAGE
from unstick.cli.complaint import complain
from unstick.cli.logs import log_to_file
from unstick.cli.start import open_config, open_context
from unstick.cli.status import look
from unstick.cli.stdout import say
from unstick.cli.tapes import at_moment, with_tape
from unstick.config.schema import Key, keys, toml
from unstick.facts.units import clock_time, duration
from unstick.feeds.history import History
from unstick.settings import Context
from unstick.tape.meta import context_of
from unstick.tape.parts import Parts
from unstick.views.findings import said, spelled
from unstick.views.pane import LEVEL_GLYPH

LOOK_S = 10.0


def run_explain(
    path: Path | None, context: str | None, *, name: str | None, tape: Path | None = None, at: str | None = None
) -> int:
    """Print all rules, or one with what it sees now, or saw on a tape; the exit code."""
    log_to_file()
    if name is None:
        say(listed())
        return DONE
    if tape is not None:
        return with_tape(tape, lambda parts: _on_tape(parts, name, at))
    rule = rule_of(name)
    if rule is not None and ":" not in name:
        loaded = open_config(path, context)
        if isinstance(loaded, int):
            return loaded
        say(spelled_rule(rule, loaded.context, str(loaded.path or "the environment")))
        return DONE
    opened = open_context(path, context)
    if isinstance(opened, int):
        return opened
    return _told(name, loops.run(look(opened, LOOK_S)), "a look now")


def listed() -> Iterator[str]:
    """One line per rule, from causes to symptoms."""
    width = max(len(rule.name) for rule in RULES)
    yield from (f"{rule.name:<{width}}  {rule.says}" for rule in RULES)


def rule_of(name: str) -> Rule | None:
    """The rule called ``name``, or the one whose finding has that id."""
    head = name.partition(":")[0]
    return next((rule for rule in RULES if rule.name == head), None)


def _on_tape(tape: Parts, name: str, at: str | None) -> int:
    number = tape.find(at_moment(tape, at, tape.at(tape.last)))
    history = History(tape, context_of(tape.meta.settings))
    board = history.board(number)
    where = tape.path.name
    if history.since is not None:
        where += f", ages from {clock_time(tape.at(history.since))} on"
    return USAGE if board is None else _told(name, board, where)


def _told(name: str, board: Board, where: str) -> int:
    found = [finding for finding in board.findings if name in {finding.id, finding.rule}]
    found += [finding for finding in board.findings if name in {symptom.id for symptom in finding.symptoms}]
    rule = next((rule for rule in RULES if found and rule.name == found[0].rule), None) or rule_of(name)
    if rule is None:
        known = ", ".join(finding.id for finding in board.findings) or "nothing is found now"
        complain(f'no rule and no finding "{name}"; mend: unstick explain lists the rules; findings: {known}')
        return USAGE
    say([*spelled_rule(rule, board.context, "the configuration"), "", *_evidence(found, where)])
    return DONE


def spelled_rule(rule: Rule, context: Context, where: str) -> Iterator[str]:
    """The rule in full, with the values that its thresholds have and where they come from."""
    yield f"{rule.name} ({rule.subject})"
    yield f"  says        {rule.says}"
    yield f"  when        {rule.when}"
    yield f"  why         {rule.why}"
    action = f" (unstick {rule.action})" if rule.action else ""
    yield f"  what to do  {rule.advice}{action}"
    for name in rule.thresholds:
        yield f"  threshold   {name} = {_value(name, context, where)}"
    waits = f"a warning after {duration(rule.for_s)}, " if rule.for_s else ""
    ends = f"it ends when absent for {duration(rule.clear_s)}" if rule.clear_s else "it ends at once"
    yield f"  told        {waits}what is critical at once; {ends}"


def _value(name: str, context: Context, where: str) -> str:
    table, _, field = name.partition(".")
    section = getattr(context, table)
    if isinstance(section, tuple):
        values = dict.fromkeys(_one(entry, field, where) for entry in section)
        return ", ".join(values) or "not configured"
    return "not configured" if section is None else _one(section, field, where)


def _one(section: msgspec.Struct, field: str, where: str) -> str:
    key: Key = keys(type(section))[field]
    value = getattr(section, key.field)
    source = "default" if value == key.default else where
    return f"{toml(value, is_span=key.span)} ({source})"


def _evidence(found: list[Finding], where: str) -> Iterator[str]:
    if not found:
        yield f"by {where}: not found"
    for finding in found:
        yield f"by {where}: {LEVEL_GLYPH[finding.level]} {said(finding)}"
        for name, text in spelled(finding):
            yield f"  {name:<11} {text}"
