"""One table of keys: complete, without clashes, nothing in upper case; and what a user may change in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from unstick.tui.board import BoardScreen
from unstick.tui.help import help_page
from unstick.tui.keys import GROUPS, REGISTRY, check_overrides, keys_of, label, normal
from unstick.views.status_text import flat

OF_THE_TERMINAL = {"focus-previous", "redraw", "suspend", "interrupt"}
"""As in every full-screen program."""


def test_the_table_has_no_clash_and_every_key_is_one() -> None:
    assert check_overrides({}) == []
    assert check_overrides({key.id: ",".join(key.keys) for key in REGISTRY}) == []


def test_upper_case_belongs_to_actions_and_few_others() -> None:
    upper = [(key.group, name) for key in REGISTRY for name in key.keys if name.rpartition("+")[2].isupper()]
    assert {name for group, name in upper if group == "Actions"} == set("FDSAO")
    assert {name for group, name in upper if group != "Actions"} == set("NPI")
    assert all(name.isupper() for key in REGISTRY if key.group == "Actions" for name in key.keys)


def test_every_entry_is_told_in_help_and_its_action_exists() -> None:
    for key in REGISTRY:
        assert key.help
        assert key.group in GROUPS
        assert hasattr(BoardScreen, f"action_{key.action.partition('(')[0]}")


def test_every_entry_stands_in_help_as_it_is_drawn() -> None:
    words = "\n".join(flat(cell) for row in help_page({}, [], 200, len, ()).rows for cell in row.cells)
    assert [key.id for key in REGISTRY if key.help not in words] == []


def test_the_documentation_tells_every_key_and_the_readme_those_that_one_begins_with() -> None:
    root = Path(__file__).parents[2]
    page, readme = (root / "docs" / "keys.md").read_text(), (root / "README.md").read_text()
    told = {word for line in page.splitlines() if line.startswith("| ") for word in re.findall(r"`([^`]+)`", line)}
    assert [key.id for key in REGISTRY if key.id not in told or any(label(k) not in told for k in key.keys)] == []
    begun = set(re.findall(r"`([^`]+)`", readme[readme.index("## Keys") : readme.index("## Why")]))
    known = {label(name).replace("enter", "↵") for key in REGISTRY for name in key.keys}
    assert {word for word in begun if len(word) == 1 and word != "!"} <= known


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"quit": "Q"}, "upper-case keys are kept for actions"),
        ({"quit": "shift+Q"}, "upper-case keys are kept for actions"),
        ({"free-proxies": "p"}, "actions have upper-case keys"),
        ({"free-proxies": "ctrl+f"}, "actions have upper-case keys"),
        ({"free-proxies": "S"}, "would be both"),
        ({"qit": "x"}, "did you mean 'quit'"),
        ({"nonsense-of-all": "x"}, "there is no 'nonsense-of-all'"),
        ({"quit": "x"}, "'x' would be both faults and quit"),
        ({"quit": "/"}, "'slash' would be both filter and quit"),
        ({"quit": "bogus"}, "'bogus' is no key"),
        ({"quit": ""}, "is no key"),
        ({"quit": "hyper+x"}, "is no key"),
        ({"quit": "ctrl+y", "sort": "ctrl+y"}, "would be both"),
    ],
)
def test_a_bad_override_is_said_in_a_sentence(overrides: dict[str, str], said: str) -> None:
    (error,) = check_overrides(overrides)
    assert error[0] in overrides
    assert said in f"{error[1]}; {error[2]}"


def test_a_good_override_replaces_the_keys() -> None:
    overrides = {"quit": "ctrl+x, f10", "faults": "!", "mark-previous": "N, p", "free-proxies": "X"}
    assert check_overrides(overrides) == []
    entry = next(key for key in REGISTRY if key.id == "quit")
    assert keys_of(entry, overrides) == ("ctrl+x", "f10")
    assert keys_of(entry, {}) == ("q",)


def test_a_key_can_be_given_to_another_action_once_it_is_free() -> None:
    assert check_overrides({"quit": "x", "faults": "q"}) == []


@pytest.mark.parametrize("char", "/?!@#-+_\\:;.,'\"[](){}~`|<>=*&^%$x7")
def test_characters_are_named_as_textual_names_them(char: str) -> None:
    assert normal(char) == _character_to_key(char)


def test_labels_are_what_people_read() -> None:
    assert [label(name) for name in ("slash", "ctrl+l", "pagedown", "x")] == ["/", "^l", "pgdn", "x"]
