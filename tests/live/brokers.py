"""What the tests of RabbitMQ do to a real broker, apart from what they test."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import aio_pika

from tests.lab.servers import Rabbit
from unstick.backends.base import BackendError
from unstick.facts.reading import Source

SOURCE = Source("rabbitmq", "rabbitmq", "rabbitmq", 5.0)
WATERMARK = "0.4"


def q(name: str) -> str:
    return quote(name, safe="")


def add_queue(rabbit: Rabbit, vhost: str, name: str, messages: int = 0) -> None:
    rabbit.api("PUT", f"queues/{q(vhost)}/{q(name)}", {"durable": True})
    message = {"properties": {"delivery_mode": 2}, "routing_key": name, "payload": "x", "payload_encoding": "string"}
    for _ in range(messages):
        assert rabbit.api("POST", f"exchanges/{q(vhost)}/amq.default/publish", message)["routed"]


def add_user(rabbit: Rabbit, name: str, tags: str, vhost: str | None = None) -> str:
    """A user named ``name`` with password ``S3CR3T-canary``, in ``vhost`` with no rights to do anything."""
    rabbit.api("PUT", f"users/{name}", {"password": "S3CR3T-canary", "tags": tags})
    if vhost is not None:
        rabbit.api("PUT", f"permissions/{q(vhost)}/{name}", {"configure": "^$", "write": "^$", "read": "^$"})
    return name


def as_user(url: str, user: str) -> str:
    """The same URL for another user."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:S3CR3T-canary@{parts.netloc.rpartition('@')[2]}").geturl()


@contextlib.contextmanager
def memory_alarm(rabbit: Rabbit) -> Iterator[None]:
    rabbit.ctl("set_vm_memory_high_watermark", "0.000001")
    try:
        yield
    finally:
        rabbit.ctl("set_vm_memory_high_watermark", WATERMARK)


@contextlib.asynccontextmanager
async def client(url: str, name: str, channels: int = 1) -> AsyncIterator[list[aio_pika.abc.AbstractChannel]]:
    """A client of the watched stack, with its channels."""
    connection = await aio_pika.connect(url, client_properties={"connection_name": name})
    try:
        yield [await connection.channel(publisher_confirms=False) for _ in range(channels)]
    finally:
        await connection.close()


async def until(check: Callable[[], Any], what: str, timeout_s: float = 20.0) -> Any:
    """The first truthy value of ``check`` (called in a thread, errors of the broker pass), within ``timeout_s``."""
    end = time.monotonic() + timeout_s
    while True:
        if value := await asyncio.to_thread(check):
            return value
        assert time.monotonic() < end, what
        await asyncio.sleep(0.2)


def refusal(error: BackendError) -> tuple[str, bool]:
    """Kind and transport of a failure, which must not give the password away."""
    assert "S3CR3T" not in error.trouble.text
    return error.trouble.kind.value, error.transport
