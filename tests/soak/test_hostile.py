"""A million hostile texts, and the whole corpus in every field of every fact on the largest screen."""

from __future__ import annotations

from pathlib import Path

from tests.tui import hostility, test_hostile
from tests.tui.hostility import TEXTS, foreign


def test_a_million_texts() -> None:
    test_hostile.sanitised(1_000_000, seed=2)


def test_the_corpus_on_a_tape(tmp_path: Path) -> None:
    path = tmp_path / "hostile.tape"
    hostility.taped(path, TEXTS)
    output = test_hostile.shown(path, (200, 60), len(TEXTS))
    print(f"{len(output)} bytes sent")
    assert foreign(output) == []


def test_the_corpus_under_the_mouse() -> None:
    test_hostile.clicked([text for text in TEXTS if text.strip()])
