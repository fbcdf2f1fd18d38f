"""One message to somebody else's web server: the only HTTP that unstick writes with."""

from __future__ import annotations

import asyncio

import httpx

from unstick.backends.base import failure
from unstick.facts.reading import TroubleKind
from unstick.secret import Url


async def post(url: Url, body: bytes, deadline_s: float) -> None:
    """POST ``body`` as JSON. Raises :class:`BackendError` unless the answer is 2xx within ``deadline_s``."""
    headers = {"content-type": "application/json", "user-agent": "unstick"}
    try:
        async with (
            asyncio.timeout(deadline_s),
            httpx.AsyncClient(trust_env=False, timeout=deadline_s) as client,
            client.stream("POST", url.reveal(), content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except TimeoutError:
        raise failure(TroubleKind.TIMEOUT, f"no answer within {deadline_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise failure(TroubleKind.CLOSED, f"can't be reached: {type(error).__name__}") from None
    if not 200 <= status < 300:
        raise failure(TroubleKind.PROTOCOL, f"answers {status}")
