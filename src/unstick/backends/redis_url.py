"""A Redis URL as the driver's arguments. No part of a URL enters an error: it may be a part of the password."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.credentials import CredentialProvider

from unstick.backends.base import BackendError, failure
from unstick.facts.reading import TroubleKind
from unstick.secret import Secret, Url

_TLS_OPTIONS: Final = frozenset(
    {"ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
)


class Login(CredentialProvider):
    """User and password, revealed only to the greeting."""

    def __init__(self, url: Url) -> None:
        parts = urlsplit(url.reveal())
        self.user = unquote(parts.username or "")
        self._password = Secret(unquote(parts.password or ""))

    def __bool__(self) -> bool:
        return bool(self.user or self._password)

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """What AUTH is called with; a password alone means the default user."""
        password = self._password.reveal()
        return (self.user, password) if self.user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """The same."""
        return self.get_credentials()


def options(url: Url, setting: str) -> dict[str, object]:
    """Arguments of a connection: ``path`` for a socket, else ``host`` and ``port``, with ``ssl_*`` for ``rediss``.

    Raises :class:`BackendError` for a URL that cannot be meant; ``setting`` is the key that it names.
    """
    try:
        parts = _without_login(urlsplit(url.reveal()))
        login = Login(url)
        found: dict[str, object] = {"credential_provider": login} if login else {}
        return found | _place(parts, setting)
    except ValueError:
        raise _bad(f"{setting} is no Redis URL; a password with @ : / # ? or % must be %-encoded") from None


def is_socket(url: Url) -> bool:
    """Whether ``url`` names a Unix socket."""
    return url.scheme in {"unix", "redis+socket"}


def _place(parts: SplitResult, setting: str) -> dict[str, object]:
    query = dict(parse_qsl(parts.query))
    socket = parts.scheme in {"unix", "redis+socket"}
    if not socket and parts.scheme not in {"redis", "rediss"}:
        raise _bad(f"{setting}: the scheme must be redis, rediss or unix")
    number = query.get("db") or query.get("virtual_host") or ("" if socket else parts.path.strip("/"))
    if number and not (number.isascii() and number.isdecimal()):
        raise _bad(f"{setting}: what follows the last / must be the number of a database")
    found: dict[str, object] = {"db": int(number or 0)}
    if socket:
        return found | {"path": unquote(parts.path)}
    found |= {"host": unquote(parts.hostname or "localhost"), "port": parts.port or 6379}
    return found | _tls(query) if parts.scheme == "rediss" else found


def _tls(query: dict[str, str]) -> dict[str, object]:
    found: dict[str, object] = {name: query[name] for name in _TLS_OPTIONS & query.keys()}
    if "ssl_cert_reqs" in query:
        found["ssl_cert_reqs"] = query["ssl_cert_reqs"].lower().removeprefix("cert_")
    if "ssl_check_hostname" in query:
        found["ssl_check_hostname"] = query["ssl_check_hostname"].lower() not in {"0", "no", "false"}
    return found


def _without_login(parts: SplitResult) -> SplitResult:
    if "@" in parts.path + parts.query + parts.fragment or parts.fragment:
        raise ValueError("a character of the password ended the authority")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])


def _bad(text: str) -> BackendError:
    return failure(TroubleKind.SCHEMA, text, transport=True)
