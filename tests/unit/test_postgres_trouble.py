from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import asyncpg
import pytest

from unstick.backends.base import BackendError
from unstick.backends.postgres import PostgresConnection, _dsn
from unstick.backends.postgres_trouble import link_failure, server_failure
from unstick.facts.reading import TroubleKind
from unstick.secret import Url


def said(code: str, message: str) -> asyncpg.PostgresError:
    error = asyncpg.PostgresError.new({"S": "ERROR", "C": code, "M": message})
    assert isinstance(error, asyncpg.PostgresError)
    return error


@pytest.mark.parametrize(
    ("code", "message", "kind", "words", "transport"),
    [
        ("28P01", 'пользователь "app" не прошёл проверку подлинности', TroubleKind.AUTH, "postgres.url", True),
        ("28000", "no pg_hba.conf entry for host", TroubleKind.AUTH, "postgres.url", True),
        ("3D000", 'database "shop" does not exist', TroubleKind.SCHEMA, "no such database", True),
        ("42501", "permission denied for table x", TroubleKind.DENIED, "permission denied for table x", False),
        ("42P01", 'relation "x" does not exist', TroubleKind.SCHEMA, 'relation "x"', False),
        ("42804", "argument of FILTER must be type boolean", TroubleKind.SCHEMA, "must be type boolean", False),
        ("22007", "invalid input syntax for type timestamp", TroubleKind.SCHEMA, "invalid input", False),
        ("57014", "canceling statement", TroubleKind.TIMEOUT, "statement timeout", False),
        ("55P03", "canceling statement", TroubleKind.TIMEOUT, "lock timeout", False),
        ("53300", "sorry, too many clients already", TroubleKind.OVERLOAD, "too many connections", True),
        ("53200", "out of memory", TroubleKind.OVERLOAD, "out of memory", False),
        ("57P01", "terminating connection", TroubleKind.CLOSED, "disconnected by an administrator", True),
        ("57P03", "the database system is starting up", TroubleKind.REFUSED, "starting up", True),
        ("40001", "conflict with recovery", TroubleKind.TIMEOUT, "standby", False),
        ("25006", "cannot execute UPDATE", TroubleKind.DENIED, "read-only", False),
        ("08006", "connection failure", TroubleKind.CLOSED, "connection failure", True),
        ("08P01", "query_wait_timeout", TroubleKind.OVERLOAD, "query_wait_timeout", True),
        ("08P01", "no such user: app", TroubleKind.AUTH, "no such user", True),
        ("08P01", "unsupported startup parameter: x", TroubleKind.PROTOCOL, "startup parameter", True),
        ("XX000", "internal error", TroubleKind.PROTOCOL, "internal error", False),
    ],
)
def test_each_sqlstate_has_its_kind_and_words(
    code: str, message: str, kind: TroubleKind, words: str, transport: bool
) -> None:
    error = server_failure(said(code, message))
    assert (error.trouble.kind, error.transport) == (kind, transport)
    assert words in error.trouble.text


def test_an_explanation_replaces_the_servers_words() -> None:
    assert server_failure(said("42501", "permission denied"), "needs: GRANT …").trouble.text == "needs: GRANT …"


BOTH_REFUSED = "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] Connect call failed ('127.0.0.1', 1)"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), TroubleKind.DNS, "[Errno -2] Name or service not known"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), TroubleKind.REFUSED, "connection refused: db:5432"),
        (OSError(BOTH_REFUSED), TroubleKind.REFUSED, "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), TroubleKind.REFUSED, "no route"),
        (FileNotFoundError(errno.ENOENT, "x"), TroubleKind.REFUSED, "the socket or certificate"),
        (TimeoutError(), TroubleKind.TIMEOUT, "no answer from db:5432 within 3 s"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), TroubleKind.CLOSED, "closed"),
        (asyncpg.InternalClientError("got result for unknown protocol state 3"), TroubleKind.CLOSED, "closed"),
        (asyncpg.InterfaceError("connection is closed"), TroubleKind.CLOSED, "closed"),
        (asyncpg.ProtocolError("?"), TroubleKind.PROTOCOL, "bad reply"),
        (OverflowError("date value out of range"), TroubleKind.PROTOCOL, "OverflowError"),
        (
            ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired"),
            TroubleKind.TLS,
            "expired",
        ),
        (
            ssl.SSLCertVerificationError(1, "Hostname mismatch, certificate is not valid"),
            TroubleKind.TLS,
            "another host",
        ),
        (
            ssl.SSLCertVerificationError(1, "self-signed certificate in certificate chain"),
            TroubleKind.TLS,
            "unknown authority",
        ),
        (ConnectionError('PostgreSQL server at "db:5432" rejected SSL upgrade'), TroubleKind.TLS, "offers none"),
    ],
)
def test_each_broken_link_has_its_kind_and_is_gone(error: Exception, kind: TroubleKind, words: str) -> None:
    found = link_failure(error, "db:5432", 3.0)
    assert (found.trouble.kind, found.transport) == (kind, True)
    assert words in found.trouble.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:p@ss/w#rd@db.invalid/shop",
        "postgresql://app:p?ssw@db.invalid/shop",
        "postgresql://app:ss[w@db.invalid/shop",
        "postgresql://app:ssw@db.invalid:port/shop",
        "mysql://app:ssw@db.invalid/shop",
        "postgresql://app:ssw@db.invalid/shop?sslmode=sometimes",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_without_showing_any_of_it(url: str) -> None:
    with pytest.raises(BackendError) as caught:
        asyncio.run(PostgresConnection(Url(url)).open())
    assert caught.value.transport
    assert "postgres.url is not a URL" in caught.value.trouble.text
    assert "ss" not in caught.value.trouble.text.replace("password", "")


@pytest.mark.parametrize(
    ("url", "reaches"),
    [
        ("postgresql+asyncpg://a:b%40c@h:1/d", "postgresql://a:b%40c@h:1/d"),
        ("postgres://h/d?connect_timeout=3&schema=public&pgbouncer=true", "postgresql://h/d"),
        ("postgresql://h/d?sslmode=require&application_name=x", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?ssl=true", "postgresql://h/d?sslmode=require"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:/d?host=%2Frun%2Fpostgresql"),
    ],
)
def test_only_what_the_client_understands_reaches_the_driver(url: str, reaches: str) -> None:
    assert _dsn(Url(url)) == reaches


def test_the_role_for_grants_is_that_of_the_url() -> None:
    assert PostgresConnection(Url("postgresql://eye%40x:pw@h/d")).user == "eye@x"
    assert PostgresConnection(Url("postgresql://h/d")).user is None
    assert PostgresConnection(Url("postgresql://[x/d")).user is None
