"""From entries to settings: every key is read, every mistake is kept with its line, none ends the walk."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import msgspec.inspect as mi

from unstick import settings
from unstick.config import urls
from unstick.config.problem import Problem
from unstick.config.schema import Key, bare, bounds, keys
from unstick.config.tree import Entry
from unstick.config.values import FORMS, WrongError, seconds, shown, span

StructT = TypeVar("StructT", bound=msgspec.Struct)

_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_NEEDS: dict[type[mi.Type], str] = {
    mi.BoolType: "needs true or false",
    mi.StrType: "needs a text in quotes",
    mi.IntType: "needs a whole number",
    mi.FloatType: "needs a number",
    mi.VarTupleType: "needs an array",
    mi.DictType: "needs a table of texts",
    mi.StructType: "needs a table",
    mi.CustomType: "needs a URL in quotes",
}


class _UnresolvedError(Exception):
    """The value depends on an environment that belongs to another context."""


class Reader:
    """Reads one context. Without ``environ`` what depends on the environment is left out, unjudged.

    ``bad`` names the keys without a usable value: rules over several keys leave those alone.
    """

    def __init__(self, environ: Mapping[str, str] | None, folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self.problems: list[Problem] = []
        self.bad: set[str] = set()

    def complain(self, entry: Entry, what: str, mend: str = "") -> None:
        """Keep one problem at ``entry``."""
        self.problems.append(Problem(entry.file, what, mend, entry.line, None, entry.key))

    def table(self, kind: type[StructT], entry: Entry, at: str = "", also: Sequence[str] = ()) -> StructT | None:
        """The settings that ``entry`` holds; ``None`` when a required key has no usable value.

        ``also`` are names that a suggestion may offer besides the table's own.
        """
        known = keys(kind)
        secret_files = {key.secret_file: key for key in known.values() if key.secret_file}
        for name, below in entry.table.items():
            if name not in known and name not in secret_files:
                self.unknown(below, name, [*known, *secret_files, *also])
        values: dict[str, Any] = {}
        for key in known.values():
            given = entry.table.get(key.name)
            if given is not None:
                self._keep(values, kind, key, given, f"{at}.{key.name}" if at else key.name)
            elif key.required:
                self.complain(entry, f"{key.name} is missing", f"add {key.name} = …")
        for name, key in secret_files.items():
            file = entry.table.get(name)
            if file is not None:
                self._insert_password(values, key, file)
        if any(key.required and key.field not in values for key in known.values()):
            return None
        return kind(**values)

    def unknown(self, entry: Entry, name: str, known: Iterable[str]) -> None:
        """Complain of a key that does not exist, with the nearest one that does."""
        near = difflib.get_close_matches(name, known, 1, 0.6)
        elsewhere = _elsewhere(name)
        meant = near[0] if near else elsewhere
        self.complain(entry, "unknown key", f'did you mean "{meant}"?' if meant else f"known: {', '.join(known)}")

    def _keep(self, values: dict[str, Any], kind: type[msgspec.Struct], key: Key, entry: Entry, at: str) -> None:
        try:
            if key.optional and entry.value is False:
                values[key.field] = None
            else:
                values[key.field] = self._value(kind, key, key.type, key.extra, entry, at)
        except WrongError as error:
            self.bad.add(at)
            self.complain(entry, error.what, error.mend)
        except _UnresolvedError:
            self.bad.add(at)

    def _value(
        self, kind: type[msgspec.Struct], key: Key, form: mi.Type, extra: dict[str, Any], entry: Entry, at: str
    ) -> Any:
        """The value of ``entry`` as ``form``. Raises :class:`WrongError`; inside containers it complains itself."""
        match form:
            case mi.StructType(cls=inner):
                return _built(self.table(inner, _table(form, entry), at))
            case mi.VarTupleType(item_type=item):
                return self._array(kind, key, item, entry, at)
            case mi.DictType():
                return dict(self._texts(_table(form, entry), at))
            case mi.CustomType():
                return urls.url(self._text(form, entry, "export it, or use password_file"), extra["schemes"])
        return self._scalar(kind, key, form, extra, entry)

    def _scalar(
        self, kind: type[msgspec.Struct], key: Key, form: mi.Type, extra: dict[str, Any], entry: Entry
    ) -> bool | float | str:
        match form:
            case mi.LiteralType(values=choices):
                return _choice(self._text(form, entry), choices, entry)
            case mi.StrType(max_length=longest):
                return _formed(self._text(form, entry), extra, longest, entry)
            case mi.BoolType():
                if isinstance(entry.value, bool):
                    return entry.value
                raise _wrong_type(form, entry)
        number = _span(entry, self._text) if key.span else _number(form, entry)
        return _within(kind, key, number)

    def _array(self, kind: type[msgspec.Struct], key: Key, item: mi.Type, entry: Entry, at: str) -> tuple[Any, ...]:
        item, extra = bare(item)
        if not isinstance(entry.value, list):
            if isinstance(item, mi.StructType):
                raise WrongError(f"needs an array of tables{_got(entry)}", f"write [[{entry.key}]]")
            raise _wrong_type(key.type, entry)
        found: dict[str, Any] = {}
        for index, below in enumerate(entry.value):
            name = f"{at}.{index}"
            try:
                found[name] = self._value(kind, key, item, extra, below, name)
            except WrongError as error:
                self.bad |= {at, name}
                self.complain(below, error.what, error.mend)
            except _UnresolvedError:
                self.bad |= {at, name}
        return tuple(found.values())

    def _texts(self, entry: Entry, at: str) -> Iterable[tuple[str, str]]:
        for name, below in entry.table.items():
            try:
                yield name, self._text(mi.StrType(), below)
            except WrongError as error:
                self.bad.add(at)
                self.complain(below, error.what, error.mend)
            except _UnresolvedError:
                self.bad.add(at)

    def _text(self, form: mi.Type, entry: Entry, mend: str = "export it") -> str:
        """The text of ``entry`` with every ``${NAME}`` replaced; ``$${`` is ``${`` itself."""
        text = entry.value
        if not isinstance(text, str):
            raise _wrong_type(form, entry)
        if entry.raw or "$" not in text:
            return text

        def expanded(match: re.Match[str]) -> str:
            name = match[1]
            if match[0] == "$${":
                return "${"
            if name is None or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise WrongError("${ without a variable's name and }", 'write "${NAME}", or "$${" as it is')
            if self._environ is None:
                raise _UnresolvedError
            if name not in self._environ:
                raise WrongError(f"${{{name}}} is not set", mend)
            return self._environ[name]

        return _VARIABLE.sub(expanded, text)

    def _insert_password(self, values: dict[str, Any], key: Key, entry: Entry) -> None:
        if self._environ is None:
            return
        given = values.get(key.field)
        made = given if isinstance(given, tuple) else (given,) if given else ()
        if not made:
            self.complain(entry, f"there is no usable {key.name} beside it", f"set {key.name}")
        elif any(urls.has_password(url) for url in made):
            self.complain(entry, f"{key.name} already has a password", "keep one of the two")
        else:
            try:
                file = self._folder / Path(self._text(mi.StrType(), entry)).expanduser()
                password = urls.password_from(file)
            except WrongError as error:
                self.complain(entry, error.what, error.mend)
                return
            filled = tuple(urls.with_password(url, password) for url in made)
            values[key.field] = filled if isinstance(given, tuple) else filled[0]


def _elsewhere(name: str) -> str:
    """``thresholds.grace`` for ``grace``: the right key in the wrong table."""
    name = name.removesuffix("_s")
    for table, key in keys(settings.Context).items():
        if isinstance(key.type, mi.StructType) and name in keys(key.type.cls):
            return f"{table}.{name}"
    return ""


def _table(form: mi.Type, entry: Entry) -> Entry:
    if not isinstance(entry.value, dict):
        raise _wrong_type(form, entry)
    return entry


def _got(entry: Entry) -> str:
    return f" (got {shown(entry.value)})"


def _wrong_type(form: mi.Type, entry: Entry) -> WrongError:
    return WrongError(_NEEDS.get(type(form), "needs a text in quotes") + _got(entry))


def _built(value: msgspec.Struct | None) -> msgspec.Struct:
    if value is None:
        raise _UnresolvedError
    return value


def _choice(text: str, choices: tuple[Any, ...], entry: Entry) -> str:
    if text not in choices:
        raise WrongError(f"needs one of {', '.join(choices)}{_got(entry)}")
    return text


def _formed(text: str, extra: dict[str, Any], longest: int | None, entry: Entry) -> str:
    if longest is not None and len(text) > longest:
        raise WrongError(f"has {len(text)} characters; at most {longest}", "shorten it")
    if "form" in extra:
        try:
            return FORMS[extra["form"]](text)
        except WrongError as error:
            raise WrongError(error.what + _got(entry), error.mend) from None
    return text


def _span(entry: Entry, text: Callable[[mi.Type, Entry], str]) -> float:
    if isinstance(entry.value, int | float) and not isinstance(entry.value, bool):
        raise WrongError(f"needs a unit{_got(entry)}", f'write "{entry.value}s"')
    if not isinstance(entry.value, str):
        raise WrongError(f"needs a span of time{_got(entry)}", 'write "30s", "5m", "1h" or "250ms"')
    try:
        return seconds(text(mi.StrType(), entry))
    except WrongError as error:
        raise WrongError(error.what + _got(entry), error.mend) from None


def _number(form: mi.Type, entry: Entry) -> float:
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(form, entry)
    if isinstance(form, mi.IntType):
        if isinstance(value, float):
            raise _wrong_type(form, entry)
        return value
    if not math.isfinite(value):
        raise WrongError(f"needs a finite number{_got(entry)}")
    return float(value)


def _within(kind: type[msgspec.Struct], key: Key, value: float) -> float:
    """``value`` if it lies within the bounds of its key."""
    least, greatest, inclusive = bounds(kind, key)

    def say(number: float, quote: str = "") -> str:
        return f"{quote}{span(number)}{quote}" if key.span else f"{number:g}"

    if least is not None and (value < least or (value == least and not inclusive)):
        below = f"{say(value)} is {'below' if inclusive else 'not above'} {say(least)}"
        least_mend = say(least, '"')
        raise WrongError(below, f"use {least_mend} or more" if inclusive else f"use more than {least_mend}")
    if greatest is not None and value > greatest:
        greatest_mend = say(greatest, '"')
        raise WrongError(f"{say(value)} is above {say(greatest)}", f"use {greatest_mend} or less")
    return value
