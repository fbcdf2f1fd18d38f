"""One worker, many names: what is joined, what is kept apart, and what no name may do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.boards import CONTEXT, T0, crawler, frame, fresh, played, stale
from tests.unit.test_config_cases import problems, write
from tests.unit.test_verdict import WELL
from unstick.board.board import Board
from unstick.board.holders import Names, holder
from unstick.config import load
from unstick.facts.automation import AutomationFacts
from unstick.facts.celery import CeleryFacts, CeleryQueue
from unstick.facts.celery_events import CeleryEventsFacts, CeleryNode
from unstick.facts.crawler import CrawlerWorker
from unstick.facts.frame import Frame, Observation
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.template import TemplateError, matching, parsed, put_together, taken_apart
from unstick.pollers.rabbit_reply import connection_facts, connections
from unstick.secret import Url
from unstick.settings import Context, Dramatiq, Health, Holder
from unstick.tape.meta import Meta, anonymous, context_of, kept
from unstick.views.pages import page
from unstick.views.status_text import flat

HOSTILE = ["", "_", "a" * 600, "\x1b[31m_3", "{container}_{n}", "_" * 500, "8b4f59aa_", "a_b_c_3\u202e"]


class TestTemplates:
    @pytest.mark.parametrize(
        ("template", "what"),
        [
            ("", "is empty"),
            ("{a}{b}", "has two fields with nothing between them"),
            ("{a}-{a}", "has {a} twice"),
            ("{A}", "has a brace that is no field"),
            ("x}", "has a brace that is no field"),
            ("-".join(f"{{f{n}}}" for n in range(9)), "has more than 8 fields"),
        ],
    )
    def test_what_is_no_template_is_refused(self, template: str, what: str) -> None:
        with pytest.raises(TemplateError) as caught:
            matching(template)
        assert caught.value.what == what
        assert caught.value.mend

    @pytest.mark.parametrize("name", HOSTILE)
    def test_no_name_does_anything_but_fit_or_not(self, name: str) -> None:
        fields = taken_apart("{container}_{n}", name)
        assert fields is None or put_together("{container}_{n}", fields) == name

    @given(st.lists(st.text("ab-_", min_size=1, max_size=9), min_size=3, max_size=3), st.text("ab-_", max_size=30))
    def test_what_is_taken_apart_is_put_together_again(self, fields: list[str], name: str) -> None:
        template = "w-{a}_{b}--{c}"
        whole = put_together(template, dict(zip("abc", fields, strict=True)))
        for each in (whole, name):
            found = taken_apart(template, each)
            assert (found is not None) == (each == whole or fits(each)), each
            assert found is None or put_together(template, found) == each

    def test_its_work_is_bounded_by_the_length_of_the_name(self) -> None:
        """A regular expression of eight open ends would try every way to part this."""
        template = "-".join(f"{{f{n}}}" for n in range(8)) + "!"
        assert taken_apart(template, "-" * 100_000) is None
        assert taken_apart(template, "-" * 100_000 + "!") is not None
        assert parsed(template)[0][-1] == "!"


def fits(name: str) -> bool:
    """The same by a regular expression, of names that are short enough for one."""
    import re  # noqa: PLC0415 - only here

    return re.fullmatch(r"w-.+_.+--.+", name) is not None


class TestConfiguration:
    def test_an_entry_that_is_wrong_is_refused_at_its_line(self, tmp_path: Path) -> None:
        path = write(
            tmp_path,
            """[redis]
url = "redis://r"
[[dramatiq]]
name = "mail"
[[health]]
url = "http://w:80"
broker = "post"
[[holder]]
match = "{a}{b}"
worker = "{a}"
[[holder]]
match = "crawler-{container}"
worker = "{container}_{n}"
[[holder]]
match = "x"
worker = "y"
source = "kafka"
""",
        )
        assert [line for line in problems(path) if line.startswith("unstick.toml:17: holder[3].source: ")]
        path.write_text(path.read_text().replace("kafka", "any"))
        assert problems(path) == [
            "unstick.toml:7: health[1].broker: no [[dramatiq]] or [[celery]] is called 'post'; mend: known: mail",
            "unstick.toml:9: holder[1].match: has two fields with nothing between them; mend: write what parts them",
            "unstick.toml:13: holder[2].worker: {n} is no field of match; mend: match has {container}",
        ]

    def test_one_that_is_right_reaches_the_fold_and_the_tape(self, tmp_path: Path) -> None:
        text = """[redis]
url = "redis://r"
[[dramatiq]]
[[health]]
url = "http://w:80"
broker = "dramatiq"
[[holder]]
match = "crawler-{container}-{n}"
worker = "{container}_{n}"
source = "rabbitmq"
"""
        context = load(write(tmp_path, text), None, {}).context
        assert context.holder == (Holder("crawler-{container}-{n}", "{container}_{n}", "rabbitmq"),)
        replayed = context_of(msgspec.json.decode(msgspec.json.encode(kept(context)), type=type(kept(context))))
        assert replayed.holder == context.holder
        assert [(entry.known_as, entry.broker) for entry in replayed.health] == [("w:80", "dramatiq")]
        hashed = anonymous(Meta(kept(context))).settings
        assert (hashed.holders, hashed.brokers) == ((), ())

    def test_the_first_entry_that_fits_decides_and_only_for_who_it_is_about(self) -> None:
        names = Names(
            msgspec.structs.replace(
                CONTEXT,
                holder=(Holder("w-{n}", "locked-{n}", "locks"), Holder("w-{n}", "any-{n}"), Holder("{x}-1", "no")),
            )
        )
        assert names.worker("locks", "w-1") == "locked-1"
        assert names.worker("http", "w-1") == "any-1"
        assert names.worker("http", "v-1") == "no"
        assert names.worker("http", "other") == "other"


def link(name: str, client: str | None, process: str | None = None) -> RabbitConnection:
    return RabbitConnection(name, T0, client, None, "u", "/", "10.0.0.9:5", 3, 2047, 60.0, "running", process)


def everything_of_one(context: Context) -> Board:
    """Worker 8b4f59aa_3, as five systems call it."""

    def at(now: float) -> Frame:
        worker = CrawlerWorker("8b4f59aa_3", "8b4f59aa", 1, 1, now - 4, now - 4)
        locks = LockFacts(
            "postgres", "locks", now, 1, 0, 0, (("lock/8b4f59aa/3", 1),),
            (LockRow("5", "crawl", "t-9", "lock/8b4f59aa/3", now - 60, now + 60),),
        )  # fmt: skip
        rabbit = RabbitFacts(
            "management", "b", "3", (link("a", "crawler-8b4f59aa-3"), link("b", None, "web-1:77"), link("c", "else")),
            3, 9, (), 0,
        )  # fmt: skip
        node = CeleryNode("celery@web-1", now - 1, 2.0, 2, 40, 77, 0.1, "5")
        heard = CeleryEventsFacts("celery", now, T0 - 60, (node,), 1, (), (), 9, 0)
        return frame(
            now,
            fresh("crawler", crawler(now, workers=(worker,)), now),
            fresh("locks", locks, now),
            fresh("rabbitmq", rabbit, now),
            fresh("celery-events:celery", heard, now),
            fresh("health:crawl-3", msgspec.structs.replace(WELL, name="crawl-3"), now),
        )

    return played((at(T0 + n) for n in range(3)), context)


JOINED = msgspec.structs.replace(
    CONTEXT,
    holder=(
        Holder("crawler-{container}-{n}", "{container}_{n}", "rabbitmq"),
        Holder("lock/{container}/{n}", "{container}_{n}", "locks"),
        Holder("celery@web-1", "8b4f59aa_3", "celery"),
        Holder("crawl-3", "8b4f59aa_3", "http"),
    ),
)


class TestJoined:
    def test_its_page_has_every_sign_of_life_and_everything_it_holds(self) -> None:
        board = everything_of_one(JOINED)
        told = page(board, "worker:crawler:8b4f59aa_3")
        assert told is not None
        parts = {part.title: part.facts for part in told.parts}
        lives = {(fact.name, fact.source) for fact in parts["Signs of life"]}
        assert lives >= {
            ("task heartbeat", "crawler"),
            ("proxy changed", "crawler"),
            ("event", "celery-events:celery"),
            ("status", "health:crawl-3"),
            ("took its newest lock", "locks"),
            ("connection", "rabbitmq"),
        }
        assert all(fact.age_s is not None for fact in parts["Signs of life"])
        assert [flat(f.value) for f in parts["Signs of life"] if f.name == "connection"] == [
            "running, from 10.0.0.9:5, as crawler-8b4f59aa-3",
            "running, from 10.0.0.9:5, as web-1:77",
        ]
        held = [(fact.name, flat(fact.value)) for fact in parts["Holds"]]
        assert ("lock crawl t-9", "held") in held
        assert ("tasks", "1 processing") in held
        assert ("tasks", "2 processing") in held
        assert held.count(("channels", "3 on connection a")) == 1
        other = [fact.jump for fact in parts["What it is"] if fact.name == "is also"]
        assert other == ["worker:celery-events:celery:celery@web-1", "worker:health:crawl-3:crawl-3"]
        assert all(page(board, jump) is not None for jump in other)

    def test_whichever_of_its_rows_is_opened_the_holdings_are_the_same(self) -> None:
        board = everything_of_one(JOINED)
        told = [
            page(board, f"worker:{w.source}:{w.id}") for w in holder(board.subjects, JOINED, "8b4f59aa_3").workers
        ]
        assert len({tuple(p.parts[2].facts) for p in told if p is not None}) == 1
        assert len(told) == 3

    def test_without_entries_only_equal_names_are_one(self) -> None:
        board = everything_of_one(CONTEXT)
        alone = holder(board.subjects, CONTEXT, "8b4f59aa_3")
        assert [worker.source for worker in alone.workers] == ["crawler"]
        assert (alone.locks, alone.links) == ((), ())

    def test_a_connection_and_a_lock_lead_to_their_worker(self) -> None:
        board = everything_of_one(JOINED)
        links = board.subjects.channels
        assert links is not None
        keys = {item.connection.name: f"link:{item.key}" for item in links.items}
        for name, jumps in (
            ("a", {"worker:crawler:8b4f59aa_3"}),
            ("b", {"worker:celery-events:celery:celery@web-1"}),
        ):
            told = page(board, keys[name])
            assert told is not None
            found = {fact.jump for part in told.parts for fact in part.facts if fact.name == "worker"}
            assert found >= jumps
        lock = page(board, "lock:locks|crawl|t-9|5")
        assert lock is not None
        (said,) = [fact for part in lock.parts for fact in part.facts if fact.name == "worker"]
        assert flat(said.value).startswith("8b4f59aa_3, alive")
        assert flat(said.value).endswith("here lock/8b4f59aa/3")

    def test_hostile_names_join_nothing_and_reach_no_page_raw(self) -> None:
        for name in HOSTILE[3:]:
            rabbit = RabbitFacts("management", "b", "3", (link("a", name),), 1, 1, (), 0)
            worker = CrawlerWorker(name, "c", 1, 1, T0, T0)
            board = played(
                [frame(T0, fresh("rabbitmq", rabbit, T0), fresh("crawler", crawler(T0, workers=(worker,)), T0))],
                JOINED,
            )
            told = page(board, f"worker:crawler:{name}")
            assert told is not None
            assert len(holder(board.subjects, JOINED, name).links) == 1


def endpoint(name: str, *, at: float, refuses: bool = False) -> Observation:
    facts = msgspec.structs.replace(WELL, name=name)
    observation = stale(f"health:{name}", facts, T0, T0 + 1, TroubleKind.REFUSED) if refuses else None
    return observation or fresh(f"health:{name}", facts, at)


class TestContradictions:
    """Two sources speak of one worker, and not the same."""

    def dead_endpoint(self, context: Context) -> Board:
        def at(now: float) -> Frame:
            worker = CrawlerWorker("c_1", "c", 1, 1, now, now)
            return frame(
                now,
                fresh("crawler", crawler(now, workers=(worker,)), now),
                endpoint("crawl-1", at=now, refuses=True),
            )

        return played((at(T0 + 20 + n) for n in range(3)), context)

    def test_a_worker_behind_an_endpoint_that_hung_up_is_not_dead_while_another_source_sees_it(self) -> None:
        joined = msgspec.structs.replace(CONTEXT, holder=(Holder("crawl-{n}", "c_{n}"),))
        assert [f.rule for f in self.dead_endpoint(joined).findings] == ["endpoint-unseen"]
        assert [f.rule for f in self.dead_endpoint(CONTEXT).findings] == ["worker-dead"]

    def test_a_connection_that_still_stands_speaks_against_a_death(self) -> None:
        def at(now: float, *clients: str) -> Frame:
            links = tuple(link(name, name) for name in clients)
            rabbit = RabbitFacts("management", "b", "3", links, len(links), 3, (), 0)
            return frame(now, endpoint("w", at=now, refuses=True), fresh("rabbitmq", rabbit, now))

        lone, doubted = (
            next(f for f in played([at(T0 + 20, *clients)]).findings if f.id == "worker-dead:w")
            for clients in ((), ("w", "other"))
        )
        against = [evidence.text for evidence in doubted.evidence if evidence.text.startswith("but ")]
        assert against == ["but w of it is still connected to RabbitMQ: its process may live"]
        assert not any(evidence.text.startswith("but ") for evidence in lone.evidence)

    def test_two_that_died_as_one_are_one_line(self) -> None:
        joined = msgspec.structs.replace(CONTEXT, holder=(Holder("crawl-{n}", "c_{n}"),))

        def at(now: float) -> Frame:
            worker = CrawlerWorker("c_1", "c", 1, 1, T0 - 900, T0 - 900)
            return frame(
                now,
                fresh("crawler", crawler(now, workers=(worker,)), now),
                endpoint("crawl-1", at=now, refuses=True),
            )

        (finding,) = played((at(T0 + 20 + n) for n in range(3)), joined).findings
        assert finding.rule == "proxies-held-by-dead"
        assert "worker-dead:crawl-1" in {symptom.id for symptom in finding.symptoms}

    def test_of_two_that_call_themselves_the_same_the_living_one_keeps_its_locks(self) -> None:
        """Two hosts, one id: the locks of that name may be those of the one that lives."""
        facts = AutomationFacts(
            "worker_1", "a", T0, True, True, "healthy", (), 9.0, None, None, None, 1, 5, 1, 1, (), (), (), ()
        )
        rows = (LockRow("5", "crawl", "t", "worker_1", T0 - 60, T0 + 600),)
        locks = LockFacts("postgres", "locks", T0, 1, 0, 0, (("worker_1", 1),), rows)
        dead = stale("automation:b", msgspec.structs.replace(facts, address="b"), T0, T0 + 1, TroubleKind.REFUSED)
        for order in (1, -1):
            endpoints = [fresh("automation:a", facts, T0 + 30), dead][::order]
            board = played([frame(T0 + 30, *endpoints, fresh("locks", locks, T0 + 30))])
            assert board.subjects.locks is not None
            assert [lock.state for lock in board.subjects.locks.items] == ["held"]
        told = page(board, "worker:automation:a:worker_1")
        assert told is not None
        (uncertain,) = [fact for fact in told.parts[0].facts if fact.name == "not certain"]
        assert flat(uncertain.value) == (
            "automation:a, automation:b each tell of a worker_1: two may be taken for one"
        )

    def test_a_source_that_is_missing_leaves_its_holdings_unknown(self) -> None:
        board = played([frame(T0, endpoint("w", at=T0))])
        (worker,) = holder(board.subjects, CONTEXT, "w").workers
        assert worker.holds.locks is None
        assert holder(board.subjects, CONTEXT, "nobody").workers == ()


class TestPool:
    """Whose messages an endpoint's worker does: unset, those of any broker count."""

    def idle(self, broker: str) -> Board:
        context = msgspec.structs.replace(
            CONTEXT,
            dramatiq=(Dramatiq(name="mail"), Dramatiq(name="web")),
            health=(Health(url=Url("http://w"), name="w", broker=broker),),
        )
        facts = msgspec.structs.replace(WELL, name="w", healthy=False, heartbeat_age_s=400.0)
        celery = CeleryFacts("full", T0, (CeleryQueue("q", 5000, (), None),), 0, None, 3600.0)
        source = Source("celery:full", "celery", "redis", 1.0)
        return played([frame(T0, fresh("health:w", facts, T0), msgspec.structs.replace(
            fresh("celery", celery, T0), source=source))], context)  # fmt: skip

    def test_what_waits_elsewhere_blames_it_not(self) -> None:
        worker = self.idle("full").subjects.workers
        assert worker is not None
        assert (worker.items[0].pool, worker.items[0].life) == ("celery:full", "stalled")
        other = self.idle("").subjects.workers
        assert other is not None
        assert (other.items[0].pool, other.items[0].fault) == ("", "unhealthy")


def test_the_properties_of_a_client_tell_host_and_process() -> None:
    body = msgspec.json.encode(
        [
            {"name": "a", "client_properties": {"hostname": "web-1", "pid": 77}},
            {"name": "b", "client_properties": {"host": "web-2", "pid": "88"}},
            {"name": "c", "client_properties": {"hostname": ["x"], "pid": 1}},
            {"name": "d", "client_properties": []},
            {"name": "e", "client_properties": {"hostname": "\u001b[31m", "pid": 1}},
        ]
    )
    found = {each.name: each.process for each in connection_facts(connections(body), 9)}
    assert found == {"a": "web-1:77", "b": "web-2:88", "c": None, "d": None, "e": "^[[31m:1"}
