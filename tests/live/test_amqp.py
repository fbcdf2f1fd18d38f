"""AMQP alone, against a real broker."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.fixtures import Vhost
from tests.lab.servers import Rabbit
from tests.live.brokers import SOURCE, add_queue, add_user, as_user, client, memory_alarm, q, refusal, until
from unstick import clock
from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import BackendError
from unstick.facts.rabbitmq import RabbitQueue
from unstick.facts.text import clean
from unstick.pollers.amqp_queues import AmqpQueuePoller
from unstick.secret import Url


@asynccontextmanager
async def watching(url: str, timeout_s: float = 2.0) -> AsyncIterator[AmqpConnection]:
    connection = AmqpConnection(Url(url), timeout_s=timeout_s)
    try:
        yield connection
    finally:
        await connection.close()


async def failing(call: Coroutine[Any, Any, object]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value


async def hold(_message: object) -> None:
    """A worker that acknowledges nothing."""


def counted(rabbit: Rabbit, vhost: str) -> dict[str, tuple[int, int]]:
    """Ready messages and consumers by rabbitmqctl."""
    rows = rabbit.ctl("list_queues", "-p", vhost, "--no-table-headers", "name", "messages_ready", "consumers")
    cells = [row.split("\t") for row in rows.splitlines()]
    return {name: (int(ready), int(consumers)) for name, ready, consumers in cells}


def own_connections(rabbit: Rabbit) -> list[dict[str, Any]]:
    """Connections of unstick and how many channels each has, as the broker sees them now."""
    listed = rabbit.ctl("list_connections", "--no-table-headers", "pid", "client_properties")
    pids = [line.split()[0] for line in listed.splitlines() if '{"connection_name","unstick"}' in line]
    channels = rabbit.ctl("list_channels", "--no-table-headers", "connection").split()
    return [{"pid": pid, "channels": channels.count(pid)} for pid in pids]


def test_depths_are_the_brokers_own(vhost: Vhost) -> None:
    rabbit = vhost.server
    other = {"a/b c,#+@:-_": 1, "очередь №1": 3}
    for name, messages in ({"default": 7, "default.DQ": 0, "default.XQ": 2} | other).items():
        add_queue(rabbit, vhost.name, name, messages)

    async def run() -> None:
        async with client(vhost.amqp_url, "worker") as [channel], watching(vhost.amqp_url) as connection:
            await channel.set_qos(3)
            queue = await channel.get_queue("default")
            await queue.consume(hold)
            await until(
                lambda: counted(rabbit, vhost.name).get("default") == (4, 1), "consumer never got its messages"
            )
            unspeakable = ("я" * 128, "\udcff")
            names = ("default", "default.DQ", "default.XQ", *other, "gone", *unspeakable, "gone")
            facts = await AmqpQueuePoller(SOURCE, names, {}).look(connection)
            assert facts.queues == (
                RabbitQueue(vhost.name, "default", 4, None, 1, owner="dramatiq"),
                RabbitQueue(vhost.name, "default.DQ", 0, None, 0, owner="dramatiq"),
                RabbitQueue(vhost.name, "default.XQ", 2, None, 0, owner="dramatiq"),
                RabbitQueue(vhost.name, "a/b c,#+@:-_", 1, None, 0),
                RabbitQueue(vhost.name, "очередь №1", 3, None, 0),
                RabbitQueue(vhost.name, "gone", None, None, None, absent=True),
                *(
                    RabbitQueue(
                        vhost.name,
                        clean(name),
                        None,
                        None,
                        None,
                        "a queue of this name cannot be asked for over AMQP",
                    )
                    for name in unspeakable
                ),
            )
            assert (facts.via, facts.connections, facts.alarms_known) == ("amqp", None, False)
            assert connection.take_cost().queries == 6

    asyncio.run(run())


def test_a_user_who_may_do_nothing_is_enough_and_nothing_changes(vhost: Vhost) -> None:
    rabbit = vhost.server
    add_queue(rabbit, vhost.name, "work", 3)
    user = add_user(rabbit, "powerless", "", vhost.name)

    async def run() -> None:
        async with watching(as_user(vhost.amqp_url, user)) as connection:
            assert await connection.depth("work") == (3, 0)
            assert await connection.depth("missing") is None
            assert await connection.depth("work") == (3, 0)

    asyncio.run(run())
    assert counted(rabbit, vhost.name) == {"work": (3, 0)}


def test_two_hundred_missing_queues_leave_one_connection_and_one_channel(vhost: Vhost) -> None:
    rabbit = vhost.server
    add_queue(rabbit, vhost.name, "work")

    async def run() -> None:
        process = psutil.Process()
        async with watching(vhost.amqp_url) as connection:
            assert await connection.depth("work") == (0, 0)
            gc.collect()
            files = process.num_fds()
            for number in range(200):
                assert await connection.depth(f"missing-{number}") is None
            assert await connection.depth("work") == (0, 0)
            mine = await asyncio.to_thread(own_connections, rabbit)
            assert [link["channels"] for link in mine] == [1]
            assert process.num_fds() <= files
        await until(lambda: own_connections(rabbit) == [], "the connection was not closed")

    asyncio.run(run())


def test_a_missing_queue_is_asked_for_once_a_minute(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"nobody-{vhost.name}"
    real, ahead = time.monotonic, 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: real() + ahead)

    def complaints() -> int:
        return vhost.server.log.read_text(errors="replace").count(f"no queue '{name}'")

    async def run() -> None:
        nonlocal ahead
        async with watching(vhost.amqp_url) as connection:
            for _ in range(20):
                assert await connection.depth(name) is None
            once = await until(complaints, "the broker never logged it")
            ahead = 61.0
            assert await connection.depth(name) is None
            await until(lambda: complaints() == 2 * once, "asked again, but not once")
            add_queue(vhost.server, vhost.name, name, 1)
            assert await connection.depth(name) is None
            ahead = 122.0
            assert await connection.depth(name) == (1, 0)
            assert complaints() == 2 * once

    asyncio.run(run())


def test_a_queue_that_belongs_to_another_connection_is_one_queues_trouble(vhost: Vhost) -> None:
    add_queue(vhost.server, vhost.name, "work", 1)

    async def run() -> None:
        async with client(vhost.amqp_url, "owner") as [channel], watching(vhost.amqp_url) as connection:
            await channel.declare_queue("mine", exclusive=True)
            error = await failing(connection.depth("mine"))
            assert refusal(error) == ("denied", False)
            assert "locked" in error.trouble.text
            assert await connection.depth("work") == (1, 0)

    asyncio.run(run())


@pytest.mark.parametrize("name", ["[x]", "tab\t", "a\x1b[31m"])
def test_a_strange_name_is_the_brokers_to_judge(vhost: Vhost, name: str) -> None:
    async def run() -> None:
        async with watching(vhost.amqp_url) as connection:
            assert await connection.depth(name) is None

    asyncio.run(run())


@pytest.mark.parametrize("name", ["", "x" * 256, "\udcff"])
def test_a_name_that_cannot_be_sent_is_one_queues_trouble(vhost: Vhost, name: str) -> None:
    async def run() -> None:
        async with watching(vhost.amqp_url) as connection:
            assert refusal(await failing(connection.depth(name))) == ("protocol", False)

    asyncio.run(run())


def test_virtual_hosts_of_any_name(rabbit: Rabbit) -> None:
    for name in ("app/é", "with space", "очередь", "a%b?c#d"):
        rabbit.add_vhost(name)
        add_queue(rabbit, name, "work", 2)

        async def run(name: str = name) -> None:
            async with watching(rabbit.amqp_url(name)) as connection:
                assert connection.vhost == name
                assert await connection.depth("work") == (2, 0)

        try:
            asyncio.run(run())
        finally:
            rabbit.delete_vhost(name)


def test_a_memory_alarm_does_not_stop_the_watcher(vhost: Vhost) -> None:
    add_queue(vhost.server, vhost.name, "work", 5)

    async def run() -> None:
        async with watching(vhost.amqp_url) as connection:
            assert await connection.depth("work") == (5, 0)
            with memory_alarm(vhost.server):
                vhost.server.api("DELETE", f"queues/{q(vhost.name)}/work/contents")
                assert await connection.depth("missing") is None
                assert await connection.depth("work") == (0, 0)

    asyncio.run(run())


def test_a_broker_that_stops_and_comes_back(vhost: Vhost) -> None:
    rabbit = vhost.server
    add_queue(rabbit, vhost.name, "work", 2)

    async def run() -> None:
        async with watching(vhost.amqp_url) as connection:
            assert await connection.depth("work") == (2, 0)
            await asyncio.to_thread(rabbit.halt)
            for _ in range(3):
                error = await failing(connection.depth("work"))
                assert error.transport
            assert error.trouble.kind.value == "refused"
            await asyncio.to_thread(rabbit.start)
            assert await connection.depth("work") == (2, 0)
            assert len(await asyncio.to_thread(own_connections, rabbit)) == 1

    asyncio.run(run())


def test_a_half_open_link_costs_its_deadline_and_no_more(vhost: Vhost) -> None:
    rabbit = vhost.server
    add_queue(rabbit, vhost.name, "work")

    async def run() -> None:
        with FaultProxy(rabbit.port) as proxy:
            url = vhost.amqp_url.replace(f":{rabbit.port}/", f":{proxy.port}/")
            async with watching(url, timeout_s=0.5) as connection:
                for fault in (proxy.freeze, proxy.mute):
                    assert await connection.depth("work") == (0, 0)
                    await asyncio.to_thread(fault)
                    begun = time.monotonic()
                    error = await failing(connection.depth("work"))
                    assert refusal(error) == ("timeout", True)
                    assert refusal(await failing(connection.depth("work"))) == ("timeout", True)
                    assert time.monotonic() - begun < 20
                    await asyncio.to_thread(proxy.clear)
                    await asyncio.to_thread(proxy.rst_all)

    asyncio.run(run())


def test_abort_leaves_no_socket_and_no_task(vhost: Vhost) -> None:
    add_queue(vhost.server, vhost.name, "work")

    async def run() -> None:
        process = psutil.Process()
        connection = AmqpConnection(Url(vhost.amqp_url))
        await connection.depth("work")
        await connection.close()
        gc.collect()
        files, tasks = process.num_fds(), len(asyncio.all_tasks())
        for _ in range(30):
            await connection.depth("work")
            connection.abort()
        await until(lambda: len(asyncio.all_tasks(loop)) <= tasks + 1, "tasks were left")
        assert process.num_fds() <= files + 1

    loop = asyncio.new_event_loop()
    loop.run_until_complete(run())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.mark.parametrize("dialect", ["wrong password", "unknown user"])
def test_a_refused_login(vhost: Vhost, dialect: str) -> None:
    user = "nobody" if dialect == "unknown user" else vhost.server.user

    async def run() -> None:
        async with watching(as_user(vhost.amqp_url, user)) as connection:
            assert refusal(await failing(connection.open())) == ("auth", True)

    asyncio.run(run())


def test_a_virtual_host_that_is_missing_or_forbidden(vhost: Vhost) -> None:
    user = add_user(vhost.server, "elsewhere", "")

    async def run() -> None:
        for url in (as_user(vhost.amqp_url, user), vhost.server.amqp_url("no/such")):
            async with watching(url) as connection:
                error = await failing(connection.open())
                assert refusal(error) == ("denied", True)
                assert connection.vhost in error.trouble.text

    asyncio.run(run())


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("amqp://u:S3CR3T@127.0.0.1:1/", "refused"),
        ("amqp://u:S3CR3T@localhost:1/", "refused"),
        ("amqp://u:S3CR3T@no-such-host.invalid/", "dns"),
        ("amqp://u:S3CR3T/x@host/", "protocol"),
        ("http://u:S3CR3T@host/", "protocol"),
    ],
)
def test_a_broker_that_is_not_there(url: str, kind: str) -> None:
    async def run() -> None:
        async with watching(url) as connection:
            assert refusal(await failing(connection.open())) == (kind, True)

    asyncio.run(run())


def test_tls_on_a_plain_port_is_named(rabbit: Rabbit) -> None:
    async def run() -> None:
        async with watching(f"amqps://u:S3CR3T@127.0.0.1:{rabbit.port}/") as connection:
            assert refusal(await failing(connection.open())) == ("tls", True)

    asyncio.run(run())
