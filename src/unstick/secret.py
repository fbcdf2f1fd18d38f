"""Secrets have a type of their own: its repr is masked, because crash reports print locals."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit


class Secret:
    """A text that shows itself only when asked by :meth:`reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself: for the call that hands it to a driver, never for a local variable."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def masked(url: str) -> str:
    """``url`` with everything before the last ``@`` of its authority hidden but the user name.

    >>> masked("postgresql://app:s3cret@db:5432/shop?sslmode=require")
    'postgresql://app:***@db:5432/shop'
    >>> masked("redis://:p@ss/w#rd@host/0")
    'redis://***@host/0'
    >>> masked("http://host/?password=a@b"), masked("redis://:p?a@ss@host/0")
    ('http://***', 'redis://***')
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "***" if "@" in url else url
    if "@" in rest.partition("?")[2]:
        return f"{scheme}://***"
    credentials, at, place = rest.rpartition("@")
    place = place.split("?")[0].split("#")[0]
    if not at:
        return f"{scheme}://{place}"
    user, colon, password = credentials.partition(":")
    safe = bool(user) and not re.search(r"[/?#@:]", user + password)
    return f"{scheme}://{user}{':***' if colon else ''}@{place}" if safe else f"{scheme}://***@{place}"


class Url:
    """A connection URL whose text form is masked; the driver gets :meth:`reveal`."""

    __slots__ = ("_secret", "shown")

    def __init__(self, url: str) -> None:
        self._secret = Secret(url)
        self.shown = masked(url)

    def reveal(self) -> str:
        """The whole URL, password included."""
        return self._secret.reveal()

    @property
    def scheme(self) -> str:
        """The scheme in lower case, empty when there is none."""
        return self._secret.reveal().partition("://")[0].lower()

    @property
    def address(self) -> str:
        """``host:port/path`` without credentials, for the screen."""
        return self.shown.partition("://")[2].rpartition("@")[2]

    def with_path(self, path: str) -> Url:
        """The same server, another path (database, vhost); ``path`` is quoted."""
        parts = urlsplit(self._secret.reveal())
        return Url(parts._replace(path="/" + quote(path, safe="")).geturl())

    @property
    def path(self) -> str:
        """The unquoted path without its leading slash."""
        return unquote(urlsplit(self._secret.reveal()).path[1:])

    @property
    def redis_database(self) -> int:
        """The number of the database that a Redis URL names; 0 where it names none."""
        parts = urlsplit(self._secret.reveal())
        named = parse_qs(parts.query).get("db", [""])[0] or ("" if self.scheme == "unix" else self.path)
        return int(named) if named.isdecimal() else 0

    def __repr__(self) -> str:
        return f"Url({self.shown!r})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash(self._secret)
