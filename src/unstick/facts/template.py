"""Names taken apart and put together by templates: ``crawler-{container}-{n}`` is ``{container}_{n}`` elsewhere.

A template has no repeats to try out: taking a name apart looks for each of its literals once, from the right, so a
hostile name costs no more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

FIELDS = 8
_FIELD = re.compile(r"\{([a-z][a-z0-9_]{0,15})\}")


class TemplateError(ValueError):
    """What is wrong with a template, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


@lru_cache(maxsize=256)
def parsed(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Literals and fields, in order: one literal more than fields. Raises :class:`TemplateError`.

    >>> parsed("celery@{host}")
    (('celery@', ''), ('host',))
    """
    parts = _FIELD.split(template)
    literals, fields = tuple(parts[::2]), tuple(parts[1::2])
    if not template:
        raise TemplateError("is empty", "write a name, with {field} for what changes")
    if any("{" in literal or "}" in literal for literal in literals):
        raise TemplateError("has a brace that is no field", "a field is {name}, in small letters")
    if len(fields) > FIELDS:
        raise TemplateError(f"has more than {FIELDS} fields", "use fewer")
    if not all(literals[1:-1]):
        raise TemplateError("has two fields with nothing between them", "write what parts them")
    return literals, fields


@lru_cache(maxsize=256)
def matching(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """:func:`parsed`, of one that names are taken apart with: no field stands in it twice."""
    literals, fields = parsed(template)
    twice = next((field for field in fields if fields.count(field) > 1), None)
    if twice is not None:
        raise TemplateError(f"has {{{twice}}} twice", "give each field a name of its own")
    return literals, fields


def taken_apart(template: str, name: str) -> Mapping[str, str] | None:
    """The fields of ``name``; ``None`` where it is not such a name. Of several places the last one parts two fields.

    >>> taken_apart("{container}_{n}", "8b4f_59aa_3")
    {'container': '8b4f_59aa', 'n': '3'}
    >>> taken_apart("w{n}", "w"), taken_apart("web-1", "web-1")
    (None, {})
    """
    literals, fields = matching(template)
    if not fields:
        return {} if name == template else None
    begin, end = len(literals[0]), len(name) - len(literals[-1])
    if end <= begin or not name.startswith(literals[0]) or not name.endswith(literals[-1]):
        return None
    found: dict[str, str] = {}
    for literal, field in zip(reversed(literals[1:-1]), reversed(fields), strict=False):
        at = name.rfind(literal, begin + 1, end - 1)
        if at < 0:
            return None
        found[field], end = name[at + len(literal) : end], at
    found[fields[0]] = name[begin:end]
    return {field: found[field] for field in fields}


def put_together(template: str, fields: Mapping[str, str]) -> str:
    """``template`` with its fields filled in; what stands in a field is taken as it is."""
    literals, names = parsed(template)
    filled = (f"{fields[name]}{literal}" for name, literal in zip(names, literals[1:], strict=True))
    return literals[0] + "".join(filled)
