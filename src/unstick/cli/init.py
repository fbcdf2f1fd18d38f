"""``unstick init``: a commented configuration with what was found filled in, and every other key with its default.

Explanations and defaults come from :mod:`unstick.settings`. URLs are written as the variables they came from: a file
that this command wrote holds no secret.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec
import msgspec.inspect as mi
from msgspec.structs import replace

from unstick import loops
from unstick.cli.codes import DONE, INPUT_OUTPUT, USAGE
from unstick.cli.discovery import discover
from unstick.config import VERSION, ConfigError, Loaded, from_environment
from unstick.config.schema import Key, about, inner_table, keys, toml
from unstick.config.urls import has_password
from unstick.facts.text import clean
from unstick.secret import Url
from unstick.settings import Context

_HEAD = f"""\
# The configuration of unstick. Lines that begin with "#" and a key are defaults, or examples where there is none:
# take the "#" away to change them. What stands without one was found when this file was written.

config_version = {VERSION}
#default_context = "prod"

"""

_TAIL = """
# Other environments. A context lies over everything above, tables key by key, arrays as a whole.
#[context.prod]
#production = true
#color = "red"
"""

_EXAMPLES = {
    "postgresql": "postgresql://USER@HOST:5432/DATABASE",
    "redis": "redis://HOST:6379/0",
    "amqp": "amqp://USER@HOST:5672/VHOST",
    "http": "http://HOST:8080",
}


def run(environ: Mapping[str, str], *, output: Path | None = None, force: bool = False) -> int:
    """Find out what there is and write the file; exit code 64 when it exists, 74 when it cannot be written.

    Existing configuration files are not read: their passwords have no place in a new one.
    """
    try:
        loaded = from_environment(environ)
    except ConfigError as error:
        for problem in error.problems:
            _complain(str(problem))
        return error.exit_code
    if output is not None and not force and output.exists():
        return _exists(output)
    text = written(loaded, loops.run(discover(loaded.context)))
    if output is None:
        sys.stdout.write(text)
        return DONE
    return _store(output, text, force=force)


def written(loaded: Loaded, found: Context) -> str:
    """The text of the file for ``found``, which grew out of the environment that ``loaded`` tells."""
    return _HEAD + "".join(f"{line}\n" for line in _Writer(loaded, found).lines()) + _TAIL


class _Writer:
    def __init__(self, loaded: Loaded, found: Context) -> None:
        self._found = _explicit(found) if "CELERY_BROKER_URL" in loaded.variables.values() else found
        self._variables = {_at(loaded.context, path): name for path, name in loaded.variables.items()}

    def lines(self) -> Iterator[str]:
        known = keys(Context)
        for key in known.values():
            if inner_table(key) is None:
                yield from self._key(Context, key, self._found)
        for key in known.values():
            table = inner_table(key)
            if table is not None:
                yield from self._section(key, table)

    def _section(self, key: Key, table: type[msgspec.Struct]) -> Iterator[str]:
        value = getattr(self._found, key.field)
        many = isinstance(key.type, mi.VarTupleType)
        header = f"[[{key.name}]]" if many else f"[{key.name}]"
        yield ""
        yield f"# {_plain(about(table))}"
        entries = value if many else [value]
        for entry in entries or [None]:
            yield header if entry is not None else f"#{header}"
            for inner in keys(table).values():
                yield from self._key(table, inner, entry)

    def _key(self, table: type[msgspec.Struct], key: Key, entry: msgspec.Struct | None) -> Iterator[str]:
        yield f"# {_plain(about(table, key.field))}"
        value = key.default if entry is None else getattr(entry, key.field)
        if key.optional and value is None and key.default is not None:
            yield f"{key.name} = false"
        elif entry is None or value == key.default:
            yield f"#{key.name} = {_example(key)}"
        else:
            yield f"{key.name} = {self._text(value, key)}"
        if key.secret_file is not None:
            yield from self._secret_file(value, key, key.secret_file)

    def _text(self, value: object, key: Key) -> str:
        if isinstance(value, Url):
            return toml(self._url(value))
        return toml(value, is_span=key.span).replace("${", "$${")

    def _url(self, url: Url) -> str:
        return f"${{{self._variables[url]}}}" if url in self._variables else without_password(url)

    def _secret_file(self, value: object, key: Key, name: str) -> Iterator[str]:
        written_without = isinstance(value, Url) and value not in self._variables and has_password(value)
        yield f"# A private file with the password for {key.name}{', which is not written here' * written_without}."
        yield f'#{name} = "unstick.password"'


def _explicit(found: Context) -> Context:
    """``found`` with the Redis server named where a Celery entry means it: the variable would fill the gap."""
    entries = (replace(entry, url=found.redis.url) if entry.url is None else entry for entry in found.celery)
    return replace(found, celery=tuple(entries))


def _at(context: Context, path: str) -> Url:
    found: object = context
    for name in path.split("."):
        found = found[int(name)] if isinstance(found, tuple) else getattr(found, name)
    if not isinstance(found, Url):
        raise TypeError(path)
    return found


def without_password(url: Url) -> str:
    """The URL with its user and without its password."""
    scheme, _, rest = url.reveal().partition("://")
    credentials, at, place = rest.rpartition("@")
    place = place.partition("?")[0] if has_password(Url(f"{scheme}://{place}")) else place
    user = quote(credentials.partition(":")[0], safe="%")
    return f"{scheme}://{user}@{place}" if at and user else f"{scheme}://{place}"


def _plain(text: str) -> str:
    return text.replace("``", "`")


_PLAIN: dict[type[mi.Type], str] = {mi.BoolType: "true", mi.IntType: "1", mi.FloatType: "1"}


def _example(key: Key) -> str:
    """The default as TOML; where there is none, something that could stand there."""
    if key.default is not None and not key.required and not (key.default == () and key.secret_file):
        return toml(key.default, is_span=key.span)
    match key.type:
        case mi.VarTupleType():
            return toml((_EXAMPLES["http"],))
        case mi.CustomType():
            return toml(_EXAMPLES[next(name for name in key.extra["schemes"] if name in _EXAMPLES)])
        case mi.LiteralType(values=values):
            return toml(values[0])
    return _PLAIN.get(type(key.type)) or toml(key.name)


def _complain(text: str) -> None:
    sys.stderr.write(f"unstick: {clean(text, 2000)}\n")


def _exists(path: Path) -> int:
    _complain(f"{path}: exists already; mend: name another file, or --force")
    return USAGE


def _store(path: Path, text: str, *, force: bool) -> int:
    """Write a private file in one step: whoever looks sees the old one or the whole new one."""
    made: str | None = None
    try:
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if force:
            Path(made).replace(path)
        else:
            path.hardlink_to(made)
    except FileExistsError:
        return _exists(path)
    except OSError as error:
        _complain(f"{path}: cannot be written ({error.strerror}); mend: name a file in a folder of yours")
        return INPUT_OUTPUT
    finally:
        if made is not None:
            with contextlib.suppress(OSError):
                Path(made).unlink()
    return DONE
