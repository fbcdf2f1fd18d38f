"""Commands: each key by its name, completed, found by a few letters; and what leaves the screen."""

from __future__ import annotations

import base64
import csv
import io
import json

import pytest

from tests.unit.test_views import HOSTILE, everything
from unstick.tui import commands, export
from unstick.tui.keys import REGISTRY
from unstick.views.explain import explain
from unstick.views.tell import ABOUT, COLUMNS, tell

KNOWN = commands.commands({"quit": "ctrl+x"}, ("midnight", "paper"), ("board", "night"), ("worker", "seen"))


def texts(written: str, history: tuple[str, ...] = ()) -> list[str]:
    return [each.text for each in commands.suggest(written, KNOWN, history)]


def test_every_key_is_a_command_with_its_help_and_keys() -> None:
    assert [command.name for command in KNOWN] == [*(key.id for key in REGISTRY), "role"]
    assert all(command.help and command.action and command.keys for command in KNOWN if command.name != "role")
    assert "queues alone on screen, or back" in {command.help for command in KNOWN}
    assert next(command.keys for command in KNOWN if command.name == "quit") == "^x"


@pytest.mark.parametrize(
    ("written", "first"),
    [("th", "theme"), ("pane-q", "pane-queues"), ("q", "quit"), ("pqs", "pane-queues"), ("regex", "filter")],
)
def test_a_few_letters_find_a_command(written: str, first: str) -> None:
    assert texts(written)[0] == first


def test_words_that_may_follow_are_completed() -> None:
    assert texts("theme ") == ["theme midnight", "theme paper"]
    assert texts("theme pa") == ["theme paper"]
    assert texts("sort s") == ["sort seen"]
    assert texts("export ") == ["export csv", "export json"]
    assert texts("go 03:12") == []
    assert texts("nonsense x") == []


def test_what_was_done_comes_first_when_nothing_is_written() -> None:
    assert texts("", ("theme paper", "sort seen"))[:2] == ["sort seen", "theme paper"]
    assert texts("q", ("theme paper",))[0] == "quit"


@pytest.mark.parametrize(
    ("written", "name", "rest"),
    [
        ("theme paper", "theme", "paper"),
        ("go 5m ago", "go", "5m ago"),
        ("q", None, ""),
        ("quit", "quit", ""),
        ("qui", "quit", ""),
        ("nonsense", None, ""),
        ("", None, ""),
    ],
)
def test_a_line_names_one_command(written: str, name: str | None, rest: str) -> None:
    known = [command for command in KNOWN if command.name != "queues"]
    found = commands.parse(written, [*known, commands.Command("quote", "")] if written == "q" else known)
    assert (found and (found[0].name, found[1])) == (None if name is None else (name, rest))


def test_the_list_is_a_pane_whose_rows_are_lines() -> None:
    view = commands.view(commands.suggest("theme ", KNOWN, ()))
    assert [commands.text_of(row) for row in view.rows] == ["theme midnight", "theme paper"]


@pytest.mark.parametrize("pane", COLUMNS)
def test_every_column_and_every_threshold_of_a_pane_is_explained(pane: str) -> None:
    assert all(column.about for column in COLUMNS[pane]), pane
    told = list(explain(pane, COLUMNS[pane], everything().context))
    names = [name for name, _ in told]
    assert {column.title or column.key for column in COLUMNS[pane]} <= set(names)
    assert {"●", "▲", "✖", "?"} <= set(names)
    text = "\n".join("".join(span.text for span in line) for _, line in told)
    assert ABOUT[pane] in text
    assert "What is found wrong" in text


def test_thresholds_are_told_with_the_values_of_the_configuration() -> None:
    told = ["".join(span.text for span in line) for _, line in explain("queues", (), everything().context)]
    assert "  thresholds.queue_warning = 100" in told
    assert '  thresholds.oldest_critical = "30m"' in told
    assert "  thresholds.queue_warning" in ["".join(s.text for s in line) for _, line in explain("queues", (), None)]


def test_rows_become_csv_and_json_as_they_are_shown() -> None:
    view = next(pane for pane in tell(everything()).panes if pane.key == "queues")
    rows = list(csv.reader(io.StringIO(export.as_csv(view, view.rows))))
    assert rows[0] == ["level", *(column.key for column in view.columns)]
    assert len(rows) == 1 + len(view.rows)
    told = json.loads(export.as_json(view, view.rows))
    assert told["pane"] == "queues"
    assert [row["key"] for row in told["rows"]] == [row.key for row in view.rows]
    assert {row["ready"] for row in told["rows"]} == {500, 1, 5}
    assert None in {row["consumers"] for row in told["rows"]}


def test_no_cell_becomes_a_formula() -> None:
    view = next(pane for pane in tell(everything('=cmd|"/c calc"!A1')).panes if pane.key == "queues")
    for row in list(csv.reader(io.StringIO(export.as_csv(view, view.rows))))[1:]:
        assert not any(cell.startswith(("=", "@")) for cell in row)


def test_what_is_copied_is_one_harmless_sequence_and_bounded() -> None:
    view = next(pane for pane in tell(everything(HOSTILE)).panes if pane.key == "workers")
    data, cut = export.clip(export.pane_text(view, view.rows))
    assert not cut
    assert data.startswith(b"\x1b]52;c;")
    assert data.endswith(b"\x07")
    inside = base64.b64decode(data[7:-1], validate=True).decode()
    assert "\x1b" not in inside
    assert export.clip("я" * 60_000)[1]
    assert len(export.clip("я" * 60_000)[0]) < 140_000
