"""The scanner against tomllib: every key that tomllib finds has its line, for texts whose lines are known."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unstick.config.lines import Path, TooDeepError, dotted, line_of, lines_of

_bare = st.text("abcXYZ09_-", min_size=1, max_size=6)
_quoted = st.sampled_from(['"a.b"', "'c#d'", '"e\\"f]"', '"\\u00e9 = 1"', '""', "'[g]'"])
_key = st.one_of(_bare, _bare, _quoted)
_blank = st.sampled_from(["", "\n", "# comment = [1\n", "  # 'x\n\n", "\t\n"])
_scalar = st.sampled_from(
    [
        *("1", "-2.5e3", "true", "inf", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "0xff"),
        *('"a # b"', '"q\\"]"', "'lit\\'", '""', '"""x\n"y" \\""""', "'''a\n''b = 1\n'''", '"""\n[t]\n"""', '"\\\\"'),
    ]
)


class Text:
    """A TOML text in the making that remembers the line of every key."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self.text = ""
        self.lines: dict[Path, int] = {}

    def note(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def gap(self) -> None:
        self.text += self._draw(_blank)

    def value(self, path: Path, depth: int) -> None:
        kind = self._draw(st.integers(0, 9)) if depth else 0
        if kind < 6:
            self.text += self._draw(_scalar)
        elif kind < 8:
            self.array(path, depth)
        else:
            self.inline(path, depth)

    def array(self, path: Path, depth: int) -> None:
        self.text += "["
        for index in range(self._draw(st.integers(0, 3))):
            self.text += self._draw(st.sampled_from(["", " ", "\n", " # ]\n  "]))
            self.note((*path, index))
            self.value((*path, index), depth - 1)
            self.text += self._draw(st.sampled_from([",", ", ", "\n,"]))
        self.text += "]"

    def inline(self, path: Path, depth: int) -> None:
        self.text += "{ "
        for number, key in enumerate(self._draw(st.lists(_key, max_size=3, unique_by=_name))):
            self.text += ", " if number else ""
            below = (*path, _name(key))
            self.note(below)
            self.text += f"{key} = "
            self.value(below, depth - 1)
        self.text += " }"

    def pairs(self, table: Path) -> None:
        for key in self._draw(st.lists(_key, max_size=4, unique_by=_name)):
            self.gap()
            parts = [key, *self._draw(st.lists(_key, max_size=1))]
            path = table
            for part in parts:
                path = (*path, _name(part))
                self.note(path)
            self.text += " . ".join(parts) + " = "
            self.value(path, 2)
            self.text += self._draw(st.sampled_from(["\n", " # c\n", "\r\n"]))


def _name(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0")))


@st.composite
def documents(draw: Any) -> Text:
    made = Text(draw)
    made.pairs(())
    tables = draw(st.lists(_key, max_size=3, unique_by=_name))
    for key in tables:
        if (_name(key),) in made.lines:
            continue
        count = draw(st.integers(0, 3))
        for index in range(max(1, count)):
            made.gap()
            made.note((_name(key),))
            path: Path = (_name(key), index) if count else (_name(key),)
            made.note(path)
            made.text += f"[[ {key} ]] # ]\n" if count else f"[{key}]\n"
            made.pairs(path)
            if (*path, "sub") not in made.lines and draw(st.booleans()):
                made.note((*path, "sub"))
                made.text += f"[{key} . sub]\n"
                made.pairs((*path, "sub"))
    return made


def paths(value: Any, path: Path = ()) -> set[Path]:
    below: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return ({path} if path else set()).union(*(paths(item, (*path, name)) for name, item in below))


@settings(max_examples=300, deadline=None)
@given(documents())
def test_every_key_has_its_line(made: Text) -> None:
    found = lines_of(made.text)
    assert {path: lines[0] for path, lines in found.items()} == made.lines
    assert set(found) == paths(tomllib.loads(made.text))


@settings(max_examples=200, deadline=None)
@given(st.text("[]{}=.,#\"'\\\n ab1", max_size=60))
def test_a_text_that_is_not_toml_ends_the_scan_and_nothing_else(text: str) -> None:
    found = lines_of(text)
    assert all(1 <= line <= text.count("\n") + 1 for lines in found.values() for line in lines)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(found) == paths(document)


def test_the_line_of_a_missing_key_is_its_tables() -> None:
    lines = lines_of("a = 1\n[b]\n\n[[c]]\nd = 1\n")
    assert line_of(lines, ("b", "url")) == 2
    assert line_of(lines, ("c", 0, "url")) == 4
    assert line_of(lines, ("z",)) is None


def test_a_key_defined_twice_has_both_lines() -> None:
    assert lines_of("[a]\nb = 1\n\n[a]\nb = 2\n")["a", "b"] == [2, 5]


_DEEP = {
    "arrays": "a = " + "[" * 50_000,
    "dots": "a" + ".a" * 50_000,
    "header": "[" + "a." * 50_000 + "a]",
    "inline": "a = " + "{ b = " * 500,
}


@pytest.mark.parametrize("text", _DEEP.values(), ids=_DEEP)
def test_depth_ends_before_memory_and_recursion_do(text: str) -> None:
    with pytest.raises(TooDeepError) as caught:
        lines_of("\n" + text)
    assert caught.value.line == 2


def test_paths_are_shown_as_people_count() -> None:
    assert dotted(("context", "prod", "celery", 0, "queues", 2)) == "context.prod.celery[1].queues[3]"
