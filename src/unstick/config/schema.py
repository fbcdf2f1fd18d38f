"""What keys there are, read from :mod:`unstick.settings`: the loader, the reference and ``init`` share this view."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import msgspec.inspect as mi

from unstick import settings
from unstick.config.values import span

SECRET_FILES = {"url": "password_file", "urls": "password_file"}
"""The key that names the password file of a URL; ``redis_url`` has ``redis_password_file``."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table. ``field`` is the attribute; ``optional``: ``false`` is written for "there is none"."""

    name: str
    field: str
    type: mi.Type
    extra: dict[str, Any]
    optional: bool
    required: bool
    default: Any

    @property
    def span(self) -> bool:
        """Written as ``"30s"``."""
        return self.field.endswith("_s") and isinstance(self.type, mi.FloatType)

    @property
    def secret_file(self) -> str | None:
        """The key beside a URL that names the file with its password."""
        inner = self.type.item_type if isinstance(self.type, mi.VarTupleType) else self.type
        if not isinstance(bare(inner)[0], mi.CustomType):
            return None
        return SECRET_FILES.get(self.field, self.field.removesuffix("url") + "password_file")


def bare(kind: mi.Type) -> tuple[mi.Type, dict[str, Any]]:
    """``kind`` without its metadata, and what the metadata says."""
    return (kind.type, kind.extra or {}) if isinstance(kind, mi.Metadata) else (kind, {})


def inner_table(key: Key) -> type[msgspec.Struct] | None:
    """The settings that a table, or an array of tables, is read into."""
    kind = bare(key.type.item_type)[0] if isinstance(key.type, mi.VarTupleType) else key.type
    return kind.cls if isinstance(kind, mi.StructType) else None


@cache
def keys(table: type[msgspec.Struct]) -> dict[str, Key]:
    """The keys of the table that ``table`` describes, as the file spells them."""
    kind = mi.type_info(table)
    assert isinstance(kind, mi.StructType)  # noqa: S101 - tells the type checker
    found = (_key(field) for field in kind.fields if table is not settings.Context or field.name != "name")
    return {key.name: key for key in found}


def _key(field: mi.Field) -> Key:
    kind, extra = bare(field.type)
    optional = False
    if isinstance(kind, mi.UnionType):
        optional = True
        kind, extra = bare(next(part for part in kind.types if not isinstance(part, mi.NoneType)))
    optional = optional and not isinstance(kind, mi.BoolType)
    default = field.default_factory() if field.default is msgspec.NODEFAULT and not field.required else field.default
    is_span = field.name.endswith("_s") and isinstance(kind, mi.FloatType)
    name = field.name[:-2] if is_span else field.name
    return Key(name, field.name, kind, extra, optional, field.required, default)


def bounds(table: type[msgspec.Struct], key: Key) -> tuple[float | None, float | None, bool]:
    """Least and greatest value of a number (seconds for spans), and whether the least one itself is allowed."""
    if table is settings.Intervals:
        return getattr(settings.FLOORS, key.field), None, True
    kind = key.type.item_type if isinstance(key.type, mi.VarTupleType) else key.type
    if not isinstance(kind, mi.IntType | mi.FloatType):
        return None, None, True
    return (kind.gt, kind.le, False) if kind.gt is not None else (kind.ge, kind.le, True)


@cache
def _texts(table: type[msgspec.Struct]) -> dict[str, str]:
    """The text under each field. Empty where the source is not shipped."""
    try:
        node = ast.parse(inspect.getsource(table)).body[0]
    except OSError:
        return {}
    assert isinstance(node, ast.ClassDef)  # noqa: S101 - tells the type checker
    texts: dict[str, str] = {}
    for statement, following in pairwise(node.body):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = " ".join(text.split())
    return texts


def about(table: type[msgspec.Struct], field: str = "") -> str:
    """What :mod:`unstick.settings` says of a table or of one of its fields."""
    if field:
        return _texts(table).get(field, "")
    return " ".join((table.__doc__ or "").split())


def toml(value: object, *, is_span: bool = False) -> str:
    """``value`` as TOML; ``None`` is ``false``, which says that there is none.

    >>> toml(True), toml(("a", 1)), toml(30.0, is_span=True), toml({"a": "b"})
    ('true', '["a", 1]', '"30s"', '{ a = "b" }')
    """
    match value:
        case None | bool():
            return "true" if value else "false"
        case int() | float():
            return f'"{span(value)}"' if is_span else f"{value:g}" if isinstance(value, float) else str(value)
        case tuple() | list():
            return f"[{', '.join(toml(item) for item in value)}]"
        case dict():
            pairs = ", ".join(f"{key} = {toml(item)}" for key, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case msgspec.Struct():
            return _inline(value)
    return msgspec.json.encode(str(value)).decode().replace("\x7f", "\\u007f")


def _inline(value: msgspec.Struct) -> str:
    changed = [key for key in keys(type(value)).values() if getattr(value, key.field) != key.default]
    pairs = (f"{key.name} = {toml(getattr(value, key.field), is_span=key.span)}" for key in changed)
    return f"{{ {', '.join(pairs)} }}"
