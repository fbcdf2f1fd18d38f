"""URLs: checked before a driver sees them, because drivers quote parts of a password when they fail."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from unstick.config.values import WrongError
from unstick.secret import Secret, Url

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)(?:\+[A-Za-z0-9_]+)?://")
_ALIASES = {"pyamqp": "amqp", "postgis": "postgresql"}
_ENCODE = "write / # ? @ in a password as %2F %23 %3F %40, or use password_file"
_EXAMPLES = {
    "postgresql": "postgresql://USER@HOST:5432/DATABASE",
    "redis": "redis://HOST:6379/0",
    "amqp": "amqp://USER@HOST:5672/VHOST",
    "http": "http://HOST:PORT",
}
SECRET_BYTES = 4096


def url(text: str, schemes: Sequence[str]) -> Url:
    """``text`` as a URL with one of ``schemes``; ``postgresql+asyncpg``, ``pyamqp`` lose their driver's name."""
    first = re.split(r";(?=[A-Za-z0-9+.-]+://)", text)[0]
    match = _SCHEME.match(first.replace("redis+socket://", "unix://", 1))
    if not match:
        raise WrongError("is not a URL", f"for example {_EXAMPLES[schemes[0]]}")
    scheme = _ALIASES.get(match[1].lower(), match[1].lower())
    if scheme not in schemes:
        raise WrongError(f"scheme {match[1]}: cannot be used here", f"use {' or '.join(schemes)}")
    rest = first.partition("://")[2]
    if re.search(r"[\x00-\x20\x7f-\x9f\u2028\u2029]", rest):
        raise WrongError(f"a space or control character in {scheme}://***", "write a space as %20")
    made = Url(f"{scheme}://{rest}")
    _check_places(scheme, rest)
    _check_address(scheme, rest, made)
    _check_path(scheme, rest, made)
    return made


def _check_places(scheme: str, rest: str) -> None:
    """An ``@`` behind the host, two before it, or a ``#`` come from a password that was not encoded."""
    authority = re.split(r"[/?#]", rest)[0]
    behind = rest[len(authority) :]
    if "@" in behind or "#" in behind or authority.count("@") > 1:
        raise WrongError(f"an unquoted / # ? or @ in {scheme}://***", _ENCODE)
    if re.search(r"%(?![0-9A-Fa-f]{2})", authority):
        raise WrongError(f"a % that encodes nothing in {scheme}://***", "write % as %25")


def _check_address(scheme: str, rest: str, made: Url) -> None:
    authority = re.split(r"[/?]", rest)[0]
    place = authority.rpartition("@")[2]
    query = dict(parse_qsl(rest.partition("?")[2]))
    if scheme == "unix" or (scheme.startswith("postgres") and query.get("host")):
        return
    for part in place.split(",") if scheme.startswith("postgres") else [place]:
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.%a-z]+\]|[^:\[\]]*)(?::(.*))?", part)
        if not match:
            raise WrongError(f"the host of {made.shown} is not one", "an IPv6 address stands in [ ]")
        host, port = match.groups()
        if not host:
            raise WrongError(f"no host in {made.shown}", f"for example {_EXAMPLES.get(scheme, made.scheme)}")
        if port is not None and not (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65_536):
            raise _bad_port(scheme, authority, made)


def _bad_port(scheme: str, authority: str, made: Url) -> WrongError:
    """Without an ``@`` the "port" may be a password whose ``@`` was forgotten or cut off."""
    where = made.shown if "@" in authority else f"{scheme}://***"
    return WrongError(f"the port in {where} is not a number from 1 to 65535", _ENCODE)


def _check_path(scheme: str, rest: str, made: Url) -> None:
    path = urlsplit(f"x://{rest}").path[1:]
    if scheme in {"redis", "rediss"} and path and not path.isdecimal():
        raise WrongError(f"the database in {made.shown} is not a number", "for example redis://HOST:6379/0")


def holds_password(text: str) -> bool:
    """Whether ``text``, as it stands in the file, spells a password out (a ``${NAME}`` does not).

    >>> holds_password("redis://:hunter2@cache/0"), holds_password("redis://:${REDIS_PASSWORD}@cache/0")
    (True, False)
    """
    match = _SCHEME.match(text)
    if not match:
        return False
    plain = re.sub(r"\$\{[^}]*\}", "", text[match.end() :])
    if re.search(r"[?&](?:password|passwd|pwd|sslpassword|secret|token)=[^&]", plain, re.IGNORECASE):
        return True
    credentials, at, _ = plain.rpartition("@")
    return bool(at and credentials.partition(":")[2])


def has_password(made: Url) -> bool:
    """Whether the URL carries one."""
    rest = made.reveal().partition("://")[2]
    credentials = re.split(r"[/?#]", rest)[0].rpartition("@")[0]
    return ":" in credentials or bool(re.search(r"[?&]password=", rest))


def with_password(made: Url, password: Secret) -> Url:
    """The same URL with ``password``, percent-encoded."""
    scheme, _, rest = made.reveal().partition("://")
    authority = re.split(r"[/?#]", rest)[0]
    user, at, _ = authority.rpartition("@")
    place = rest[len(user) + len(at) :]
    return Url(f"{scheme}://{user}:{quote(password.reveal(), safe='')}@{place}")


def password_from(path: Path) -> Secret:
    """The first line's worth of a private file. Raises :class:`WrongError` without quoting it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            data = file.read(SECRET_BYTES + 1)
    except OSError as error:
        raise WrongError(f"{path} cannot be read ({error.strerror})", "name a file that this user may read") from None
    if mode & 0o077:
        raise WrongError(f"{path} is mode {mode:04o}: others may read it", f"chmod 600 {path}")
    if len(data) > SECRET_BYTES:
        raise WrongError(f"{path} is over {SECRET_BYTES} bytes", "the file holds the password and nothing else")
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise WrongError(f"{path} is not UTF-8 text", "save it as UTF-8") from None
    if not text or "\n" in text or "\0" in text:
        raise WrongError(f"{path} does not hold one line", "the file holds the password and nothing else")
    return Secret(text)
