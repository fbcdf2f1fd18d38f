"""The feature service: publishes and consumes feature vectors over RabbitMQ.

With ``WORLD_LEAK_PER_MIN`` it is the release with the bug: no heartbeat, and a new channel for each call that it
never closes.
"""

from __future__ import annotations

import asyncio

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from demo_data.world.common import log_to_stdout, run_until_terminated, setting

NAME = "feature-service"
QUEUE = "features"


async def consume(connection: aio_pika.abc.AbstractRobustConnection) -> None:
    """Takes what others publish."""
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=10)
    queue = await channel.declare_queue(QUEUE, durable=True)

    async def handle(message: AbstractIncomingMessage) -> None:
        async with message.process():
            await asyncio.sleep(0.05)

    await queue.consume(handle)


async def main() -> None:
    """Publishes a few vectors a second over one channel, or over ever more of them."""
    log = log_to_stdout(NAME)
    leak = float(setting("WORLD_LEAK_PER_MIN", "0"))
    connection = await aio_pika.connect_robust(
        setting("RABBITMQ_URL"),
        heartbeat=0 if leak else 60,
        client_properties={"connection_name": NAME, "product": NAME},
    )
    leaked: list[aio_pika.abc.AbstractChannel] = []
    async with connection:
        await consume(connection)
        channel = await connection.channel()
        log.info("ready, %s", f"leaks {leak:g} channels a minute" if leak else "one channel to publish")
        while True:
            if leak:
                channel = await connection.channel()
                leaked.append(channel)
            await channel.default_exchange.publish(aio_pika.Message(b'{"features":[]}'), routing_key=QUEUE)
            await asyncio.sleep(60 / leak if leak else 0.4)


if __name__ == "__main__":
    run_until_terminated(main())
