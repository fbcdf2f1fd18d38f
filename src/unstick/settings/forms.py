"""What a value of the file may be: the bounds and forms that the loader checks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from unstick.secret import Url

Seconds = Annotated[float, Meta(gt=0, le=366 * 86_400)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=1)]
Label = Annotated[str, Meta(max_length=64, extra={"form": "label"})]
"""A name that is shown: no control characters."""
Table = Annotated[str, Meta(extra={"form": "table"})]
"""An SQL name, or two with a dot between them: ``schema.table``."""
Column = Annotated[str, Meta(extra={"form": "column"})]
"""One SQL name."""
UrlPath = Annotated[str, Meta(extra={"form": "path"})]
"""Begins with a slash."""
PostgresUrl = Annotated[Url, Meta(extra={"schemes": ("postgresql", "postgres")})]
RedisUrl = Annotated[Url, Meta(extra={"schemes": ("redis", "rediss", "unix")})]
AmqpUrl = Annotated[Url, Meta(extra={"schemes": ("amqp", "amqps")})]
BrokerUrl = Annotated[Url, Meta(extra={"schemes": ("redis", "rediss", "unix", "amqp", "amqps")})]
DependencyUrl = Annotated[Url, Meta(extra={"schemes": ("http", "https", "tcp", "tls", "dns")})]
HttpUrl = Annotated[Url, Meta(extra={"schemes": ("http", "https")})]
