"""Three more services on RabbitMQ, in one process: each has a named connection, a queue and a few channels."""

from __future__ import annotations

import asyncio
import random

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from demo_data.world.common import log_to_stdout, run_until_terminated, setting

CLIENTS = {"pricing-service": ("prices", 0.5, 3), "search-indexer": ("index", 1.0, 2), "audit-log": ("audit", 2.0, 2)}
"""Name of each client, its queue, seconds between its messages, and its channels."""


async def serve(name: str, queue_name: str, pause: float, channels: int) -> None:
    """Publishes to its own queue and consumes it."""
    connection = await aio_pika.connect_robust(
        setting("RABBITMQ_URL"), heartbeat=120, client_properties={"connection_name": name, "product": name}
    )
    dice = random.Random(name)
    async with connection:
        opened = [await connection.channel() for _ in range(channels)]
        queue = await opened[0].declare_queue(queue_name, durable=True)

        async def handle(message: AbstractIncomingMessage) -> None:
            async with message.process():
                await asyncio.sleep(0.02)

        await queue.consume(handle)
        while True:
            publisher = dice.choice(opened[1:])
            await publisher.default_exchange.publish(aio_pika.Message(b"{}"), routing_key=queue_name)
            await asyncio.sleep(pause * dice.uniform(0.5, 1.5))


async def main() -> None:
    """All clients at once."""
    log_to_stdout("amqp-clients").info("starting %s", ", ".join(CLIENTS))
    async with asyncio.TaskGroup() as group:
        for name, (queue, pause, channels) in CLIENTS.items():
            group.create_task(serve(name, queue, pause, channels))


if __name__ == "__main__":
    run_until_terminated(main())
