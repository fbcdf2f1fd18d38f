"""What the whole pipeline makes of a server that misbehaves: one source is told to be blind, the others stay fresh.

All servers are broken at the same time, each in feeds of its own that reach every other server directly; the tests
then look at what each feed went through. Where the machine had more work than processors, nothing is concluded from
what was late.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.servers import Postgres, Rabbit, Redis, Server
from tests.live.stack import (
    Urls,
    Watch,
    fill,
    greeting,
    port_of,
    seed,
    standing,
    through,
    uncaught,
    until,
    watching,
)
from unstick import clock
from unstick.board.board import Board
from unstick.board.sources import stale_after_s
from unstick.facts.reading import TroubleKind
from unstick.facts.text import clean

PATIENCE_S = 90.0
"""How long anything is waited for that must come: more than the longest interval and deadline on a busy machine."""
RECOVERED_S = 10.0
FAULTS_PER_FEED = 6
CLOSED, PROTOCOL, REFUSED = TroubleKind.CLOSED, TroubleKind.PROTOCOL, TroubleKind.REFUSED
TIMEOUT, TLS = TroubleKind.TIMEOUT, TroubleKind.TLS


class Rig:
    """A server behind a proxy. Each method breaks something; :meth:`mend` makes everything good again."""

    def __init__(self, proxy: FaultProxy, server: Server | None, stranger_port: int) -> None:
        self.proxy = proxy
        self._server = server
        self._ports = proxy.target_port, stranger_port

    @property
    def server(self) -> Server:
        assert self._server is not None
        return self._server

    def refuse(self) -> None:
        self.proxy.refuse()
        self.proxy.rst_all()

    def mislead(self) -> None:
        """Lead everybody to a server of another kind."""
        self.proxy.target_port = self._ports[1]
        self.proxy.rst_all()

    def mend(self) -> None:
        self.proxy.target_port = self._ports[0]
        if self._server is not None and self._server.running:
            self._server.resume()
        elif self._server is not None:
            self._server.start()
        self.proxy.clear()


@dataclass(frozen=True)
class Fault:
    """How to break a server, and the kinds of trouble that say so."""

    inflict: Callable[[Rig], object]
    kinds: frozenset[TroubleKind]
    long: bool = False
    """It lasts until every number is too old."""
    once: bool = False
    """It strikes one answer; a question that is asked again at once may hide it."""


WIRE = {
    "refuse": Fault(Rig.refuse, frozenset({REFUSED})),
    "freeze": Fault(lambda rig: rig.proxy.freeze(), frozenset({TIMEOUT}), long=True),
    "reset": Fault(lambda rig: rig.proxy.reset(), frozenset({CLOSED})),
    "cut 1": Fault(lambda rig: rig.proxy.cut_after(1), frozenset({CLOSED, PROTOCOL}), once=True),
    "cut 90": Fault(lambda rig: rig.proxy.cut_after(90), frozenset({CLOSED, PROTOCOL}), once=True),
    "mute": Fault(lambda rig: rig.proxy.mute(), frozenset({TIMEOUT})),
    "garbage": Fault(lambda rig: rig.proxy.garbage(), frozenset({PROTOCOL, TLS, CLOSED, TIMEOUT})),
    "stranger": Fault(Rig.mislead, frozenset({PROTOCOL, TLS})),
    "delay": Fault(lambda rig: rig.proxy.delay(30), frozenset({TIMEOUT})),
}
PROCESS = {
    "kill": Fault(lambda rig: rig.server.kill(), frozenset({CLOSED, REFUSED})),
    "stop": Fault(lambda rig: rig.server.pause(), frozenset({TIMEOUT})),
}


@dataclass(frozen=True)
class Target:
    """A server, and what only it can tell."""

    name: str
    sources: tuple[str, ...]
    """Those that rest on it, the one that is asked most often first; a colon ends a prefix."""
    totals: Mapping[str, int | None]
    """Paths of the status, with their value where it never changes."""
    private: Callable[[], Server] | None = None
    """Makes a server that may be killed."""
    silent: frozenset[str] = frozenset()
    """Faults that its driver waits out."""

    @property
    def faults(self) -> Mapping[str, Fault]:
        found = WIRE | PROCESS if self.private else WIRE
        return found | {name: replace(found[name], kinds=frozenset({TIMEOUT})) for name in self.silent}

    def tells(self, source: str) -> bool:
        return any(source == name or (name.endswith(":") and source.startswith(name)) for name in self.sources)


TARGETS = (
    Target(
        "postgres",
        ("crawler", "locks", "sync-data"),
        {"proxies.total": 100, "proxies.free": 73, "locks.total": 0, "workers.total": None},
        Postgres,
    ),
    Target("redis", ("dramatiq:jobs", "celery:sync"), {"queues.waiting": 4, "workers.total": None}, Redis),
    Target(
        "management", ("rabbitmq",), {"channels.connections": None, "channels.channels": None, "queues.waiting": 4}
    ),
    Target("amqp", ("rabbitmq",), {"queues.waiting": 4}, silent=frozenset({"stranger"})),
    Target("worker", ("health:worker", "sync", "locks:"), {"sync.processed": 500}),
)
CASES = [pytest.param(target, fault, id=f"{target.name}-{fault}") for target in TARGETS for fault in target.faults]


@dataclass
class Outcome:
    """What one fault did to one feed; spans are seconds, ``None`` when it did not happen in time."""

    ready_s: float | None = None
    noticed_s: float | None = None
    recovered_s: float | None = None
    told: set[tuple[str, TroubleKind, str]] = field(default_factory=set)
    """Source, kind and text of every trouble of the sources that rest on the server."""
    disturbed: set[str] = field(default_factory=set)
    """Other sources that were not fresh."""
    wrong: set[str] = field(default_factory=set)
    """Totals that were neither right nor unknown."""
    known: set[str] = field(default_factory=set)
    """Totals that were still told when the last answer was too old."""
    strained: bool = False
    """The machine was too busy meanwhile to tell what is late."""


class Session:
    """One feed with one server behind a proxy."""

    def __init__(self, target: Target, watch: Watch, rig: Rig) -> None:
        self._target = target
        self._watch = watch
        self._rig = rig
        self._outcome = Outcome()
        watch.seen.append(self._look)

    async def suffer(self, fault: Fault) -> Outcome:
        """Inflict a fault, wait until it is noticed, mend it, wait until all is well."""
        self._outcome = outcome = Outcome()
        outcome.ready_s = await until(self._watch.fresh, PATIENCE_S)
        outcome.strained = strained()
        struck = self._rig.proxy.triggered
        await asyncio.to_thread(fault.inflict, self._rig)

        def noticed() -> bool:
            return self._blind(fault.kinds) or (fault.once and self._rig.proxy.triggered > struck)

        outcome.noticed_s = await until(noticed, PATIENCE_S)
        if fault.long:
            await until(lambda: all(self._old(source) for source in self._mine()), PATIENCE_S)
            told = self._watch.told()
            outcome.known = {path for path in self._target.totals if at(path, told) is not None}
        await asyncio.to_thread(self._rig.mend)
        mended_at = clock.now()
        outcome.recovered_s = await until(lambda: self._well(mended_at), PATIENCE_S)
        outcome.strained |= strained()
        return outcome

    def _mine(self) -> list[str]:
        return [source for source in self._watch.states if self._target.tells(source)]

    def _blind(self, kinds: frozenset[TroubleKind]) -> bool:
        state = self._watch.states[self._target.sources[0]]
        return state.state != "fresh" and state.trouble is not None and state.trouble.kind in kinds

    def _old(self, source: str) -> bool:
        state = self._watch.states[source]
        limit = stale_after_s(state.source, state.cost, self._watch.context.thresholds.stale_factor)
        return state.state == "stale" and (state.age_s or 0.0) > limit

    def _well(self, since: float) -> bool:
        board = self._watch.board
        assert board is not None
        first = self._watch.states[self._target.sources[0]]
        return self._watch.fresh() and board.frame.at - (first.age_s or 0.0) > since

    def _look(self, board: Board) -> None:
        outcome = self._outcome
        if outcome.ready_s is None:
            return
        for state in board.sources:
            trouble = state.trouble
            if not self._target.tells(state.source.id):
                if state.state != "fresh":
                    outcome.disturbed.add(f"{state.source.id} {state.state}: {trouble}")
            elif trouble is not None:
                outcome.told.add((state.source.id, trouble.kind, trouble.text))
        told = self._watch.told()
        for path, right in self._target.totals.items():
            if right is not None and (value := at(path, told)) not in {None, right}:
                outcome.wrong.add(f"{path} = {value}")


def strained() -> bool:
    """Whether more wanted to run in the last minute than this machine can."""
    return os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)


def at(path: str, told: object) -> object:
    """What stands at a dotted path of the status."""
    return functools.reduce(lambda node, key: node[key] if isinstance(node, dict) else None, path.split("."), told)


def furnished(server: Server) -> str:
    """The URL of a private server with what the shared one holds, also after a kill."""
    if isinstance(server, Postgres):
        return seed(server)
    assert isinstance(server, Redis)
    fill(server.url)
    server.cli("SAVE")
    return server.url


@dataclass
class Story:
    """What became of each server and fault, and what nobody caught meanwhile."""

    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    uncaught: list[str] = field(default_factory=list)


async def play(
    target: Target, urls: Urls, faults: Mapping[str, Fault], together: asyncio.Barrier
) -> dict[tuple[str, str], Outcome]:
    """Some faults of one server, one after the other; nobody breaks anything while somebody still sets up."""
    async with contextlib.AsyncExitStack() as leaving:
        stack = contextlib.ExitStack()
        leaving.push_async_callback(asyncio.to_thread, stack.close)
        server = None
        if target.private is not None:
            server = await asyncio.to_thread(stack.enter_context, target.private())
            urls = replace(urls, **{target.name: await asyncio.to_thread(furnished, server)})
        url = getattr(urls, target.name)
        rig = Rig(stack.enter_context(FaultProxy(port_of(url))), server, stack.enter_context(greeting()))
        urls = replace(urls, **{target.name: through(url, rig.proxy)})
        await together.wait()
        async with Watch(watching(urls, management=target.name != "amqp")) as watch:
            session = Session(target, watch, rig)
            await until(watch.fresh, 60.0)
            await together.wait()
            return {(target.name, name): await session.suffer(fault) for name, fault in faults.items()}


async def play_all(urls: Urls) -> Story:
    """Every fault of every server, side by side."""
    plays = []
    for target in TARGETS:
        faults = iter(target.faults.items())
        while some := dict(islice(faults, FAULTS_PER_FEED)):
            plays.append((target, urls, some))
    together = asyncio.Barrier(len(plays))
    story = Story()
    async with uncaught() as story.uncaught:
        for outcomes in await asyncio.gather(*(play(*each, together) for each in plays)):
            story.outcomes |= outcomes
    return story


@pytest.fixture(scope="module")
def story(postgres: Postgres, seeded: str, redis_server: Redis, rabbit: Rabbit) -> Iterator[Story]:
    with standing(postgres, seeded, redis_server, rabbit) as urls:
        yield asyncio.run(play_all(urls))


@pytest.mark.parametrize(("target", "name"), CASES)
def test_a_fault_is_told_and_heals(story: Story, target: Target, name: str) -> None:
    outcome, fault = story.outcomes[target.name, name], target.faults[name]
    assert outcome.ready_s is not None
    assert outcome.noticed_s is not None, outcome.told
    assert outcome.recovered_s is not None
    assert outcome.recovered_s < RECOVERED_S or outcome.strained
    for _, kind, text in outcome.told:
        assert kind in fault.kinds | {CLOSED, TIMEOUT}  # on the way in or out
        assert text
        assert text == clean(text, 300)
        assert "\n" not in text


@pytest.mark.parametrize(("target", "name"), CASES)
def test_the_other_sources_stay_fresh(story: Story, target: Target, name: str) -> None:
    assert story.outcomes[target.name, name].disturbed == set() or story.outcomes[target.name, name].strained


@pytest.mark.parametrize(("target", "name"), CASES)
def test_no_total_is_ever_wrong(story: Story, target: Target, name: str) -> None:
    assert story.outcomes[target.name, name].wrong == set()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_numbers_that_are_too_old_are_unknown(story: Story, target: Target) -> None:
    outcome = story.outcomes[target.name, "freeze"]
    told = {source for source, _, _ in outcome.told}
    assert all(any(source.startswith(name) for source in told) for name in target.sources)
    assert outcome.known == set()


def test_nothing_is_left_uncaught(story: Story) -> None:
    assert story.uncaught == []
