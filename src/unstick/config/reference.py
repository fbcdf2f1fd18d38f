"""The reference of every key, written from :mod:`unstick.settings`: ``python -m unstick.config.reference [FILE]``.

With a file, the text between its two markers is replaced; a test compares them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import msgspec.inspect as mi

from unstick import settings
from unstick.config.schema import Key, about, bare, bounds, inner_table, keys, toml
from unstick.config.values import span

BEGIN = "<!-- keys: python -m unstick.config.reference docs/configuration.md -->\n"
END = "<!-- end of keys -->\n"

_FORMS = {"column": "SQL name", "table": "SQL name, `schema.table`", "path": "path", "label": "text"}
_KINDS: dict[type[mi.Type], str] = {
    mi.BoolType: "true, false",
    mi.StrType: "text",
    mi.IntType: "whole number",
    mi.FloatType: "number",
    mi.DictType: "table of texts",
    mi.CustomType: "URL",
}


def reference() -> str:
    """Markdown: a table of keys for every table of the file."""
    return "\n".join(_sections())


def inserted(page: str) -> str:
    """``page`` with the reference between its markers. Raises :class:`ValueError` when it has none."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError("the page has no markers")
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


def _sections() -> Iterator[str]:
    top = [key for key in keys(settings.Context).values() if inner_table(key) is None]
    yield "### Of the context itself\n"
    yield "At the top of the file, or in `[context.NAME]`.\n"
    yield from _rows(settings.Context, top)
    for key in keys(settings.Context).values():
        table = inner_table(key)
        if table is not None:
            yield from _section(key.name, key, table)


def _section(name: str, key: Key, table: type[msgspec.Struct]) -> Iterator[str]:
    many = isinstance(key.type, mi.VarTupleType)
    yield f"### `[[{name}]]`\n" if many else f"### `[{name}]`\n"
    yield _markdown(about(table)) + "\n"
    below = list(keys(table).values())
    yield from _rows(table, below)
    for inner in below:
        nested = inner_table(inner)
        if nested is not None:
            yield from _section(f"{name}.{inner.name}", inner, nested)


def _rows(table: type[msgspec.Struct], below: list[Key]) -> Iterator[str]:
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for key in below:
        yield f"| `{key.name}` | {_value(table, key)} | {_default(key)} | {_markdown(about(table, key.field))} |"
        if key.secret_file:
            yield f"| `{key.secret_file}` | path | | A private file with the password for `{key.name}`. |"
    yield ""


def _value(table: type[msgspec.Struct], key: Key) -> str:
    text = _kind(key.type, key.extra, is_span=key.span)
    least, greatest, inclusive = bounds(table, key)
    if key.span:
        # Above nothing and below a year says nothing.
        least, greatest = least or None, None
    said = [span(number) if key.span else f"{number:g}" for number in (least, greatest) if number is not None]
    if least is not None:
        text += f", {'from' if inclusive else 'above'} {said[0]}"
    if greatest is not None:
        text += f" to {said[-1]}"
    return f"{text}, or false" if key.optional and key.default is not None else text


def _kind(kind: mi.Type, extra: dict[str, object], *, is_span: bool = False) -> str:
    if is_span:
        return "span"
    if isinstance(kind, mi.VarTupleType):
        inner, inner_extra = bare(kind.item_type)
        return "array of tables" if isinstance(inner, mi.StructType) else f"array of {_kind(inner, inner_extra)}s"
    if isinstance(kind, mi.LiteralType):
        return ", ".join(str(value) for value in kind.values)
    return _FORMS.get(str(extra.get("form")), _KINDS.get(type(kind), ""))


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default is None or key.default in ((), "", {}):
        return ""
    return f"`{toml(key.default, is_span=key.span)}`".replace("|", "\\|")


def _markdown(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def main(arguments: list[str]) -> None:
    """Print the reference, or put it into the named page."""
    if not arguments:
        sys.stdout.write(reference())
        return
    page = Path(arguments[0])
    page.write_text(inserted(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
