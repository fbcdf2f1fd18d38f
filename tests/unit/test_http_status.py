"""What a status and its headers mean, and which addresses are refused without a word of their password."""

from __future__ import annotations

import asyncio

import pytest

from unstick import clock
from unstick.backends.base import BackendError
from unstick.backends.http import RETRY_DEFAULT_S, RETRY_LIMIT_S, Answer, HttpConnection, check
from unstick.facts.reading import TroubleKind
from unstick.secret import Url

NOW = 1795318503.0  # Sun, 22 Nov 2026 03:35:03 GMT


@pytest.mark.parametrize(
    ("status", "kind", "transport"),
    [
        (401, TroubleKind.AUTH, True),
        (403, TroubleKind.DENIED, False),
        (404, TroubleKind.ABSENT, False),
        (429, TroubleKind.OVERLOAD, False),
        (302, TroubleKind.PROTOCOL, False),
        (500, TroubleKind.PROTOCOL, False),
        (999, TroubleKind.PROTOCOL, False),
    ],
)
def test_a_status_has_a_kind(status: int, kind: TroubleKind, transport: bool) -> None:
    with pytest.raises(BackendError, match=str(status)) as caught:
        check(Answer(status, {}, b"", None))
    assert (caught.value.trouble.kind, caught.value.transport) == (kind, transport)


def test_any_2xx_is_an_answer() -> None:
    answer = Answer(204, {}, b"", None)
    assert check(answer) is answer


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "Sun, 22 Nov 2026 03:36:03 GMT"}, 60.0),
        ({"retry-after": "Sun, 22 Nov 2026 03:00:00 GMT"}, 0.0),
        ({"retry-after": "30", "x-ratelimit-reset": "1640995200"}, 30.0),
        ({"x-ratelimit-reset": str(int(NOW) + 12)}, 12.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": "1640995200"}, RETRY_DEFAULT_S),
        ({"retry-after": "99999999"}, RETRY_LIMIT_S),
        ({"retry-after": "-5"}, RETRY_DEFAULT_S),
        ({"retry-after": "soon"}, RETRY_DEFAULT_S),
        ({"retry-after": "٣"}, RETRY_DEFAULT_S),
        ({"retry-after": "Sun, 99 Nov 99999 99:99:99 GMT"}, RETRY_DEFAULT_S),
        ({}, RETRY_DEFAULT_S),
    ],
)
def test_how_long_to_stay_away(headers: dict[str, str], expected: float) -> None:
    with pytest.raises(BackendError) as caught:
        check(Answer(429, headers, b"", NOW))
    assert caught.value.trouble.retry_after_s == expected


def test_without_a_date_our_own_clock_tells_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    with pytest.raises(BackendError) as caught:
        check(Answer(429, {"retry-after": "Sun, 22 Nov 2026 03:35:13 GMT"}, b"", None))
    assert caught.value.trouble.retry_after_s == 10.0


@pytest.mark.parametrize(
    "address",
    [
        "http://u:S3CR3T/x@host",
        "http://u:S3CR3T@host:80x",
        "ftp://u:S3CR3T@host",
        "http://u:S3CR3T@",
        "http://[::x",
        "not an address",
    ],
)
def test_a_bad_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BackendError) as caught:
        asyncio.run(HttpConnection(Url(address)).open())
    assert caught.value.trouble.kind is TroubleKind.PROTOCOL
    assert "S3CR3T" not in caught.value.trouble.text
