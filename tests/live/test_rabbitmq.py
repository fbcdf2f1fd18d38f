"""The management API of a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.lab.fixtures import Vhost
from tests.lab.servers import Rabbit
from tests.live.brokers import SOURCE, add_queue, add_user, as_user, client, memory_alarm, q, refusal, until
from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import BackendError
from unstick.backends.http import HttpConnection
from unstick.facts.rabbitmq import RabbitFacts, RabbitQueue
from unstick.pollers import rabbitmq
from unstick.pollers.queue_owners import Owners
from unstick.pollers.rabbitmq import RabbitPoller
from unstick.secret import Url
from unstick.settings import RabbitMQ


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[HttpConnection]:
    connection = HttpConnection(Url(url))
    try:
        yield connection
    finally:
        await connection.close()


def look(url: str, owners: Owners | None = None, **options: Any) -> RabbitFacts:
    async def run() -> RabbitFacts:
        async with connected(url) as connection:
            return await RabbitPoller(SOURCE, RabbitMQ(**options), owners or {}).look(connection)

    return asyncio.run(run())


def look_until_consumers_are_known(url: str, owners: Owners, **options: Any) -> RabbitFacts:
    """A fresh queue has no consumer count for the first few seconds."""

    async def run() -> RabbitFacts:
        async with connected(url) as connection:
            for _ in range(80):
                facts = await RabbitPoller(SOURCE, RabbitMQ(**options), owners).look(connection)
                if all(queue.consumers == 0 for queue in facts.queues or () if queue.owner):
                    return facts
                await asyncio.sleep(0.2)
            raise AssertionError(facts)

    return asyncio.run(run())


def queues_of(facts: RabbitFacts, vhost: str) -> dict[str, RabbitQueue]:
    assert facts.queues is not None
    return {queue.name: queue for queue in facts.queues if queue.vhost == vhost}


def listed(rabbit: Rabbit, command: str, *columns: str) -> list[list[str]]:
    """A table of rabbitmqctl."""
    return [line.split("\t") for line in rabbit.ctl(command, "--no-table-headers", *columns).splitlines()]


def test_the_numbers_are_rabbitmqctls(vhost: Vhost) -> None:
    rabbit = vhost.server
    for name, messages in {"default": 9, "idle": 0, "reports": 3}.items():
        add_queue(rabbit, vhost.name, name, messages)

    async def hold(_message: object) -> None:
        """A worker that acknowledges nothing."""

    async def run() -> RabbitFacts:
        async with (
            client(vhost.amqp_url, "leaky", 12),
            client(vhost.amqp_url, "worker", 3) as channels,
            connected(rabbit.management_url) as connection,
        ):
            await channels[0].set_qos(4)
            await (await channels[0].get_queue("default")).consume(hold)
            poller = RabbitPoller(SOURCE, RabbitMQ(), {(None, "idle"): "celery"})
            watcher = AmqpConnection(Url(vhost.amqp_url))
            await watcher.depth("idle")
            try:
                for _ in range(60):
                    facts = await poller.look(connection)
                    seen = {c.client: c.channels for c in facts.connections or () if c.vhost == vhost.name}
                    consumers = queues_of(facts, vhost.name)["default"].consumers
                    if seen == {"leaky": 12, "worker": 3, "unstick": 1} and consumers == 1:
                        return await compare(rabbit, vhost, facts)
                    await asyncio.sleep(0.25)
                raise AssertionError(facts)
            finally:
                await watcher.close()

    facts = asyncio.run(run())
    assert facts.connections is not None
    assert [c.channels for c in facts.connections] == sorted(
        (c.channels or 0 for c in facts.connections), reverse=True
    )
    assert {c.heartbeat_s for c in facts.connections} == {60.0}
    assert queues_of(facts, vhost.name)["idle"].consumers == 0
    assert queues_of(facts, vhost.name)["idle"].owner == "celery"


async def compare(rabbit: Rabbit, vhost: Vhost, facts: RabbitFacts) -> RabbitFacts:
    """While the clients are still connected."""
    columns = ("name", "messages_ready", "messages_unacknowledged")
    queues = await asyncio.to_thread(listed, rabbit, "list_queues", "-p", vhost.name, *columns)
    assert {(n, int(r), int(u)) for n, r, u in queues} == {
        (name, queue.ready, queue.unacked) for name, queue in queues_of(facts, vhost.name).items()
    }
    links = await asyncio.to_thread(listed, rabbit, "list_connections", "name", "channels", "channel_max", "timeout")
    assert sorted((n, int(c), int(m), float(t)) for n, c, m, t in links) == sorted(
        (c.name, c.channels, c.channel_max, c.heartbeat_s) for c in facts.connections or ()
    )
    channels = await asyncio.to_thread(listed, rabbit, "list_channels", "pid")
    assert (facts.connection_count, facts.channel_count) == (len(links), len(channels))
    overview = await asyncio.to_thread(rabbit.api, "GET", "overview")
    assert facts.churn.connections_opened is not None
    assert facts.churn.connections_opened <= overview["churn_rates"]["connection_created"]
    assert (facts.version, facts.name) == (overview["rabbitmq_version"], overview["cluster_name"])
    assert facts.queue_count == overview["object_totals"]["queues"]
    return facts


def test_names_of_virtual_hosts_and_queues(rabbit: Rabbit) -> None:
    names = {
        "a/b c": "a/b c",
        "a?b#c&d%2F": "a?b#c&d%2F",
        "очередь": "очередь",
        "x\x1b[31mred": "x^[[31mred",
        "[bold]m[/bold]": "[bold]m[/bold]",
        "y" * 255: "y" * 255,
    }
    for vhost in ("app/é", "with space", "%2F"):
        rabbit.add_vhost(vhost)
        try:
            for name in names:
                add_queue(rabbit, vhost, name, 1)
            for options in ({}, {"vhosts": (vhost,)}):
                owners: Owners = {(vhost, name): "celery" for name in names}
                facts = look_until_consumers_are_known(rabbit.management_url, owners, **options)
                assert {(queue.name, queue.ready) for queue in queues_of(facts, vhost).values()} == {
                    (shown, 1) for shown in names.values()
                }
        finally:
            rabbit.delete_vhost(vhost)


def test_a_memory_alarm_shows_and_depths_go_on(vhost: Vhost) -> None:
    rabbit = vhost.server
    add_queue(rabbit, vhost.name, "work", 4)
    assert look(rabbit.management_url).alarms == ()
    with memory_alarm(rabbit):
        facts = look(rabbit.management_url)
        assert facts.alarms == (f"memory on {rabbit.node}",)
        assert queues_of(facts, vhost.name)["work"].ready == 4
        rabbit.api("DELETE", f"queues/{q(vhost.name)}/work/contents")
        assert queues_of(look(rabbit.management_url), vhost.name)["work"].ready == 0
    assert look(rabbit.management_url).alarms == ()


def test_a_watcher_without_rights_in_any_virtual_host_knows_no_queues(vhost: Vhost) -> None:
    add_queue(vhost.server, vhost.name, "work", 1)
    facts = look(as_user(vhost.management_url, add_user(vhost.server, "blind", "monitoring")))
    assert (facts.queues, facts.queue_count) == (None, None)
    assert facts.connections is not None


def test_a_watcher_with_empty_rights_sees_everything_and_may_do_nothing(vhost: Vhost) -> None:
    add_queue(vhost.server, vhost.name, "work", 2)
    user = add_user(vhost.server, "watcher", "monitoring", vhost.name)
    facts = look(as_user(vhost.management_url, user), vhosts=(vhost.name,), queues=("work",))
    assert [(queue.name, queue.ready, queue.unacked) for queue in facts.queues or ()] == [("work", 2, 0)]
    assert facts.alarms_known


def test_a_management_user_sees_its_queues_and_no_connections(vhost: Vhost) -> None:
    add_queue(vhost.server, vhost.name, "work", 2)
    user = add_user(vhost.server, "half", "management", vhost.name)

    async def run() -> RabbitFacts:
        async with client(vhost.amqp_url, "somebody"), connected(as_user(vhost.management_url, user)) as connection:
            return await RabbitPoller(SOURCE, RabbitMQ(), {}).look(connection)

    facts = asyncio.run(run())
    assert queues_of(facts, vhost.name)["work"].ready == 2
    assert (facts.connections, facts.connection_count, facts.channel_count) == (None, None, None)


def test_refusals(vhost: Vhost) -> None:
    rabbit = vhost.server
    plain = add_user(rabbit, "plain", "", vhost.name)
    elsewhere = add_user(rabbit, "elsewhere2", "management")
    cases: tuple[tuple[str, dict[str, Any], tuple[str, bool]], ...] = (
        (as_user(vhost.management_url, rabbit.user), {}, ("auth", True)),
        (as_user(vhost.management_url, plain), {}, ("denied", True)),
        (as_user(vhost.management_url, elsewhere), {"vhosts": (vhost.name,)}, ("denied", False)),
        (vhost.management_url, {"vhosts": ("no such",)}, ("absent", False)),
    )
    for url, options, kind in cases:
        with pytest.raises(BackendError) as caught:
            look(url, **options)
        assert refusal(caught.value) == kind


def test_a_list_that_is_too_long_comes_deepest_first_with_the_named_ones(
    vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq, "LIST_LIMIT", 0)
    monkeypatch.setattr(rabbitmq, "_DEEPEST", "&sort=messages&sort_reverse=true&page={page}&page_size=1")
    for name, messages in {"deep": 5, "deeper": 6, "a.b|c": 1, "a.b|c.DQ": 0, "axb|c": 1, "shallow": 1}.items():
        add_queue(vhost.server, vhost.name, name, messages)
    facts = look(vhost.management_url, {(vhost.name, "a.b|c"): "dramatiq"})
    assert set(queues_of(facts, vhost.name)) == {"deeper", "deep", "a.b|c", "a.b|c.DQ"}
    assert facts.queue_count is not None
    assert facts.queue_count >= 6


def test_a_broker_that_stops_and_comes_back(vhost: Vhost) -> None:
    rabbit = vhost.server
    add_queue(rabbit, vhost.name, "work", 3)

    async def run() -> None:
        async with connected(rabbit.management_url) as connection:
            poller = RabbitPoller(SOURCE, RabbitMQ(), {})
            assert queues_of(await poller.look(connection), vhost.name)["work"].ready == 3
            await asyncio.to_thread(rabbit.halt)
            for _ in range(3):
                with pytest.raises(BackendError) as caught:
                    await poller.look(connection)
            assert refusal(caught.value) == ("refused", True)
            await asyncio.to_thread(rabbit.start)
            await until(lambda: rabbit.api("GET", "overview")["object_totals"]["queues"], "no queues came back")
            assert queues_of(await poller.look(connection), vhost.name)["work"].ready == 3

    asyncio.run(run())


def test_statistics_switched_off_are_unknown_not_zero() -> None:
    with Rabbit(settings={"management_agent.disable_metrics_collector": "true"}) as rabbit:
        add_queue(rabbit, "/", "work", 3)

        async def run() -> RabbitFacts:
            async with client(rabbit.url, "somebody"), connected(rabbit.management_url) as connection:
                return await RabbitPoller(SOURCE, RabbitMQ(), {}).look(connection)

        facts = asyncio.run(run())
        assert facts.statistics_off
        assert (facts.connections, facts.connection_count, facts.channel_count) == (None, None, None)
        assert facts.queues == (RabbitQueue("/", "work", 3, 0, None, "running"),)


def test_what_a_look_costs_the_broker(vhost: Vhost) -> None:
    for number in range(15):
        add_queue(vhost.server, vhost.name, f"w{number}", 1)

    async def run() -> None:
        async with connected(vhost.management_url) as connection:
            poller = RabbitPoller(SOURCE, RabbitMQ(), {})
            await poller.look(connection)
            first = connection.take_cost()
            await poller.look(connection)
            assert connection.take_cost().queries == first.queries - 1
            assert first.queries <= 15
            assert 1000 < first.bytes_in < 64_000

    asyncio.run(run())
