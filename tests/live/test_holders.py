"""A worker is known by its real connection to a real RabbitMQ: by the name that its client gives it, by host and process."""

from __future__ import annotations

import asyncio

import aio_pika
import msgspec
from pamqp.common import FieldTable

from tests.lab.fixtures import Vhost
from tests.live.brokers import SOURCE
from tests.live.test_rabbitmq import connected
from tests.unit.boards import CONTEXT, crawler, frame, fresh, played
from unstick.board.holders import holder
from unstick.facts.crawler import CrawlerWorker
from unstick.facts.rabbitmq import RabbitFacts
from unstick.pollers.rabbitmq import RabbitPoller
from unstick.settings import Holder, RabbitMQ

PROPERTIES: FieldTable = {"connection_name": "crawler-8b4f59aa-3", "hostname": "web-1", "pid": 77}


def test_a_real_connection_is_joined_with_its_worker(vhost: Vhost) -> None:
    async def run() -> RabbitFacts:
        connection = await aio_pika.connect(vhost.amqp_url, client_properties=PROPERTIES)
        try:
            await connection.channel(publisher_confirms=False)
            async with connected(vhost.server.management_url) as asked:
                for _ in range(120):
                    facts = await RabbitPoller(SOURCE, RabbitMQ(), {}).look(asked)
                    if any(c.client == PROPERTIES["connection_name"] for c in facts.connections or ()):
                        return facts
                    await asyncio.sleep(0.25)
                raise AssertionError(facts)
        finally:
            await connection.close()

    facts = asyncio.run(run())
    entry = Holder("crawler-{container}-{n}", "{container}_{n}", "rabbitmq")
    context = msgspec.structs.replace(CONTEXT, holder=(entry,))
    worker = CrawlerWorker("8b4f59aa_3", "8b4f59aa", 1, 1, 1e6, 1e6)
    board = played(
        [frame(1e6, fresh("rabbitmq", facts, 1e6), fresh("crawler", crawler(1e6, workers=(worker,)), 1e6))]
    )
    (found,) = holder(board.subjects, context, "8b4f59aa_3").links
    assert found.connection.client == "crawler-8b4f59aa-3"
    assert found.connection.process == "web-1:77"
    assert holder(board.subjects, CONTEXT, "8b4f59aa_3").links == ()
