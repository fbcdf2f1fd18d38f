"""Rules over several keys. A key that already has a problem of its own is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from unstick.config.holder_rules import broker_problem, holder_problems
from unstick.config.lines import Path as KeyPath
from unstick.config.log_rules import log_problems
from unstick.config.probe_rules import probe_problem
from unstick.config.schema import keys
from unstick.config.tree import Entry
from unstick.config.values import WrongError, seconds, shown, span
from unstick.config.walk import Reader
from unstick.settings import Context, Screen

ScreenCheck = Callable[[Screen], Iterable[tuple[KeyPath, str, str]]]
"""``[screen]`` -> for each mistake where it is below that, what, and how to mend it."""

HEARTBEATS = 3
"""A silence limit shorter than this many signs of life calls the living dead."""

_ORDERED = (
    ("host.cpu_warning", "host.cpu_critical", 1),
    ("host.memory_warning", "host.memory_critical", 1),
    ("host.disk_warning", "host.disk_critical", 1),
    ("thresholds.queue_warning", "thresholds.queue_critical", 1),
    ("thresholds.oldest_warning", "thresholds.oldest_critical", 1),
    ("thresholds.pool_free_warning", "thresholds.pool_free_critical", -1),
    ("thresholds.connections_warning", "thresholds.connections_critical", 1),
    ("thresholds.redis_memory_warning", "thresholds.redis_memory_critical", 1),
)


def check(context: Context, tree: Entry, reader: Reader, check_screen: ScreenCheck | None) -> None:
    """Complain to ``reader`` of everything that is wrong between keys."""
    _Rules(context, tree, reader).run(check_screen)


_ACTIONS = frozenset({"free-proxies", "drain-locks", "sync-balances"})


class _Rules:
    def __init__(self, context: Context, tree: Entry, reader: Reader) -> None:
        self._context = context
        self._tree = tree
        self._reader = reader

    def run(self, check_screen: ScreenCheck | None) -> None:
        self._warning_before_critical()
        self._crawler()
        self._silence_limits()
        for system in ("dramatiq", "celery", "health", "automation", "dependency", "maintenance", "probe", "log"):
            self._names(system)
        self._probes()
        self._schedules()
        self._logs()
        self._holders()
        self._whole("dependency", "url", "preset")
        self._whole("maintenance", "files", "preset")
        self._balance_key()
        self._own_actions()
        if check_screen is not None:
            self._screen(check_screen)

    def _usable(self, *names: str) -> bool:
        return not any(name in self._reader.bad for name in names)

    def _complain(self, names: Sequence[str], what: str, mend: str) -> None:
        """At the first of ``names`` that the file has."""
        for name in names:
            entry = self._tree.at(*(int(part) if part.isdigit() else part for part in name.split(".")))
            if entry is not None:
                self._reader.complain(entry, what, mend)
                return

    def _number(self, name: str) -> float:
        table, _, key = name.partition(".")
        section: msgspec.Struct = getattr(self._context, table)
        return float(getattr(section, keys(type(section))[key].field))

    def _warning_before_critical(self) -> None:
        for warning, critical, direction in _ORDERED:
            if self._usable(warning, critical):
                early, late = self._number(warning), self._number(critical)
                if (late - early) * direction < 0:
                    side = "below" if direction > 0 else "above"
                    what = f"{critical} {late:g} is {side} {warning} {early:g}"
                    self._complain((critical, warning), what, "a warning comes first")

    def _crawler(self) -> None:
        if self._context.crawler is None or not self._usable("crawler.tasks"):
            return
        if not self._context.crawler.tasks:
            what = "is empty: the safety check would be blind"
            self._complain(("crawler.tasks",), what, "list every table with tasks")

    def _silence_limits(self) -> None:
        context = self._context
        for limit, value, beat, every in self._limits():
            if self._usable(limit, beat) and value < HEARTBEATS * every:
                what = f"{span(value)} < {HEARTBEATS} × {beat} {span(every)}"
                self._complain((limit, beat), what, f"use {span(HEARTBEATS * every)} or more")
        for index, broker in enumerate(context.dramatiq):
            every, limit = context.intervals.dramatiq_s, f"dramatiq.{index}.heartbeat_timeout"
            if self._usable(limit, "intervals.dramatiq") and broker.heartbeat_timeout_s < HEARTBEATS * every:
                what = f"{span(broker.heartbeat_timeout_s)} < {HEARTBEATS} × intervals.dramatiq {span(every)}"
                self._complain((limit, "intervals.dramatiq"), what, f"use {span(HEARTBEATS * every)} or more")

    def _limits(self) -> Iterator[tuple[str, float, str, float]]:
        limits, intervals = self._context.thresholds, self._context.intervals
        if self._context.crawler is not None:
            beat = self._context.crawler.heartbeat_every_s
            yield "thresholds.grace", limits.grace_s, "crawler.heartbeat_every", beat
            yield "thresholds.grace", limits.grace_s, "intervals.crawler", intervals.crawler_s
        if self._context.health:
            yield "thresholds.heartbeat", limits.heartbeat_s, "intervals.health", intervals.health_s

    def _names(self, system: str) -> None:
        """Two entries with one name would be one source."""
        first: dict[str, Entry] = {}
        for index, settings in enumerate(getattr(self._context, system)):
            entry = self._tree.at(system, index)
            if entry is None or not self._usable(system):
                return
            name = settings.known_as if hasattr(settings, "known_as") else settings.name or settings.url.address
            if name in first and name:
                at = entry.at("name") or entry
                line = f" at line {first[name].line}" if first[name].line else ""
                self._reader.complain(at, f"already {shown(name)}{line}", 'give it a name of its own: name = "…"')
            else:
                first[name] = entry.at("name") or entry

    def _whole(self, system: str, *either: str) -> None:
        """An entry that says none of ``either`` has nothing to look at."""
        for index, settings in enumerate(getattr(self._context, system)):
            entry = self._tree.at(system, index)
            usable = self._usable(system, *(f"{system}.{index}.{key}" for key in either))
            if entry is not None and usable and not any(getattr(settings, key) for key in either):
                self._reader.complain(entry, f"says neither {' nor '.join(either)}", f"add {either[0]} = …")

    def _own_actions(self) -> None:
        """Each is a program or a request, under a name of its own; which program it is no value decides."""
        names = set(_ACTIONS)
        for index, own in enumerate(self._context.actions.own):
            entry = self._tree.at("actions", "own", index)
            if entry is None or not self._usable("actions.own"):
                return
            at = entry.at("name") or entry
            if own.name in names:
                self._reader.complain(at, f"there is a {shown(own.name)} already", "give it a name of its own")
            names.add(own.name)
            if bool(own.command) == (own.url is not None):
                what = "has both command and url" if own.command else "has neither command nor url"
                self._reader.complain(at, what, "give it one of the two")
            if own.command and "{" in own.command[0]:
                self._reader.complain(entry.at("command") or at, "the program itself can't be a value", "name it")

    def _probes(self) -> None:
        for index, probe in enumerate(self._context.probe):
            entry = self._tree.at("probe", index)
            wrong = probe_problem(probe)
            if entry is not None and wrong is not None and self._usable("probe"):
                key, what, mend = wrong
                self._reader.complain(entry.at(key) or entry, what, mend)

    def _schedules(self) -> None:
        """What beat fires is known by the tasks that run, and by nothing else."""
        for index, broker in enumerate(self._context.celery):
            entry = self._tree.at("celery", index, "schedule")
            if entry is None or not self._usable("celery", f"celery.{index}.schedule", f"celery.{index}.events"):
                continue
            for task, every in broker.schedule.items():
                try:
                    seconds(every)
                except WrongError as error:
                    self._reader.complain(entry.at(task) or entry, f"{error.what} (got {shown(every)})", error.mend)
            if broker.schedule and broker.events != "tasks":
                self._reader.complain(
                    entry, f"is judged by events, which are {broker.events}", 'set events = "tasks"'
                )

    def _logs(self) -> None:
        for index, log in enumerate(self._context.log):
            entry = self._tree.at("log", index)
            for key, what, mend in log_problems(log) if self._usable("log") else ():
                if entry is not None:
                    self._reader.complain(entry.at(*key) or entry, what, mend)

    def _holders(self) -> None:
        for index, holder in enumerate(self._context.holder):
            entry = self._tree.at("holder", index)
            for key, what, mend in holder_problems(holder) if self._usable("holder") else ():
                if entry is not None:
                    self._reader.complain(entry.at(key) or entry, what, mend)
        for index, health in enumerate(self._context.health):
            entry = self._tree.at("health", index, "broker")
            wrong = broker_problem(self._context, health.broker)
            if entry is not None and wrong is not None and self._usable("health", "dramatiq", "celery"):
                self._reader.complain(entry, *wrong)

    def _balance_key(self) -> None:
        sync = self._context.sync
        if sync is not None and self._usable("sync.balance_key") and sync.balance_key.count("{id}") != 1:
            self._complain(("sync.balance_key",), "needs {id} once", "for example balance:{id}")

    def _screen(self, check_screen: ScreenCheck) -> None:
        for path, what, mend in check_screen(self._context.screen):
            if self._usable("screen", f"screen.{path[0]}"):
                places = (self._tree.at("screen", *path[:end]) for end in range(len(path), 0, -1))
                entry = next((place for place in places if place is not None), None)
                if entry is not None:
                    self._reader.complain(entry, what, mend)
