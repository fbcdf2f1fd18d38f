"""Rate limits, obeyed before they are hit: an endpoint whose requests run out is left alone until they are back."""

from __future__ import annotations

from collections.abc import Mapping

from unstick import clock
from unstick.backends.base import BackendError, failure
from unstick.backends.http import Answer, retry_after_s
from unstick.facts.automation import Allowance
from unstick.facts.reading import TroubleKind
from unstick.pollers.values import number, whole

SPARED = 0.2
"""This share of the requests is left to others who ask."""
WINDOW_S = 60.0
"""A limit whose answer does not say when it begins anew."""
_EPOCH_FROM = 1e9


class Limits:
    """What every endpoint of one server said of its rate limit."""

    def __init__(self) -> None:
        self._known: dict[str, Allowance] = {}

    def quiet(self, endpoint: str) -> BackendError | None:
        """Why ``endpoint`` is not asked now; ``None`` when it may be."""
        known = self._known.get(endpoint)
        until = known.quiet_until if known else None
        if known is None or until is None or until <= clock.now():
            return None
        left = until - clock.now()
        words = "429 too many requests" if known.refused else f"{known.left} of {known.limit} requests left"
        return failure(TroubleKind.OVERLOAD, f"{words}, asked again in {left:.0f} s", retry_after_s=left)

    def note(self, endpoint: str, answer: Answer) -> None:
        """Take in what an answer says: ``X-RateLimit-*``, and ``Retry-After`` in both forms when it refuses."""
        headers = answer.headers
        limit, left = whole(headers.get("x-ratelimit-limit")), whole(headers.get("x-ratelimit-remaining"))
        refused = answer.status == 429
        until = None
        if refused:
            until = clock.now() + retry_after_s(answer)
        elif limit is not None and left is not None and left <= SPARED * limit:
            until = clock.now() + _reset_s(headers, answer.date_at)
        self._known[endpoint] = Allowance(endpoint, limit, left, refused, until)

    def allowances(self) -> tuple[Allowance, ...]:
        """Of every endpoint that has a limit, as it last said."""
        return tuple(each for each in self._known.values() if each.refused or each.limit is not None)


def _reset_s(headers: Mapping[str, str], date_at: float | None) -> float:
    """Seconds until the window begins anew: the header has an instant of the server's clock, or a span."""
    reset = number(headers.get("x-ratelimit-reset"))
    if reset is None or reset <= 0:
        return WINDOW_S
    span = reset - (clock.now() if date_at is None else date_at) if reset >= _EPOCH_FROM else reset
    return min(max(span, 0.0), WINDOW_S)
